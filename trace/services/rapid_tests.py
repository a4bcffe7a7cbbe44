"""Rapid tests (快检) of lots, and the clock of the re-test (R12; 食品安全法 Art. 88).

A test that failed holds the lot and everything made of it at once; one that was passed is a paper of the lot.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from storage.events import uris_of
from storage.tables import ident, lot, organisation, product, rapid_test, recall
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.permissions import Actor, region_prefix
from trace.domain.recalls import RecallKind, RetestMethod, Standing, state_of, to_the_minute
from trace.domain.rules.safety import TestResult, check_test_result, retest_until
from trace.services.alerts import raise_alert
from trace.services.capture import check_time
from trace.services.certificates import check_own_object, file_certificate
from trace.services.commands import Command, run_once
from trace.services.look_up_log import note_look_up
from trace.services.organisations import new_public_id
from trace.services.recall_notices import recall_row
from trace.services.recalls import end_hold, finish, lot_number, start_recall
from trace.services.rulebook import rules_on

FAILED = "rapid_test_failed"  # of its alert
# Why the hold is set or lifted, as the record keeps it for good: in the language of the law.
_FAILED, _PASSED, _FAILED_AGAIN, _CONCLUSION = "快检不合格", "复检合格", "复检不合格", "合格"


def record_test(
    session: Session,
    command: Command,
    *,
    lot: str,
    tested_for: str,
    passed: bool,
    official: bool,
    result_at: datetime | None = None,
    photo: str | None = None,
) -> dict[str, Any]:
    """Record a rapid test of a lot (any text that names it or a pack of it); `photo` is the SHA-256 of an own upload.

    Failed: the lot and everything made of it here is held at once, the inspectors of the region are alerted, and until
    `retest_until` a re-test may be asked for: four hours after an official rapid test, working days after another one
    (the rule book has both). Passed: the test is filed as a paper of the lot. `result_at` is when it was made known, to
    the minute; now where absent. Raises `NotFound` for a lot that was never here, `Invalid` for a time still to come.

    Two at once are two tests; a sale at the same moment: see `trace.services.recalls.open_recall`.
    """

    def act() -> dict[str, Any]:
        if not tested_for.strip():
            raise Invalid(N_("Say what was tested for."), field="tested_for")
        item = lot_number(session, command.actor, lot)
        known = to_the_minute((result_at or command.now).astimezone(command.now.tzinfo))
        check_time(known, command.now, field="result_at")
        if photo is not None:
            check_own_object(session, command.actor, photo)
        test = {
            "public_id": new_public_id(),
            "organisation": command.actor.organisation,
            "item": item,
            "tested_for": tested_for.strip(),
            "official": official,
            "passed": passed,
            "result_at": known,
            "object": photo,
            "person": command.actor.person,
            "recorded_at": command.now,
            "retest_by": "",
        }
        done = _file(session, command, test) if passed else _hold(session, command, test)
        session.execute(insert(rapid_test).values(test))
        return {"id": test["public_id"], "passed": passed, **done}

    return run_once(session, command, "record_rapid_test", act)


def _hold(session: Session, command: Command, test: dict[str, Any]) -> dict[str, Any]:
    """What a failed test does at once (R12)."""
    uri, reason = uris_of(session, [test["item"]])[test["item"]], f"{_FAILED}：{test['tested_for']}"[:200]
    held = start_recall(session, command, lot=uri, kind=RecallKind.HOLD, reason=reason)
    rules = rules_on(session, test["result_at"].date(), command.actor.organisation)
    test["retest_until"] = retest_until(test["result_at"], rapid=test["official"], rules=rules)
    test["recall"] = session.execute(select(recall.c.id).where(recall.c.public_id == held["id"])).scalar_one()
    raise_alert(
        session,
        kind=FAILED,
        item=test["item"],
        organisation=command.actor.organisation,
        region=command.actor.region,
        details={"code": uri, "subject": held["id"], "facts": {"tested_for": test["tested_for"]}},
        now=command.now,
    )
    result = TestResult(test["passed"], test["official"], test["result_at"])
    return {
        "hold": held,
        "retest_until": test["retest_until"].isoformat(timespec="minutes"),
        "findings": [finding.as_dict() for finding in check_test_result(result, rules)],
    }


def _file(session: Session, command: Command, test: dict[str, Any]) -> dict[str, Any]:
    """A test that was passed is one of the papers that produce may come with (R3)."""
    uri = uris_of(session, [test["item"]])[test["item"]]
    named = session.execute(
        select(product.c.name).join(lot, lot.c.product == product.c.id).where(lot.c.item == test["item"])
    ).scalar_one_or_none()
    contents = {
        "product_name": named or "",
        "tested_for": test["tested_for"],
        "tested_on": test["result_at"].date().isoformat(),
        "conclusion": _CONCLUSION,
    }
    paper = file_certificate(
        session,
        replace(command, client_key=None),  # the key is this command's
        kind=CertificateKind.RAPID_TEST,
        lots=[uri],
        issuer=command.actor.organisation_name,
        issued_on=test["result_at"].date(),
        contents=contents,
        sha256=test["object"],
    )
    return {"paper": paper["id"]}


def ask_retest(session: Session, command: Command, *, public_id: str) -> dict[str, Any]:
    """Ask for the re-test of a failed test: when is kept to the minute.

    Raises `Conflict` after the deadline, for a test that was passed, and where it was asked for before. Two at once:
    the guarded update lets one through.
    """

    def act() -> dict[str, Any]:
        row = _own(session, command.actor, public_id)
        asked_at = to_the_minute(command.now)
        if row.passed:
            raise Conflict(N_("This test was passed; there is nothing to test again."), field="retest")
        if row.retest_until is not None and asked_at > row.retest_until:
            raise Conflict(
                N_(
                    "A re-test could be asked for until {until}; it is {now}. Send the goods back or destroy them"
                    " (食品安全法 Art. 88)."
                ),
                field="retest",
                until=row.retest_until.astimezone(command.now.tzinfo).isoformat(timespec="minutes"),
                now=asked_at.isoformat(timespec="minutes"),
            )
        asked = update(rapid_test).where(rapid_test.c.id == row.id, rapid_test.c.retest_asked_at.is_(None))
        if session.execute(asked.values(retest_asked_at=asked_at).returning(rapid_test.c.id)).one_or_none() is None:
            raise Conflict(N_("The re-test was asked for already."), field="retest")
        return {"id": public_id, "asked_at": asked_at.isoformat(timespec="minutes")}

    return run_once(session, command, "ask_retest", act)


def record_retest(
    session: Session, command: Command, *, public_id: str, passed: bool, laboratory: str, method: RetestMethod
) -> dict[str, Any]:
    """Record the result of the re-test: passed, it lifts the hold of the test; failed, the goods stay blocked for good.

    Raises `Conflict` where none was asked for or its result is known, `Invalid` for another rapid test (FSL Art. 88)
    and without the laboratory. Two at once: the guarded update of the test lets one through.
    """

    def act() -> dict[str, Any]:
        row = _own(session, command.actor, public_id)
        if method is RetestMethod.RAPID:
            raise Invalid(N_("The re-test may not be a rapid test (食品安全法 Art. 88)."), field="method")
        if not laboratory.strip():
            raise Invalid(N_("Name the laboratory."), field="laboratory")
        if row.retest_asked_at is None:
            raise Conflict(N_("Ask for the re-test first: there is a deadline for that."), field="retest")
        values = {"retest_passed": passed, "retest_at": command.now, "retest_by": laboratory.strip()}
        told = update(rapid_test).where(rapid_test.c.id == row.id, rapid_test.c.retest_passed.is_(None)).values(values)
        if session.execute(told.returning(rapid_test.c.id)).one_or_none() is None:
            raise Conflict(N_("The result of the re-test is recorded already."), field="retest")
        hold = recall_row(session, row.recall)
        if state_of(hold.lifted_at, hold.closed_at) is not Standing.OPEN:
            return {"id": public_id, "passed": passed}
        if passed:
            return {
                "id": public_id,
                "passed": True,
                **_ended(end_hold(session, command, hold, f"{_PASSED}：{laboratory}")),
            }
        return {
            "id": public_id, "passed": False, **_ended(finish(session, command, hold, f"{_FAILED_AGAIN}：{laboratory}"))
        }  # fmt: skip

    return run_once(session, command, "record_retest", act)


def _ended(done: dict[str, Any]) -> dict[str, Any]:
    return {"hold": done["id"], "released": done.get("released", [])}


def _own(session: Session, actor: Actor, public_id: str) -> Row[Any]:
    mine = (rapid_test.c.public_id == public_id) & (rapid_test.c.organisation == actor.organisation)
    row = session.execute(select(rapid_test).where(mine)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no rapid test {id}."), field="test", id=public_id)
    return row


def list_tests(session: Session, *, actor: Actor, now: datetime, limit: int = 100) -> list[dict[str, Any]]:
    """Rapid tests of the own organisation, for inspectors of the region (the look is written down), newest first.

    `state`: passed, may_ask (a re-test, until `retest_until`), too_late, asked, retest_passed, retest_failed.
    """
    note_look_up(session, actor=actor, what="rapid_test", subject=actor.region, now=now)
    query = (
        select(
            rapid_test,
            ident.c.uri,
            lot.c.number,
            product.c.name,
            product.c.category,
            organisation.c.name.label("by"),
            recall.c.public_id.label("hold"),
        )
        .join(ident, ident.c.id == rapid_test.c.item)
        .join(organisation, organisation.c.id == rapid_test.c.organisation)
        .join(lot, lot.c.item == rapid_test.c.item, isouter=True)
        .join(product, product.c.id == lot.c.product, isouter=True)
        .join(recall, recall.c.id == rapid_test.c.recall, isouter=True)
        .order_by(rapid_test.c.id.desc())
        .limit(limit)
    )
    mine = rapid_test.c.organisation == actor.organisation
    if actor.watches:
        mine = organisation.c.region.startswith(region_prefix(actor.region))
    return [_card(row, now) for row in session.execute(query.where(mine))]


def running_clocks(session: Session, *, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """The failed tests of the own organisation for which a re-test may still be asked."""
    tests = list_tests(session, actor=actor, now=now, limit=50)
    return [test for test in tests if test["state"] == "may_ask"]


def _card(row: Row[Any], now: datetime) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "by": row.by,
        "lot": row.uri,
        "lot_number": row.number or "",
        "product": row.name or "",
        "category": row.category or "",
        "tested_for": row.tested_for,
        "official": row.official,
        "passed": row.passed,
        "result_at": row.result_at,
        "retest_until": row.retest_until,
        "retest_asked_at": row.retest_asked_at,
        "retest_passed": row.retest_passed,
        "retest_at": row.retest_at,
        "laboratory": row.retest_by,
        "sha256": row.object,
        "hold": row.hold,
        "state": _state(row, now),
        "minutes_left": _minutes_left(row, now),
    }


def _state(row: Row[Any], now: datetime) -> str:
    if row.passed:
        return "passed"
    if row.retest_passed is not None:
        return "retest_passed" if row.retest_passed else "retest_failed"
    if row.retest_asked_at is not None:
        return "asked"
    return "may_ask" if to_the_minute(now) <= row.retest_until else "too_late"


def _minutes_left(row: Row[Any], now: datetime) -> int | None:
    """Minutes in which a re-test may still be asked for; None where that is no question any more."""
    if _state(row, now) != "may_ask":
        return None
    return int((row.retest_until - to_the_minute(now)).total_seconds() // 60)
