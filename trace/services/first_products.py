"""Which drugs are bought for the first time (首营品种): asked wherever goods are received, by note or by scanning."""

from collections.abc import Iterable

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.tables import organisation, product, product_check, receipt, receipt_line
from storage.tenancy import across
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.arrivals import Decision
from trace.services.chain import headquarters_of


@across(because="a chain is one enterprise: what one of its shops bought is new to none")
def first_products(session: Session, actor: Actor, products: Iterable[int]) -> set[int]:
    """Those of these drugs (numbers) that were never bought here, and have no first-product file yet.

    The file that a chain's headquarters made counts for its shops, and what one of them bought is new to none: a chain
    is one enterprise. Other goods have no such file.
    """
    head = headquarters_of(session, actor.organisation)
    holders = {actor.organisation, actor.organisation if head is None else head}
    chain = select(organisation.c.id).where(
        or_(organisation.c.id.in_(holders), organisation.c.headquarters.in_(holders))
    )
    wanted: set[int] = set()
    known: set[int] = set()
    for part in chunks(set(products)):
        drugs = select(product.c.id).where(product.c.id.in_(part), product.c.category == Category.DRUG.value)
        wanted |= set(session.scalars(drugs))
        checked = select(product_check.c.product).where(
            product_check.c.organisation.in_(holders), product_check.c.product.in_(part)
        )
        known |= set(session.scalars(checked))
    for part in chunks(wanted - known):
        bought = (
            select(receipt_line.c.product)
            .join(receipt, receipt.c.id == receipt_line.c.receipt)
            .where(
                receipt.c.organisation.in_(chain),
                receipt.c.undone_at.is_(None),
                receipt_line.c.product.in_(part),
                receipt_line.c.decision == Decision.ACCEPT.value,
            )
            .distinct()
        )
        known |= set(session.scalars(bought))
    return wanted - known
