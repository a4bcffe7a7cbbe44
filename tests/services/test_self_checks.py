"""Self-checks: filled from what was recorded, signed once by a person, never changed."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import insert, select

from storage.jobs import Job
from storage.tables import person, self_check
from tests.services.deliveries import delivered
from tests.town import NOW, STRANGER, TODAY, Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.domain.self_checks import CheckKind
from trace.services.commands import Command
from trace.services.corrections import LineCorrection, correct_receipt_line
from trace.services.job_failing import tell_dead
from trace.services.receiving import Decision, Line, receive
from trace.services.self_checks import draft, get_check, sign

DAILY, WEEKLY = CheckKind.DAILY, CheckKind.WEEKLY


def named(town: Town, actor: Actor, name: str = "李安全") -> Actor:
    """The actor as a person with an account."""
    with town.store.writing() as session:
        values = {
            "public_id": f"{name}{actor.organisation}", "sign_in": f"{name}{actor.organisation}", "name": name,
            "organisation": actor.organisation, "role": actor.role.value, "created_at": NOW,
        }  # fmt: skip
        number = session.execute(insert(person).values(values).returning(person.c.id)).scalar_one()
    return replace(actor, person=number, name=name)


def a_day(town: Town) -> Actor:
    """A shop that accepted one line with its papers and held one without, today."""
    farm, shop, made = delivered(town)
    town.arrive(farm, shop, Line(code=made, amount=Decimal(40)))
    bare = Line(
        product=town.product(shop, Category.VEGETABLE), amount=Decimal(5), decision=Decision.HOLD, reason="无证明"
    )
    town.do(receive, town.command(shop, hours=7), supplier=STRANGER, lines=[bare])
    return named(town, shop)


def points(content: dict) -> dict[str, int]:  # type: ignore[type-arg]
    """{code: cases} of the points that are not in order."""
    return {point["code"]: point["cases"] for point in content["points"] if not point["ok"]}


def test_the_daily_check_is_filled_from_the_records(town: Town) -> None:
    shop = a_day(town)
    content = town.do(draft, actor=shop, kind=DAILY, day=TODAY, now=NOW)
    assert (content["numbers"]["deliveries"], content["numbers"]["lines"]) == (2, 2)
    found = points(content)
    assert (found["papers"], found["held"]) == (1, 1)
    assert points(town.do(draft, actor=shop, kind=DAILY, day=town.day(1), now=NOW)).keys() <= {"held", "ending"}
    stopped = Job(1, "subscription", 1, NOW, 24, "", shop.organisation)
    town.do(tell_dead, stopped, now=NOW - timedelta(hours=1))
    assert town.do(draft, actor=shop, kind=DAILY, day=TODAY, now=NOW) == content, "software that stopped is no food"


def test_what_is_signed_is_kept_as_it_was_and_signed_once(town: Town) -> None:
    shop = a_day(town)
    wrong = {"pests": "仓库见蝇"}
    town.do(sign, town.command(shop), kind=DAILY, day=TODAY, problems=wrong, remarks="已处理")
    before = town.do(get_check, actor=shop, kind=DAILY, day=TODAY, now=NOW)
    assert points(before["content"])["pests"] == 0
    assert (before["signed"]["by"], before["content"]["role"]) == ("李安全", Role.CLERK.value)
    more = Line(product=town.product(shop), amount=Decimal(1), decision=Decision.REFUSE, reason="腐烂")
    town.do(receive, town.command(shop, hours=6), supplier=STRANGER, delivery_note="2", lines=[more])
    town.refuses(Conflict, sign, town.command(shop), kind=DAILY, day=TODAY, problems={})
    assert town.do(get_check, actor=shop, kind=DAILY, day=TODAY, now=NOW) == before
    with town.store.reading() as session:
        row = session.execute(select(self_check)).one()
    assert hashlib.sha256(row.content).hexdigest() == row.sha256


def test_a_week_names_what_was_signed_and_the_working_days_that_were_not(town: Town) -> None:
    shop = a_day(town)
    town.do(sign, town.command(shop), kind=DAILY, day=TODAY, problems={})
    content = town.do(draft, actor=shop, kind=WEEKLY, day=TODAY, now=NOW)
    monday = TODAY - timedelta(days=TODAY.weekday())
    assert [one["first_day"] for one in content["signed"]] == [TODAY.isoformat()]
    assert content["missing"] == [(monday + timedelta(days=n)).isoformat() for n in range(TODAY.weekday())]
    town.refuses(Conflict, sign, town.command(shop), kind=WEEKLY, day=TODAY, problems={})


def test_a_person_signs_in_time_and_looks_at_what_is_on_the_list(town: Town) -> None:
    shop = named(town, town.organisation())
    machine = replace(shop, person=None)
    refusal = town.refuses(Invalid, sign, town.command(machine), kind=DAILY, day=TODAY, problems={})
    assert refusal.field == "person"
    town.refuses(Invalid, sign, town.command(shop), kind=DAILY, day=TODAY, problems={"papers": "?"})
    town.refuses(Invalid, draft, actor=shop, kind=DAILY, day=town.day(-1), now=NOW)
    town.do(sign, town.command(shop), kind=DAILY, day=town.day(7), problems={})
    town.refuses(Conflict, sign, town.command(shop), kind=DAILY, day=town.day(8), problems={})


def test_an_inspector_of_the_region_sees_what_is_signed_and_nothing_else(town: Town) -> None:
    shop = named(town, town.organisation())
    town.do(sign, town.command(shop), kind=DAILY, day=TODAY, problems={})
    watcher = Actor(shop.organisation, "市场监管局", "regulator", "urn:r", "640500", Role.INSPECTOR)
    asked = {"kind": DAILY, "now": NOW, "whose": town.id_of(shop)}
    assert town.do(get_check, actor=watcher, day=TODAY, **asked)["signed"]["by"] == "李安全"
    town.refuses(NotFound, get_check, actor=watcher, day=town.day(1), **asked)
    town.refuses(NotFound, get_check, actor=replace(watcher, region="110000"), day=TODAY, **asked)


def test_what_came_or_was_corrected_after_the_signature_is_told_beside_it(town: Town) -> None:
    shop = a_day(town)
    town.do(sign, town.command(shop), kind=DAILY, day=TODAY, problems={})
    later = NOW + timedelta(hours=3)
    more = Line(product=town.product(shop), amount=Decimal(1), decision=Decision.REFUSE, reason="腐烂")
    town.do(receive, Command(shop, later), supplier=STRANGER, delivery_note="3", lines=[more])
    yesterday = town.do(
        receive, town.command(shop, days=1), supplier=STRANGER, delivery_note="4",
        lines=[Line(product=town.product(shop), amount=Decimal(1), decision=Decision.HOLD, reason="无证明")],
    )  # fmt: skip
    right = {"receipt_id": yesterday["id"], "line": 0, "to": LineCorrection(amount=Decimal(2)), "reason": "称错"}
    town.do(correct_receipt_line, Command(shop, later), **right)
    told = town.do(get_check, actor=shop, kind=DAILY, day=TODAY, now=later)
    assert (told["changed_since"], told["recorded_since"]) == (0, 1)  # yesterday's correction is yesterday's
    assert told["content"]["numbers"]["deliveries"] == 2


def test_no_program_signs_in_the_past(town: Town) -> None:
    shop = named(town, town.organisation())
    town.refuses(Conflict, sign, town.command(shop, days=8), kind=DAILY, day=town.day(8), problems={})
    assert town.count(self_check) == 0
