"""Sealing what must not be read from the database or a backup: AES-256-GCM (NIST SP 800-38D), keys by HKDF (RFC 5869).

A seal is one key for one purpose. That of the service is derived from its secret key (SUNSHINE_SECRET_KEY), so that the
database alone opens nothing; that of a record is random, itself sealed, and destroyed with the record.

What is sealed names its place (`about`: "export_target 01K..."), which is authenticated with it: the bytes of one row,
put into another, do not open. Whoever changes the secret key must enter anew what was sealed under the old one.
"""

import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trace.domain.failures import N_, Conflict

KEY_BYTES = 32
_NONCE_BYTES = 12  # random: safe for 2^32 messages under one key (SP 800-38D section 8.3)
_FORM = b"\x01"  # of the sealed bytes: form, nonce, ciphertext with its tag


class Unopened(Conflict):
    """What is sealed cannot be opened: another key, another place, or bytes that were changed."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Closes and opens under one key of 32 bytes, which no representation shows."""

    key: bytes = field(repr=False)

    def close(self, plain: bytes, *, about: str) -> bytes:
        """The sealed bytes, 29 longer than the plain ones; the same twice is sealed differently."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORM + nonce + AESGCM(self.key).encrypt(nonce, plain, _bound(about))

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """The plain bytes. Raises `Unopened` for what this key did not seal for this place."""
        nonce, closed = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if not sealed.startswith(_FORM):
                raise InvalidTag
            return AESGCM(self.key).decrypt(nonce, closed, _bound(about))
        except (InvalidTag, ValueError) as fault:  # ValueError: a nonce that was cut off
            raise Unopened(
                N_("What was sealed cannot be opened: the secret key of the service was changed since. Enter it anew.")
            ) from fault


def seal_for(secret_key: str, purpose: str) -> Seal:
    """The service's seal for a purpose ("export_target", "record_key"); each purpose has a key of its own."""
    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"sunshine-trace {purpose}".encode())
    return Seal(derived.derive(secret_key.encode()))


def new_seal() -> Seal:
    """A seal of its own for one record, under a random key: who destroys the key erases the record."""
    return Seal(secrets.token_bytes(KEY_BYTES))


def _bound(about: str) -> bytes:
    return _FORM + about.encode()
