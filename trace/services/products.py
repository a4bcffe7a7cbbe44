"""The product file: what a code on a pack is called, and which rules its category follows."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from storage.events import chunks, insert_for
from storage.names import Name, keep_names, named, product_names
from storage.tables import organisation as organisation_table
from storage.tables import product, product_code
from trace.domain import uris
from trace.domain.codes import Code, CodeKind, parse_code
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.organisations import new_public_id
from trace.services.shop_codes import as_shop_reads

EVERYWHERE = 0


def register_product(
    session: Session,
    *,
    actor: Actor,
    name: str,
    category: Category,
    unit: str,
    now: datetime,
    code: str | None = None,
    **details: Any,
) -> dict[str, Any]:
    """Put a product into the file, or give back the one its code already names.

    `code` is what is printed on the pack: a GTIN, a 20-digit drug code or its 7-digit identifier (both teach the
    identifier), or an in-store code (kept for this shop only: a PLU means something in one shop). Without a code the
    product gets an identifier of its own.

    Raises `Conflict` if the code belongs to a product of another category: one of the two is mistaken. Two shops that
    register one code at once: the unique key of `product.class_uri` decides, the second gets the first's product. Two
    clerks that register one PLU at once: both pass through the locked row of their organisation.
    """
    codes, class_uri = _keys(session, code, actor, now)
    if any(organisation != EVERYWHERE for organisation, _ in codes):
        own = select(organisation_table.c.id).where(organisation_table.c.id == actor.organisation)
        session.execute(own.with_for_update(key_share=True)).one()
    known = [row for key in codes if (row := _by_code(session, *key)) is not None]
    if not known:
        values = {
            "public_id": new_public_id(),
            "class_uri": class_uri,
            "name": name,
            "category": category.value,
            "unit": unit,
            "registered_by": actor.organisation,
            "created_at": now,
            **details,
        }
        session.execute(insert_for(session, product).values(values).on_conflict_do_nothing())
    row = known[0] if known else session.execute(select(product).where(product.c.class_uri == class_uri)).one()
    if row.category != category.value:
        raise Conflict(
            N_("{code} is {name} ({stands}) in the product file; {said} came. Correct the code or the category."),
            field="code",
            code=code or class_uri,
            name=row.name,
            stands=row.category,
            said=category.value,
        )
    if not known:
        keep_names(session, product_names(row.id, row._asdict()))
    for organisation, text in codes:
        learn_code(session, product_id=row.id, organisation=organisation, code=text)
    return as_card(row)


def learn_code(session: Session, *, product_id: int, organisation: int, code: str) -> None:
    """Remember that a code names a product; again is harmless."""
    statement = insert_for(session, product_code).values(product=product_id, organisation=organisation, code=code)
    session.execute(statement.on_conflict_do_nothing())


def _keys(session: Session, text: str | None, actor: Actor, now: datetime) -> tuple[list[tuple[int, str]], str]:
    """The (organisation, code) pairs a printed code is found by, and the class URI of its product."""
    if text is None:
        return [], uris.private_uri("product", "class", new_public_id())
    code = as_shop_reads(session, actor=actor, code=parse_code(text), on=now.date())
    if code.kind is CodeKind.UNKNOWN and len(code.text) == 7 and code.text.isdigit() and code.text[0] == "8":
        return [(EVERYWHERE, code.text)], uris.drug_class_uri(code.text)
    if code.plu:
        return [(actor.organisation, code.plu)], uris.private_uri("product", "class", new_public_id())
    if code.drug_identifier and code.class_uri:
        return [(EVERYWHERE, code.drug_identifier)], code.class_uri
    if code.class_uri:
        return [(EVERYWHERE, code.class_uri)], code.class_uri
    raise Invalid(
        N_("{code} names no product: give the number under the barcode, or none."), field="code", code=code.text[:80]
    )


def find_product(session: Session, *, actor: Actor, code: Code) -> dict[str, Any] | None:
    """The product a scanned code belongs to: by GTIN, by drug identifier, or by this shop's own PLU."""
    if code.plu:
        row = _by_code(session, actor.organisation, code.plu)
    elif code.drug_identifier:
        row = _by_code(session, EVERYWHERE, code.drug_identifier)
        if row is None and code.gtin:  # read on the same box: the identifier is learnt when the goods are received
            row = _by_code(session, EVERYWHERE, uris.gtin_uri(code.gtin))
    elif code.class_uri:
        row = _by_code(session, EVERYWHERE, code.class_uri) or _by_class(session, code.class_uri)
    else:
        row = None
    return as_card(row) if row else None


