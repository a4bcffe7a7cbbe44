"""The REST binding of EPCIS 2.0 (ISO/IEC 19987:2024 section 12) at /epcis/v2."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the binding to the application."""
    from trace.web.epcis import capture, events, queries, resources, subscriptions, top  # noqa: PLC0415
    from trace.web.epcis.blueprints import Resources  # noqa: PLC0415
    from trace.web.epcis.headers import add_headers  # noqa: PLC0415

    binding = Resources("epcis", __name__)
    binding.after_request(add_headers)
    for module in (top, capture, events, resources, queries, subscriptions):
        binding.register_blueprint(module.blueprint)
    app.register_blueprint(binding, url_prefix="/epcis/v2")
