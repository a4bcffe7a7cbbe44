"""The pages: one blueprint an audience, Chinese first, usable on a phone."""

import uuid
from importlib import import_module
from typing import Any

from flask import Flask, g, request, session
from flask_babel import get_locale, ngettext

from trace.domain.commitment import is_in_scope
from trace.domain.failures import N_
from trace.domain.parties import PHARMACIES, OrganisationKind
from trace.domain.permissions import Actor, Permission, may
from trace.services.rulebook import rules_on
from trace.web import words
from trace.web.access import AT_SHOP
from trace.web.curve import curve_of
from trace.web.rule_words import title_of
from trace.web.site.addresses import public_path
from trace.web.site.forms import cut_meats, ways_of_keeping

# The blueprints, one file each.
PAGES = (
    "acceptance",
    "alerts",
    "balance",
    "blocks",
    "canteen",
    "care",
    "chain",
    "chain_delivery",
    "checks",
    "climate",
    "commitment",
    "corrections",
    "counter",
    "drugs",
    "drug_sales",
    "duty",
    "evidence",
    "exports",
    "home",
    "imports",
    "inspections",
    "inspector",
    "jobs",
    "label",
    "more",
    "operations",
    "orders",
    "papers",
    "pharmacy",
    "prices",
    "rapid",
    "recalls",
    "receiving",
    "records",
    "resolver",
    "rules",
    "scan",
    "sign_in",
    "station",
    "stock",
    "stocktaking",
    "suppliers",
    "window",
)
# (address's endpoint, text, permission it needs)
DESKS = (
    ("station.page", N_("Receive"), Permission.GOODS_RECEIVE),
    ("stock.page", N_("Stock"), Permission.GOODS_RECEIVE),
    ("scan.page", N_("Read codes"), Permission.PHOTO_SCAN),
    ("pharmacy.page", N_("Pharmacy"), Permission.CODE_DISPENSE),
    ("inspector.page", N_("Look up"), Permission.LOT_TRACE),
    ("inspector.log", N_("Look-up log"), Permission.LOOKUP_LOG_READ),
    ("more.page", N_("More"), Permission.SELF_READ),
)
# What comes to a pharmacy is accepted; the station is one tap further, for what is no drug.
PHARMACY_DESKS = (("acceptance.page", N_("Receive"), Permission.GOODS_RECEIVE), *DESKS[1:])
# A canteen has three, and no other.
CANTEEN_DESKS = (
    ("station.page", N_("Receive"), Permission.GOODS_RECEIVE),
    ("stock.page", N_("Stock"), Permission.GOODS_RECEIVE),
    ("canteen.page", N_("Today's dishes"), Permission.GOODS_MOVE),
)


def register(app: Flask) -> None:
    """Add the pages to the application, and what every template needs."""
    for name in PAGES:
        app.register_blueprint(import_module(f"trace.web.site.{name}").blueprint)
    app.context_processor(common)
    app.jinja_env.filters.update(
        word=words.word,
        amount=words.amount_text,
        day=words.day_text,
        moment=words.moment_text,
        money=words.price_text,
        law=words.source_text,
        public_path=public_path,
        short=words.thing_text,
    )
    app.jinja_env.install_gettext_callables(words.said, ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.globals.update(curve_of=curve_of)
    app.jinja_env.globals.update(say=words.say, step_word=words.step_word, is_certified_here=is_certified_here)
    app.jinja_env.globals.update(
        cut_meats=cut_meats, ways_of_keeping=ways_of_keeping, rule_title=lambda name: words.say(*title_of(name))
    )


def is_certified_here(category: str) -> bool:
    """Whether goods of a category are for a commitment certificate by today's rules."""
    return is_in_scope(category, rules_on(g.session, g.now.date(), g.actor.organisation))


def desks_of(actor: Actor | None) -> tuple[tuple[str, str, Permission], ...]:
    """The desks of a kind of business: (endpoint, text, permission it needs)."""
    kind = None if actor is None else actor.organisation_kind
    if kind == OrganisationKind.CANTEEN:
        return CANTEEN_DESKS
    return PHARMACY_DESKS if kind in PHARMACIES else tuple(desk for desk in DESKS if desk[0] != "pharmacy.page")


def common() -> dict[str, Any]:
    """Who reads, where they may go, and a fresh key against doubled clicks."""
    actor = g.get("actor")
    desks = [(endpoint, text) for endpoint, text, permission in desks_of(actor) if actor and may(actor, permission)]
    return {
        "actor": actor,
        "at_shop": actor is not None and actor.api_key is None and AT_SHOP in session,
        "desks": desks,
        "endpoint": request.endpoint,
        "language": str(get_locale() or "zh"),
        "fresh_key": lambda: str(uuid.uuid4()),
    }