def products_of_classes(session: Session, classes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{class URI: the product it names}, as far as the file knows it; two statements for many."""
    codes = {_code_of_class(uri): uri for uri in classes}
    found: dict[str, dict[str, Any]] = {}
    for part in chunks(codes):
        by_class = select(product).where(product.c.class_uri.in_([codes[code] for code in part]))
        found |= {row.class_uri: as_card(row) for row in session.execute(by_class)}
        by_code = (
            select(product_code.c.code, product)
            .join(product, product.c.id == product_code.c.product)
            .where(product_code.c.organisation == EVERYWHERE, product_code.c.code.in_(part))
        )
        found |= {codes[row.code]: as_card(row) for row in session.execute(by_code)}
    return found


def _code_of_class(class_uri: str) -> str:
    """The code that stands for a class in `product_code`: a drug's identifier, else its URI."""
    return class_uri.removeprefix(f"{uris.PRIVATE}/drug/class/")


def discontinue_product(session: Session, *, actor: Actor, public_id: str, on: date | None) -> dict[str, Any]:
    """Say that a product is made no more from a day on (None: it is again): nobody is offered it any more.

    What is left of it is received, sold and traced as before. Raises `NotFound` for a product that another
    organisation registered: it is theirs to say. Two at once: the later one stands, nothing else hangs on it.
    """
    mine = (product.c.public_id == public_id) & (product.c.registered_by == actor.organisation)
    row = session.execute(update(product).where(mine).values(discontinued_on=on).returning(product)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no product {id} that you registered."), field="product", id=public_id)
    return as_card(row)


def products_by_id(session: Session, public_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{public id: the product}, with its cold range in degrees; ids that name none are not there."""
    found: dict[str, dict[str, Any]] = {}
    for part in chunks(set(public_ids)):
        for row in session.execute(select(product).where(product.c.public_id.in_(part))):
            low, high = row.celsius_low, row.celsius_high
            cold = None if low is None or high is None else (Decimal(low) / 100, Decimal(high) / 100)
            found[row.public_id] = {**as_card(row), "celsius": cold}
    return found


def list_products(
    session: Session, *, actor: Actor, text: str = "", category: str | None = None, limit: int = 200
) -> list[dict[str, Any]]:
    """The product file by name, without what is made no more."""
    del actor  # the file is shared: names of goods are no secret
    query = select(product).where(product.c.discontinued_on.is_(None)).order_by(product.c.name).limit(limit)
    if text:
        query = query.where(named(session, Name.PRODUCT, text))
    # What one canteen cooks is nothing that others receive.
    query = query.where(product.c.category == category if category else product.c.category != Category.DISH)
    return [as_card(row) for row in session.execute(query)]


def as_card(row: Row[Any]) -> dict[str, Any]:
    """A product as the desks and the API show it."""
    return {
        "id": row.public_id,
        "class": row.class_uri,
        "name": row.name,
        "category": row.category,
        "specification": row.specification,
        "unit": row.unit,
        "shelf_life_days": row.shelf_life_days,
        "producer": row.producer,
        "approval_no": row.approval_no,
        "dosage_form": row.dosage_form,
        "prescription": row.prescription,
        "mah": row.mah,
        "national_drug_code": row.national_drug_code,
        "storage": row.storage,
        "drug_class": row.drug_class,
        "split_units": row.split_units,
        "split_unit_name": row.split_unit_name,
        "discontinued_on": row.discontinued_on,
    }


def _by_code(session: Session, organisation: int, code: str) -> Row[Any] | None:
    query = (
        select(product)
        .join(product_code, product_code.c.product == product.c.id)
        .where(product_code.c.organisation == organisation, product_code.c.code == code)
    )
    return session.execute(query).one_or_none()


def _by_class(session: Session, class_uri: str) -> Row[Any] | None:
    return session.execute(select(product).where(product.c.class_uri == class_uri)).one_or_none()
