"""The pages: one blueprint an audience, Chinese first."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the pages to the application."""
    from trace.web.site import home, inspector, pharmacy, sign_in, station  # noqa: PLC0415

    for module in (home, sign_in, station, pharmacy, inspector):
        app.register_blueprint(module.blueprint)
