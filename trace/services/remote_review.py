"""Review from afar (远程审方): pharmacists on duty at a chain's headquarters review prescriptions for its shops.

Only where the rule book lets them (`review.remote`), and only who went on duty for the shops (`take_duty`, remote). The
prescription is the shop's, the review stands under the pharmacist's duty at headquarters.
"""

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.tables import organisation
from storage.tenancy import across
from trace.domain.failures import N_, Conflict, NotFound
from trace.domain.permissions import Actor
from trace.services.chain import actor_of_shop
from trace.services.rulebook import rules_on

HEADQUARTERS = "headquarters"  # value of the setting


@across(because="headquarters' pharmacist reviews for its shops")
def shops_reviewed_for(session: Session, *, actor: Actor, on: date) -> list[dict[str, Any]]:
    """The shops of the actor's chain whose prescriptions may be reviewed from here on a day, by name: {id, name,
    pictures}; `pictures` is whether the shop keeps one of each prescription."""
    query = select(organisation).where(organisation.c.headquarters == actor.organisation).order_by(organisation.c.name)
    return [
        {
            "id": row.public_id,
            "name": row.name,
            "pictures": rules_on(session, on, row.id).value("prescription.image") != "none",
        }
        for row in session.execute(query)
        if is_allowed(session, shop=row.id, on=on)
    ]


@across(because="headquarters' pharmacist reviews for its shops")
def reviewer_for(session: Session, *, actor: Actor, shop: str, on: date) -> Actor:
    """The actor at a shop of the chain (its public id), to review there and for nothing else.

    Raises `NotFound` for whatever is no shop of this headquarters, `Conflict` where the rule book lets nobody review
    from afar.
    """
    mine = (organisation.c.public_id == shop) & (organisation.c.headquarters == actor.organisation)
    row = session.execute(select(organisation).where(mine)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no shop {id} in your chain."), field="shop", id=shop[:26])
    if not is_allowed(session, shop=row.id, on=on):
        text = N_("Prescriptions of {shop} are not reviewed from afar: the rule book (review.remote) does not let it.")
        raise Conflict(text, field="shop", details={"rule": "R10"}, shop=row.name)
    return actor_of_shop(actor, row)


def is_allowed(session: Session, *, shop: int, on: date) -> bool:
    """Whether the prescriptions of a shop (its number) may be reviewed from afar on a day."""
    return bool(rules_on(session, on, shop).value("review.remote") == HEADQUARTERS)
