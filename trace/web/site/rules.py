"""The rule book: what is in force, since when and by which source; its history; the form of who may write."""

import json
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.rules import RuleRequest, RulesQuery
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission, Role
from trace.domain.rules.book import Confidence
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.rule_writing import list_rules, rule_history, write_rule
from trace.web.access import from_replica, may
from trace.web.rule_words import TITLES, sentences_of, theme_of, title_of
from trace.web.rule_words_themes import THEMES
from trace.web.site.forms import load, text_of

blueprint = Blueprint("rules", __name__, url_prefix="/rules")
FIELDS = ("name", "effective_from", "value", "source", "confidence", "reason")


@blueprint.get("")
@may(Permission.RULE_READ)
@from_replica
def page() -> ResponseReturnValue:
    """规则 / The rules in force on a day, by theme."""
    on = load(RulesQuery(), {"on": request.args.get("on", "")})["on"] or g.now.date()
    themes: dict[tuple[str, str], list[dict[str, Any]]] = {(anchor, title): [] for anchor, title, _ in THEMES}
    known = {name: place for place, name in enumerate(TITLES)}
    cards = list_rules(g.session, actor=g.actor, on=on)
    for card in sorted(cards, key=lambda card: (known.get(card["name"], len(known)), card["name"])):
        themes.setdefault(theme_of(card["name"]), []).append(_told(card))
    return render_template("rules.html", themes=themes, on=on, today=g.now.date(), everywhere=_everywhere())


@blueprint.get("/new")
@may(Permission.RULE_MANAGE)
def new() -> ResponseReturnValue:
    """新增规则 / The form of an entry under a new name, such as the calendar of the next year."""
    return render_template("rule.html", name="", entries=[], may_write=True, **_form())


@blueprint.get("/<string:name>")
@may(Permission.RULE_READ)
@from_replica
def rule(name: str) -> ResponseReturnValue:
    """规则沿革 / One rule: every entry, and the form of the next."""
    return _show(name)


@blueprint.post("")
@may(Permission.RULE_MANAGE)
def write() -> ResponseReturnValue:
    """写入规则 / Add an entry; nothing is overwritten."""
    name = text_of("name", 80)
    typed = {field: text_of(field, 20_000) for field in FIELDS}
    try:
        asked = load(RuleRequest(), {key: said for key, said in typed.items() if said} | {"value": _value(typed)})
        command = Command(g.actor, g.now, text_of("client_key", 120) or None, request=dict(typed))
        write_rule(g.session, command, **asked | {"everywhere": _everywhere()})
    except Failure as failure:
        g.session.rollback()
        told: dict[str, Any] = {"problem": sentence(failure), "typed": typed}
        known = any(card["name"] == name for card in list_rules(g.session, actor=g.actor, on=g.now.date()))
        empty: dict[str, Any] = {"name": "", "entries": [], "may_write": True}
        page = _show(name, **told) if known else render_template("rule.html", **empty, **_form(**told))
        return page, status_of(failure)
    return redirect(url_for("rules.rule", name=name), 303)


def _show(name: str, **told: Any) -> str:
    found = rule_history(g.session, actor=g.actor, name=name)
    entries = [_told(card) for card in found["entries"]]
    current = next((card for card in entries if card["effective_from"] <= g.now.date()), entries[-1])
    # A house rule counts before that for everybody, whichever is the later one.
    current = next((c for c in entries if not c["everywhere"] and c["effective_from"] <= g.now.date()), current)
    return render_template(
        "rule.html", name=name, title=title_of(name), entries=entries, current=current,
        may_write=found["may_write"], **_form(current, **told),
    )  # fmt: skip


def _form(current: dict[str, Any] | None = None, **told: Any) -> dict[str, Any]:
    shown = json.dumps(current["value"], ensure_ascii=False, indent=1) if current else ""
    blank = {"name": "", "effective_from": g.now.date().isoformat(), "value": shown, "source": "", "reason": ""}
    return {
        "typed": blank | {"confidence": Confidence.SEEN.value},
        "confidences": list(Confidence),
        "everywhere": _everywhere(),
        "today": g.now.date(),
    } | told


def _value(typed: dict[str, str]) -> Any:
    try:
        return json.loads(typed["value"])
    except (ValueError, RecursionError) as fault:
        text = N_("The value is no JSON: texts and numbers with a point stand in quotation marks.")
        raise Invalid(text, field="value") from fault


def _told(card: dict[str, Any]) -> dict[str, Any]:
    return card | {"title": title_of(card["name"]), "sentences": sentences_of(card["name"], card["value"])}


def _everywhere() -> bool:
    return bool(g.actor.role is Role.PLATFORM_ADMINISTRATOR)
