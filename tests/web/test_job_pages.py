"""The page of work in the background: what stopped is shown, tried again with one tap, given up with a reason."""

import re

import pytest
from sqlalchemy import insert, select

from storage.jobs import Job
from storage.tables import export_target, job, organisation
from tests.web.conftest import Demo
from trace import clock
from trace.domain.failures import N_, Failure
from trace.services.export_files import SEND
from trace.services.job_failing import as_kept, tell_dead

SAID = N_("The receiver answered {status}.")


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_what_stopped_is_tried_again_or_given_up_with_a_reason(demo: Demo) -> None:
    browser = demo.browser("pharmacy_manager")
    form = {"account-app_key": "23000000", "account-ref_user_id": "3f2e", "secret": "s3cret-word", "enabled": "yes"}
    assert browser.post("/exports/targets/trace_platform", form).status_code == 303
    with demo.store.writing() as session:
        target = session.execute(select(export_target)).one()
        session.execute(job.delete().where(job.c.kind == SEND))
        values = {"kind": SEND, "subject": target.id, "organisation": target.organisation, "due_at": clock.now()}
        failed = {"attempts": 12, "failing_since": clock.now(), "dead_at": clock.now()}
        stopped = values | failed | {"last_error": as_kept(Failure(SAID, status=503))}
        dead = session.execute(insert(job).values(stopped).returning(job.c.id)).scalar_one()
        now = clock.now()
        tell_dead(session, Job(dead, SEND, target.id, now, 12, "", target.organisation), now=now)
        whose = session.scalars(select(organisation.c.name).where(organisation.c.id == target.organisation)).one()
    page = browser.get("/jobs").text
    assert "接收方的应答是 503" in page or "503" in page
    assert "已停止" in page
    number = re.search(r'action="/jobs/(\d+)/retry"', page)
    assert number is not None
    assert 'href="/jobs?state=dead"' in browser.get("/pharmacy").text
    clerks = demo.browser("pharmacist").get("/pharmacy").text
    assert "后台任务已停止" in clerks and "/jobs" not in clerks, "who cannot decide is told, and sent nowhere"
    assert 'href="/jobs?state=dead"' in demo.browser("platform").get("/account").text
    seen = demo.browser("platform").get("/jobs").text
    assert whose in seen
    assert f"/jobs/{number[1]}/end" not in seen, "the platform ends nobody else's work"
    headers = demo.headers("organisation_administrator")  # a supermarket's
    assert demo.client.get(f"/api/v1/jobs/{number[1]}", headers=headers).status_code == 404
    assert demo.client.post(f"/api/v1/jobs/{number[1]}/retry", json={}, headers=headers).status_code == 404
    assert browser.post(f"/jobs/{number[1]}/retry", {}).status_code == 303
    assert "重试" in browser.get("/jobs").text
    assert browser.post(f"/jobs/{number[1]}/end", {"reason": ""}).status_code == 422
    assert browser.post(f"/jobs/{number[1]}/end", {"reason": "平台停机"}).status_code == 303
    assert "平台停机" in browser.get("/jobs").text
    assert browser.get("/jobs?state=waiting").status_code == 200
