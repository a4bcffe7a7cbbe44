"""The REST binding of EPCIS 2.0 (ISO/IEC 19987:2024 section 12) at /epcis/v2."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the binding to the application."""
