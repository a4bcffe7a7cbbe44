"""Who of the pharmacists is on duty, as the pages of the counter show it (`templates/duty_strip.html`)."""

from typing import Any

from flask import g

from trace.domain.permissions import Permission, may
from trace.services.duty import NOBODY, may_take_duty, on_duty, own_duty

# In the session of the device on which a duty was taken: signing out there ends it, on another device it does not.
ON_DUTY_HERE = "duty"


def duty_strip() -> dict[str, Any]:
    """{present: who is on duty, mine: one's own duty or None, offer: whether to offer it, nobody: the sign's text}."""
    taker = may(g.actor, Permission.DUTY_TAKE)
    return {
        "present": on_duty(g.session, organisation=g.actor.organisation, at=g.now),
        "mine": own_duty(g.session, actor=g.actor, at=g.now) if taker else None,
        "offer": taker and may_take_duty(g.session, actor=g.actor, at=g.now),
        "nobody": NOBODY,
    }
