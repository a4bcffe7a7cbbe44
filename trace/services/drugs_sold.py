"""Which of the packs that a till sold are drugs: it only says "sold", and of drugs one code is sold once."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.one_of import one_of
from storage.tables import lot, product, product_code, stock
from trace.domain.products import Category
from trace.domain.uris import class_uri_of, drug_code_uri

_TRACE_CODES = drug_code_uri("")
_IN_STOCK = (
    select(stock.c.item)
    .join(lot, lot.c.item == stock.c.lot)
    .join(product, product.c.id == lot.c.product)
    .where(product.c.category == Category.DRUG)
)
_BY_CODE = (
    select(product_code.c.code)
    .join(product, product.c.id == product_code.c.product)
    .where(product.c.category == Category.DRUG)
)
_BY_CLASS = select(product.c.class_uri).where(product.c.category == Category.DRUG)


def drugs_among(session: Session, packs: Mapping[str, int]) -> set[str]:
    """The drugs among single packs, {URI: number of it}.

    A drug's trace code says what it is; a GS1 code or a maker's own does not: the lot says it that any shop's stock
    counts the pack to, or the file by its GTIN. At most three statements, none where all are trace codes.
    """
    drugs = {uri for uri in packs if uri.startswith(_TRACE_CODES)}
    others = {number: uri for uri, number in packs.items() if uri not in drugs}
    for numbers in chunks(sorted(others)):
        drugs.update(others[item] for item in session.scalars(_IN_STOCK.where(one_of(session, stock.c.item, numbers))))
    classes = {uri: of for uri in packs if uri not in drugs and (of := class_uri_of(uri)) is not None}
    known: set[str] = set()
    for part in chunks(sorted(set(classes.values()))):
        gtins = {of.rpartition("/")[2]: of for of in part}
        known.update(session.scalars(_BY_CLASS.where(one_of(session, product.c.class_uri, part))))
        known.update(
            gtins[code] for code in session.scalars(_BY_CODE.where(one_of(session, product_code.c.code, gtins)))
        )
    return drugs | {uri for uri, of in classes.items() if of in known}
