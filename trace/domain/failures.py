"""Failure is a class and a sentence: what was tried, what was wanted, what came, what to do now.

One place (`trace.errors`) turns a failure into an RFC 9457 problem or a page; the class decides the status there.
"""

from typing import Any


def N_(message: str) -> str:  # noqa: N802 - gettext's customary marker: extracted here, translated where it is shown
    """Mark a text as translatable without translating it (the domain does not know who reads)."""
    return message


class Failure(Exception):
    """A refusal that a person can act on.

    `message` is a translatable template, `values` fill its `{names}`, `field` names the input at fault
    (dotted path, e.g. `lines.0.quantity`), `details` is machine-readable extra for the problem document.
    """

    def __init__(self, message: str, *, field: str | None = None, details: dict[str, Any] | None = None, **values: Any):
        super().__init__(message)
        self.message = message
        self.field = field
        self.details = details or {}
        self.values = values

    def __str__(self) -> str:
        return self.message.format(**self.values) if self.values else self.message


class Invalid(Failure):
    """The input is not acceptable (422)."""


class NotFound(Failure):
    """There is no such record, or it is another organisation's: the two look alike (404)."""


class Forbidden(Failure):
    """The caller's role does not include this permission (403)."""


class Unauthenticated(Failure):
    """Nobody has signed in, or the key is not known (401)."""


class Conflict(Failure):
    """The request contradicts what is already recorded (409)."""


class TooLarge(Failure):
    """More bytes, pixels, rows or depth than the limit (413)."""


class QueryTooLarge(TooLarge):
    """A query whose answer has more events than the asker, or this service, lets it have (413)."""


class QueryTooComplex(TooLarge):
    """A query that would read more than this service reads for one question (413)."""


class NotAcceptable(Failure):
    """No answer of the form, version or vocabulary asked for can be given (406)."""


class NotProvided(Failure):
    """Something the standard lets a service leave out, and this one does (501)."""


class Unsupported(Failure):
    """A media type or form that this service does not read (415)."""


class Busy(Failure):
    """Try again shortly: all workers or the store are occupied (503)."""


class StorageFull(Failure):
    """The disk or object store has no room (507)."""
