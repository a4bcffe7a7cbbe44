"""What callers send about tables that they bring in."""

from schemas.requests import CommandRequest


class StoreRequest(CommandRequest):
    """Store a table that was looked at; nothing else is said."""
