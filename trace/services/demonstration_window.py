"""The demonstration's pharmacies as the public sees them: pharmacists on duty, an inspection, a window each."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.tables import person
from trace.domain.inspections import Grade, Outcome
from trace.domain.permissions import Role
from trace.services.commands import Command
from trace.services.demonstration_cast import Cast
from trace.services.duty import take_duty
from trace.services.inspections import record_inspection
from trace.services.people import find_actor
from trace.services.pharmacists import file_pharmacist
from trace.services.public_window import set_window

# who: (registration, what the inspection of so many days ago ended in)
PHARMACIES = {
    "pharmacy_a": ("642219000113", Outcome.PASSED, Grade.A, 40),
    "pharmacy_b": ("642219000114", Outcome.TO_CORRECT, Grade.C, 12),
}
INSPECTORS = ("马检查员（演示）", "李检查员（演示）")


def open_windows(session: Session, cast: Cast) -> None:
    """Registrations on file, pharmacists on duty from now on, an inspection each, and windows everybody may see."""
    for who, (number, outcome, grade, days_ago) in PHARMACIES.items():
        actor = cast.actors[who]
        at_work = (person.c.organisation == actor.organisation) & (person.c.role == Role.PHARMACIST)
        for public_id in session.scalars(select(person.c.public_id).where(at_work)).all():
            file_pharmacist(
                session,
                cast.command(who, 300, 9),
                person_id=public_id,
                registration_no=number,
                title="执业中药师",
                expires_on=cast.day(-700),
            )
            pharmacist = find_actor(session, public_id)
            if pharmacist is not None:
                take_duty(session, Command(pharmacist, cast.today))
        record_inspection(
            session,
            Command(replace(cast.actors["regulator"], role=Role.INSPECTOR), cast.today),
            organisation_id=cast.ids[who],
            inspected_on=cast.day(days_ago),
            outcome=outcome,
            grade=grade,
            inspectors=INSPECTORS,
        )
        set_window(session, Command(actor, cast.today), shown=True, names=False, notice="营业时间 08:00—22:00")
