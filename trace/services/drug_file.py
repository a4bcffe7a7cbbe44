"""The drug file: which product a scanned code is a pack of, and at which level of packing.

`read_codes` is the one reader of scanned drug codes. An identifier that the file does not know is asked about, and
learnt when somebody who holds the pack says what it is (`learn`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from storage.bulk import select_among
from storage.events import chunks, insert_for
from storage.tables import maker_code, product, product_code
from trace.domain.codes import parse_code
from trace.domain.drugs import (
    LEVELS,
    LONGEST_PREFIX,
    PACKS,
    SHORTEST_PREFIX,
    CodeForm,
    PackCode,
    common_beginning,
    is_drug_identifier,
    is_maker_prefix,
    maker_code_uri,
    maker_text,
    parse_cascade,
    parse_pack_code,
)
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.commands import Command
from trace.services.lots import get_product, item_uri
from trace.services.products import EVERYWHERE, as_card


@dataclass(frozen=True, slots=True)
class DrugCode:
    """A scanned text, read: the pack (`uri`; None where it names none), and what the file knows of its product.

    `product` is the card of the file (`trace.services.products.as_card`) or None; `pack_level` 1 is the smallest pack,
    None is not known; `cascade` says how many smallest packs each level holds ("1:5:2500"). `identifier` is what the
    file knows the class by: 7 digits, the URI of a GTIN, the beginning of a maker's codes. Lot and dates are what a
    GS1 code says itself.
    """

    text: str
    form: CodeForm
    uri: str | None = None
    class_uri: str | None = None
    identifier: str | None = None
    product: Mapping[str, Any] | None = None
    pack_level: int | None = None
    cascade: str | None = None
    lot: str | None = None
    produced_on: date | None = None
    expires_on: date | None = None

    @property
    def known(self) -> bool:
        """Whether the file knows the product."""
        return self.product is not None

    @property
    def is_pack(self) -> bool:
        """Whether the text names one pack: what is accepted, counted, sold."""
        return self.form in PACKS


@dataclass(frozen=True, slots=True)
class NewIdentifier:
    """What the file does not know yet, and is asked about: "which product is this?"

    `length` is that of a maker's own codes, whose `identifier` is what they begin with (a proposal); else None.
    """

    form: CodeForm
    identifier: str
    length: int | None
    codes: tuple[str, ...]  # the URIs of the packs that were read with it


@dataclass(frozen=True, slots=True)
class _Known:
    """What the file says of an identifier."""

    card: Mapping[str, Any]
    level: int | None
    cascade: str | None


def read_codes(session: Session, texts: Iterable[str], *, actor: Actor | None) -> list[DrugCode]:
    """Scanned texts read as drug codes, in their order, in all three forms; never fails.

    The same for 1 and for 2,000 texts: two statements, two more where makers' own codes are among them.
    """
    del actor  # the file is shared: which product a code is of is no secret
    codes = [parse_pack_code(text) for text in texts]
    known = _known_classes(session, {code.identifier: code.class_uri or "" for code in codes if code.identifier})
    open_texts = [maker_text(code) for code in codes if code.identifier not in known]
    makers = _maker_codes(session, {text for text in open_texts if text})
    return [_read(code, known, makers) for code in codes]


def _read(code: PackCode, known: Mapping[str, _Known], makers: Mapping[str, tuple[str, _Known]]) -> DrugCode:
    read = DrugCode(
        code.text,
        code.form,
        code.uri,
        code.class_uri,
        code.identifier,
        lot=code.lot,
        produced_on=code.produced_on,
        expires_on=code.expires_on,
    )
    found = known.get(code.identifier or "")
    text = maker_text(code) if found is None else None
    if text is not None and text in makers:
        prefix, found = makers[text]
        read = DrugCode(text, CodeForm.MAKER, maker_code_uri(text), found.card["class"], prefix)
    if found is None:
        return read
    return replace(read, product=found.card, pack_level=found.level, cascade=found.cascade)


# Asked at every scan: put together once.
_OF_CODES = (
    select(product_code.c.code, product_code.c.pack_level, product_code.c.pack_cascade, product)
    .join(product, product.c.id == product_code.c.product)
    .where(product_code.c.organisation == EVERYWHERE, product_code.c.code.in_(bindparam("codes", expanding=True)))
)


def _known_classes(session: Session, wanted: Mapping[str, str]) -> dict[str, _Known]:
    """{identifier: what the file says of it}; `wanted` is {identifier: class URI}."""
    known: dict[str, _Known] = {}
    for part in chunks(wanted):
        rows = session.execute(_OF_CODES, {"codes": list(part)})
        known |= {row.code: _Known(as_card(row), row.pack_level, row.pack_cascade) for row in rows}
    # A product that was registered by its class, before anybody taught the file its codes.
    classes = {uri: identifier for identifier, uri in wanted.items() if identifier not in known and uri}
    for part in chunks(classes):
        rows = session.execute(select(product).where(product.c.class_uri.in_(part)))
        known |= {classes[row.class_uri]: _Known(as_card(row), None, None) for row in rows}
    return known


def _maker_codes(session: Session, texts: Iterable[str]) -> dict[str, tuple[str, _Known]]:
    """{maker's own code: (its beginning, what the file says of it)}; of two beginnings that fit, the longer."""
    beginnings = {
        text: [text[:n] for n in range(SHORTEST_PREFIX, min(LONGEST_PREFIX, len(text)) + 1)] for text in texts
    }
    if not beginnings:
        return {}
    columns = ("prefix", "length", "product", "pack_level")
    rows = select_among(session, maker_code, columns, "prefix", {b for many in beginnings.values() for b in many})
    if not rows:
        return {}
    by_key = {(prefix, length): (prefix, number, level) for prefix, length, number, level in rows}
    cards = {
        row.id: as_card(row)
        for part in chunks({number for _, number, _ in by_key.values()})
        for row in session.execute(select(product).where(product.c.id.in_(part)))
    }
    found: dict[str, tuple[str, _Known]] = {}
    for text, many in beginnings.items():
        fitting = [known for beginning in many if (known := by_key.get((beginning, len(text))))]
        if fitting:
            prefix, number, level = fitting[-1]
            found[text] = prefix, _Known(cards[number], level, None)
    return found


def new_identifiers(codes: Sequence[DrugCode]) -> list[NewIdentifier]:
    """What is to be asked about these packs before they can be received: each unknown identifier once.

    Makers' own codes of one length are one question, with their common beginning as a proposal.
    """
    asked: dict[tuple[CodeForm, str, int | None], list[DrugCode]] = {}
    for code in codes:
        if code.is_pack and not code.known:
            of_maker = code.form is CodeForm.MAKER
            asked.setdefault((code.form, code.identifier or "", len(code.text) if of_maker else None), []).append(code)
    return [
        NewIdentifier(
            form,
            identifier or common_beginning(code.text for code in many),
            length,
            tuple(dict.fromkeys(str(code.uri) for code in many)),
        )
        for (form, identifier, length), many in asked.items()
    ]


def packs_named(
    session: Session, texts: Sequence[str], *, made_of: Row[Any], actor: Actor, field: str
) -> tuple[tuple[str, ...], list[DrugCode]]:
    """The packs of a product (its row) that these texts name, each once; and of them the drugs' codes as read.

    Raises `Invalid` for a text that names no pack.
    """
    is_drug = made_of.category == Category.DRUG
    read = read_codes(session, texts, actor=actor)
    uris = [str(code.uri) if is_drug and code.is_pack else item_uri(code.text, field=field) for code in read]
    # Other goods carry codes of all sorts (ear tags, serial numbers); a drug's code on them is a mistake all the same.
    return tuple(dict.fromkeys(uris)), [code for code in read if is_drug or code.form is CodeForm.TRACE_CODE]


def confirm_codes(
    session: Session,
    command: Command,
    codes: Sequence[DrugCode],
    *,
    made_of: Row[Any],
    confirmed: Sequence[str] | None,
    field: str,
) -> tuple[str, ...]:
    """Learn those unknown identifiers of these codes that somebody `confirmed` to be of the product.

    Answers the others, to be asked about. None is the word of the maker, who knows them all. Of a maker's own
    codes, what they begin with is confirmed. Raises `Invalid` for a code that the file knows to be another
    product's, and for a case's: its boxes come by a relation file or by their own codes.
    """
    _check_product(codes, made_of, field)
    asked = []
    for new in new_identifiers(codes):
        said = new.identifier if confirmed is None else _said_of(new, confirmed)
        if said is None:
            asked.append(new.identifier)
        else:
            learn(session, command, identifier=said, product=made_of.public_id, level=1, length=new.length)
    return tuple(asked)


def _check_product(codes: Iterable[DrugCode], made_of: Row[Any], field: str) -> None:
    """Raise `Invalid` for a code that the file knows to be another product's, or no single pack."""
    for code in codes:
        if code.product is not None and code.product["id"] != made_of.public_id:
            raise Invalid(
                N_("The code identifier {identifier} belongs to another product in the file; scan again or choose it."),
                field=field,
                identifier=code.identifier,
            )
        if code.pack_level is not None and code.pack_level > 1:
            raise Invalid(
                N_(
                    "{code} is the code of a case (level {level}). Scan its boxes, or bring in the relation file that"
                    " says which boxes are inside."
                ),
                field=field,
                code=code.text[:80],
                level=code.pack_level,
            )


def _said_of(new: NewIdentifier, confirmed: Sequence[str]) -> str | None:
    """What of the confirmed is said of this identifier; of a maker's, a beginning that all its codes have."""
    if new.length is None:
        return new.identifier if new.identifier in confirmed else None
    return next((text for text in confirmed if text and new.identifier.startswith(text)), None)


def learn(
    session: Session,
    command: Command,
    *,
    identifier: str,
    product: str,
    level: int | None,
    cascade: str | None = None,
    length: int | None = None,
) -> dict[str, Any]:
    """Remember that an identifier names a product (public id) at a pack level; again is harmless. Answers its card.

    `identifier` is a 7-digit 药品标识码, a GTIN (digits or URI), or, where `length` is given, what all codes of a maker
    begin with that are so long. Raises `Invalid` for what is none of these, `Conflict` where the file says that it is
    of another product: one of the two holds another box. A level that is known is not changed here.

    Two at once: the unique keys of `product_code` and `maker_code` decide, and the later compares with what is there.
    """
    made_of = get_product(session, product)
    if level is not None and not 1 <= level <= LEVELS:
        raise Invalid(N_("A level of packing is 1 (the smallest) to {levels}."), field="level", levels=LEVELS)
    if cascade and parse_cascade(cascade) is None:
        raise Invalid(
            N_("{cascade} is no cascade: write the smallest packs in each level, as 1:5:2500."),
            field="cascade",
            cascade=cascade[:40],
        )
    stands = (
        _learn_class(session, command, identifier, made_of.id, level, cascade)
        if length is None
        else _learn_maker(session, command, identifier, length, made_of.id, level)
    )
    if stands != made_of.id:
        raise Conflict(
            N_("The code identifier {identifier} belongs to another product in the file; scan again or choose it."),
            field="identifier",
            identifier=identifier[:80],
        )
    return as_card(made_of)


def _learn_class(
    session: Session, command: Command, identifier: str, number: int, level: int | None, cascade: str | None
) -> int:
    """The number of the product the identifier stands for, after learning it."""
    key = identifier_key(identifier)
    values = {
        "product": number,
        "organisation": EVERYWHERE,
        "code": key,
        "pack_level": level,
        "pack_cascade": cascade or None,
        "learnt_by": command.actor.organisation,
        "learnt_at": command.now,
    }
    session.execute(insert_for(session, product_code).values(values).on_conflict_do_nothing())
    return int(_row_of(session, key).product)


def _learn_maker(session: Session, command: Command, prefix: str, length: int, number: int, level: int | None) -> int:
    if not is_maker_prefix(prefix, length):
        raise Invalid(
            N_(
                "A maker's codes are known by {shortest} to {longest} characters they all begin with,"
                " and by their length (8 to 100)."
            ),
            field="identifier",
            shortest=SHORTEST_PREFIX,
            longest=LONGEST_PREFIX,
        )
    values = {
        "product": number,
        "prefix": prefix,
        "length": length,
        "pack_level": level or 1,
        "learnt_by": command.actor.organisation,
        "learnt_at": command.now,
    }
    session.execute(insert_for(session, maker_code).values(values).on_conflict_do_nothing())
    query = select(maker_code.c.product).where(maker_code.c.prefix == prefix, maker_code.c.length == length)
    return int(session.execute(query).scalar_one())


def _row_of(session: Session, key: str) -> Row[Any]:
    query = select(product_code).where(product_code.c.organisation == EVERYWHERE, product_code.c.code == key)
    return session.execute(query).one()


def identifier_key(text: str) -> str:
    """What the file knows a class by: the 7 digits, or the URI of a GTIN; raises `Invalid` for another text."""
    if is_drug_identifier(text):
        return text
    code = parse_code(text)
    typed = "/" not in text  # what was read on a pack may fail its check digit (R20); what was typed is typed again
    if code.gtin and code.class_uri and not (code.lot or code.serial or (typed and code.warnings)):
        return code.class_uri
    raise Invalid(
        N_("{text} is no drug identifier (7 digits, the first an 8) and no GTIN."), field="identifier", text=text[:80]
    )
