"""In-store codes as the shop itself reads them: its own house entry of the rule book says what their digits mean."""

from datetime import date

from sqlalchemy.orm import Session

from trace.domain.codes import Code, CodeKind
from trace.domain.in_store_codes import ENTRY, by_profile, profiles_of
from trace.domain.permissions import Actor
from trace.services.rulebook import rules_on


def as_shop_reads(session: Session, *, actor: Actor, code: Code, on: date) -> Code:
    """An in-store code with PLU, amount (kg) and price (yuan) by the profile of the actor's shop on a day.

    Any other code, and one that no profile fits, as it is. Reading twice changes nothing.
    """
    if code.kind not in (CodeKind.IN_STORE, CodeKind.SCALE_LABEL):
        return code
    return by_profile(code, profiles_of(rules_on(session, on, actor.organisation).value(ENTRY)))
