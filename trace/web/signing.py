"""The session's cookie: signed, over https only once it came by https, and not lost when the clock is put back."""

from typing import Any

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer

PUT_BACK = 24 * 3600  # seconds by which a clock may have been put back since a cookie was signed


class SteadySigner(TimestampSigner):
    """A signer whose signature also counts while the clock, which was put back since, says that it is of the future.

    The library takes a negative age for an expired one: whoever signed in within the last hour would be signed out for
    an hour when the machine's clock is put back by one.
    """

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        """The value, and when it was signed where asked for; raises `SignatureExpired` for one that is too old."""
        value, signed_at = super().unsign(signed_value, return_timestamp=True)
        age = self.get_timestamp() - int(signed_at.timestamp())
        if max_age is not None and not -PUT_BACK <= age <= max_age:
            raise SignatureExpired(
                f"Signature age {age}, at most {max_age} seconds", payload=value, date_signed=signed_at
            )
        return (value, signed_at) if return_timestamp else value


class SessionInterface(SecureCookieSessionInterface):
    """The session's cookie travels over https only, once it came by https; plain http is for a shop's own machine."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether the cookie is marked Secure."""
        return request.is_secure or super().get_cookie_secure(app)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """What signs the cookie and reads it."""
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = SteadySigner
        return serializer
