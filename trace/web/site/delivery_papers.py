"""The papers of a delivery on its form: one photo for many lines, or one paper for one line.

A paper photographed for the delivery (a *sheet*) is a draft in the form: which kind it is and which lines it is for can
be changed by a tap until the delivery is received, and only then is it filed, once. Its photo is kept at once.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flask import g, request

from schemas.requests import CertificateRequest
from trace.domain.certificate_fields import CONTENTS
from trace.domain.codes import CodeKind, parse_code
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.papers import CertificateKind, Severity, requirements_for
from trace.services.certificates import file_certificate
from trace.services.hops import Command
from trace.services.rulebook import rules_on
from trace.services.scans import PaperPhoto, keep_paper
from trace.web.parts import parts
from trace.web.site.forms import MANY_SHEETS, load, text_of
from trace.web.uploads import read_photo

Card = Mapping[str, Any]
Look = Callable[[], Sequence[Card | None]]  # how each line of the form stands
Lacking = list[list[tuple[str, ...]]]  # of each line the groups of papers it lacks, any of a group will do
_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{5,39}")
_WORDS = (("合格证", CertificateKind.COMMITMENT), ("检疫", CertificateKind.QUARANTINE))
_PAPER_CODES = (CodeKind.UNKNOWN, CodeKind.URL, CodeKind.CERTIFICATE_QR, CodeKind.OWN_LINK)
_ORDER = [severity.value for severity in Severity]


def read_photos(form: Mapping[str, Any], line: str) -> tuple[list[PaperPhoto], PaperPhoto | None]:
    """The papers photographed for the delivery, and the one for a line (`line` is its number, or no number).

    Comes before anything that asks the store: on SQLite nobody else could write while a photo is read. Raises what
    `read_paper` raises; the first that cannot be read ends it.
    """
    photos = [file for file in request.files.getlist("sheet-photo") if file.filename]
    if len(form["sheets"]) + len(photos) > MANY_SHEETS:
        raise Invalid(N_("A delivery has at most {most} photographed papers."), field="sheet-photo", most=MANY_SHEETS)
    of_line = request.files.get(f"paper-{line}-photo")
    seconds = parts().settings.scan_seconds
    return (
        [read_photo(photo, seconds=seconds) for photo in photos],
        read_photo(of_line, seconds=seconds) if of_line is not None and of_line.filename else None,
    )


def keep_photos(form: dict[str, Any], photos: Iterable[PaperPhoto], look: Look) -> None:
    """Keep papers just photographed as sheets of the form, each for the lines that lack such a paper."""
    for photo in photos:
        sha256 = keep_paper(g.session, actor=g.actor, objects=parts().objects, photo=photo, now=g.now)
        if any(sheet["sha256"] == sha256 for sheet in form["sheets"]):
            continue
        lacking = lacking_of(form, look())
        sheet: dict[str, Any] = {"sha256": sha256, "issued_on": g.now.date().isoformat(), **_read(photo.texts)}
        sheet |= {"kind": sheet.get("kind") or _guess(lacking), "fresh": True}
        form["sheets"].append(sheet)
        assign(form, sheet, lacking)


def _read(texts: Sequence[str]) -> dict[str, str]:
    """What the codes on a paper say: its number as it is written, and the text of its QR code, kept as it is.

    What names a product or a pack lies in the photo by chance.
    """
    found: dict[str, str] = {}
    for text in texts:
        plain = text.strip()
        kind = _kind_of(plain)
        if kind in _PAPER_CODES:
            is_number = _NUMBER.fullmatch(plain) is not None and any(character.isdigit() for character in plain)
            found.setdefault("number" if is_number else "qr", plain[:4_000])
            says = next((paper for word, paper in _WORDS if word in plain), None)
            if says is None and kind is CodeKind.CERTIFICATE_QR:
                says = CertificateKind.COMMITMENT
            if says is not None:
                found.setdefault("kind", says.value)
    return found


def _kind_of(text: str) -> CodeKind | None:
    """What a text is; UNKNOWN for digits that look like a product's number and fail its check; None if unreadable."""
    try:
        code = parse_code(text)
    except Failure:
        return None
    return CodeKind.UNKNOWN if code.warnings else code.kind


def lacking_of(form: Mapping[str, Any], cards: Sequence[Card | None]) -> Lacking:
    """What each line lacks: by its look, else (supplier or quantity not known yet) by its category."""
    rules = rules_on(g.session, g.now.date(), g.actor.organisation)
    found: Lacking = []
    for line, card in zip(form["lines"], cards, strict=True):
        there = {sheet["kind"] for sheet in form["sheets"] if sheet["sha256"] in line["sheets"]}
        if card is not None:
            groups = [tuple(state["any_of"]) for state in card["papers"] if not state["satisfied_by"]]
        else:
            category = line.get("category") or line.get("new_category") or ""
            groups = [tuple(kind.value for kind in group.any_of) for group in requirements_for(category, rules)]
        found.append([group for group in groups if not there & set(group)])
    return found


def _guess(lacking: Lacking) -> str:
    """The kind most lines lack: of each line what is asked for first, the gravest; else the slip that came along."""
    counts: dict[str, int] = {}
    for groups in lacking:
        for group in groups[:1]:
            counts[group[0]] = counts.get(group[0], 0) + 1
    return max(counts, key=lambda kind: counts[kind], default=CertificateKind.DELIVERY_NOTE.value)


