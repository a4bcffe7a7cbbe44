"""Who of the pharmacists is on duty, as the pages of the counter show it (`templates/duty_strip.html`)."""

from typing import Any

from flask import g

from trace.domain.permissions import Permission, may
from trace.services.duty import NOBODY, may_take_duty, on_duty, own_duty, remote_on_duty
from trace.services.remote_review import shops_reviewed_for

# In the session of the device on which a duty was taken: signing out there ends it, on another device it does not.
ON_DUTY_HERE = "duty"


def duty_strip() -> dict[str, Any]:
    """{present: who is on duty, remote: who reviews from headquarters, mine: one's own duty or None, offer: whether to
    offer it, shops: whether for the shops of the chain, too, nobody: the sign's text}."""
    taker = may(g.actor, Permission.DUTY_TAKE)
    return {
        "present": on_duty(g.session, organisation=g.actor.organisation, at=g.now),
        "remote": remote_on_duty(g.session, shop=g.actor.organisation, at=g.now),
        "shops": taker and bool(shops_reviewed_for(g.session, actor=g.actor, on=g.now.date())),
        "mine": own_duty(g.session, actor=g.actor, at=g.now) if taker else None,
        "offer": taker and may_take_duty(g.session, actor=g.actor, at=g.now),
        "nobody": NOBODY,
    }
