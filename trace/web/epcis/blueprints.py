"""How the binding's routes are made: OPTIONS is answered by views of its own, with access and headers."""

from typing import Any

from flask import Blueprint


class Resources(Blueprint):
    """Flask's blueprint without automatic answers to OPTIONS; identifiers in addresses keep their slashes."""

    def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
        """Add a rule; `ni:///sha-256;...` and `https://...` hold slashes that must not be merged."""
        options |= {"provide_automatic_options": False, "merge_slashes": False, "strict_slashes": False}
        super().add_url_rule(rule, *args, **options)