def assign(form: dict[str, Any], sheet: Mapping[str, str], lacking: Lacking) -> None:
    """Tie a sheet to the lines that lack its kind, and to no other; a delivery note is for all lines."""
    note = sheet["kind"] == CertificateKind.DELIVERY_NOTE
    for line, groups in zip(form["lines"], lacking, strict=True):
        others = [sha256 for sha256 in line["sheets"] if sha256 != sheet["sha256"]]
        wanted = note or any(sheet["kind"] in group for group in groups)
        line["sheets"] = [*others, sheet["sha256"]] if wanted else others


def adopt(form: dict[str, Any], look: Look) -> None:
    """Tie the papers that are photographed already to lines that came after them and lack such a paper."""
    if not form["sheets"] or not any(line.get("fresh") for line in form["lines"]):
        return
    for line, groups in zip(form["lines"], lacking_of(form, look()), strict=True):
        if line.get("fresh"):
            wanted = [sheet["sha256"] for sheet in form["sheets"] if any(sheet["kind"] in group for group in groups)]
            line["sheets"] = list(dict.fromkeys([*line["sheets"], *wanted]))


def reassign(form: dict[str, Any], look: Look) -> None:
    """Tie those sheets anew whose kind was changed: what other lines lack is another question then."""
    for sheet in form["sheets"]:
        if sheet.get("was") and sheet["was"] != sheet.get("kind"):
            for line in form["lines"]:
                line["sheets"] = [sha256 for sha256 in line["sheets"] if sha256 != sheet["sha256"]]
            assign(form, sheet, lacking_of(form, look()))


def kinds_for(form: Mapping[str, Any]) -> list[str]:
    """The kinds of paper that goods such as these take, what is asked for first; the delivery note last."""
    rules = rules_on(g.session, g.now.date(), g.actor.organisation)
    found: list[str] = []
    for line in form["lines"]:
        category = line.get("category") or line.get("new_category") or ""
        found += [kind.value for group in requirements_for(category, rules) for kind in group.any_of]
    return list(dict.fromkeys([*found, CertificateKind.DELIVERY_NOTE.value]))


def missing_papers(cards: Sequence[Card | None]) -> list[dict[str, Any]]:
    """The groups of papers that are missing, gravest first: kinds, severity, how many lines."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for card in cards:
        for state in card["papers"] if card else ():
            if not state["satisfied_by"]:
                entry = {"any_of": state["any_of"], "severity": state["severity"], "lines": 0}
                found.setdefault(tuple(state["any_of"]), entry)["lines"] += 1
    return sorted(found.values(), key=lambda entry: _ORDER.index(entry["severity"]))


def file_sheets(form: Mapping[str, Any], issuer: str, *, only: Sequence[int] | None = None) -> dict[str, str]:
    """File the photographed papers, issued by the supplier unless transcribed otherwise later: {photo: certificate}.

    `only` files those of some lines: what a look at them needs.
    """
    chosen = [
        (number, sheet)
        for number, sheet in enumerate(form["sheets"])
        if only is None or any(sheet["sha256"] in form["lines"][line]["sheets"] for line in only)
    ]
    return {sheet["sha256"]: _file_sheet(sheet, issuer, f"sheet-{number}") for number, sheet in chosen}


def _file_sheet(sheet: Mapping[str, str], issuer: str, where: str) -> str:
    body: dict[str, Any] = {
        "kind": sheet.get("kind", ""),
        "issuer": issuer,
        "number": sheet.get("number", ""),
        "issued_on": sheet.get("issued_on") or g.now.date().isoformat(),
        "valid_until": sheet.get("valid_until") or None,
        "sha256": sheet["sha256"],
    }
    payload = _loaded(body, where)
    if sheet.get("qr") and "qr_payload" in CONTENTS[payload["kind"]].names:
        payload["contents"] = {"qr_payload": sheet["qr"]}
    return str(file_certificate(g.session, Command(g.actor, g.now), **payload)["id"])


def file_paper(form: dict[str, Any], number: int, photo: PaperPhoto | None) -> None:
    """File the paper described under a line, with its photo if there is one, and tie it to that line."""
    where = f"paper-{number}"
    body = {
        "kind": text_of(f"{where}-kind"),
        "issuer": text_of(f"{where}-issuer"),
        "number": text_of(f"{where}-number"),
        "issued_on": text_of(f"{where}-issued_on") or g.now.date().isoformat(),
        "valid_until": text_of(f"{where}-valid_until") or None,
    }
    payload = _loaded(body, where)
    if photo is not None:
        payload["sha256"] = keep_paper(g.session, actor=g.actor, objects=parts().objects, photo=photo, now=g.now)
    done = file_certificate(g.session, Command(g.actor, g.now), **payload)
    line = form["lines"][number]
    line["certificates"] = [*line["certificates"], done["id"]]
    form["papers"].pop(number, None)


def _loaded(body: Mapping[str, Any], where: str) -> dict[str, Any]:
    try:
        return load(CertificateRequest(), body)
    except Failure as failure:
        failure.field = f"{where}-{failure.field}"
        raise
