"""Duty over the pages: offered at sign-in, ended where it was taken; a review on a colleague's device; bad forms."""

from datetime import datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import numpy as np
from PIL import Image
from sqlalchemy import select

from storage.tables import duty, lookup_log, person, prescription
from tests.web.conftest import Browser, Demo
from tests.web.hostile import bad_page

HERE = {"Accept-Language": "zh-CN"}
DUTY = "/pharmacy/duty"


def review(browser: Browser, reference: str, **more: object) -> int:
    return browser.post(f"{DUTY}/reviews", {"reference": reference, "reviewed": "yes", **more}).status_code


def test_a_duty_is_offered_at_sign_in_and_ends_where_it_was_taken(demo: Demo) -> None:
    first, second = demo.browser("pharmacist"), demo.browser("pharmacist")
    assert first.post(f"{DUTY}/end", {}).status_code == 303
    assert "药师不在岗，暂停销售处方药和甲类非处方药" in second.get(DUTY, headers=HERE).text
    assert review(first, "RX-1") == 409
    offered = Browser(demo.app.test_client(), demo.shown.password)
    assert offered.sign_in("pharmacist").location == DUTY
    assert offered.post(f"{DUTY}/take", {}).location == "/pharmacy"
    assert review(second, "RX-1") == 303
    second.post("/sign-out", {})  # another device: the duty goes on
    with demo.store.reading() as session:
        open_duties = select(duty.c.id).join(person, person.c.id == duty.c.person).where(duty.c.ended_at.is_(None))
        mine = open_duties.where(person.c.sign_in == "pharmacist")
        assert len(session.scalars(mine).all()) == 1
    offered.post("/sign-out", {})
    with demo.store.reading() as session:
        assert session.scalars(mine).all() == []


def test_a_pharmacist_reviews_on_the_managers_device_and_the_tick_is_asked_for(demo: Demo) -> None:
    manager = demo.browser("pharmacy_manager")
    assert review(manager, "RX-1") == 409
    by_name = {"sign_in": "pharmacist", "password": demo.shown.password}
    assert review(manager, "RX-1", **by_name, reviewed="") == 422
    assert review(manager, "RX-1", **{**by_name, "password": "another one"}) == 422
    assert review(manager, "RX-1", **by_name) == 303
    assert "RX-1" in manager.get(DUTY, headers=HERE).text


def test_a_picture_is_asked_for_by_a_setting_and_shown_to_the_pharmacist(demo: Demo) -> None:
    pharmacist, manager = demo.browser("pharmacist"), demo.browser("pharmacy_manager")
    said = {"name": "prescription.image", "value": '"encrypted"', "source": "本店规定", "reason": "县局要求"}
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()
    assert manager.post("/rules", {**said, "effective_from": today}).status_code == 303
    assert review(pharmacist, "RX-1") == 422
    photo = BytesIO()
    Image.fromarray(np.full((60, 40), 200, np.uint8)).save(photo, "JPEG")
    assert review(pharmacist, "RX-1", photo=(BytesIO(photo.getvalue()), "rx.jpg")) == 303
    with demo.store.reading() as session:
        public_id = session.scalar(select(prescription.c.public_id).where(prescription.c.object.is_not(None)))
    shown = pharmacist.get(f"{DUTY}/prescriptions/{public_id}/image")
    assert (shown.mimetype, shown.data[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert demo.browser("pharmacist2").get(f"{DUTY}/prescriptions/{public_id}/image").status_code == 404
    with demo.store.reading() as session:
        assert session.scalars(select(lookup_log.c.subject).where(lookup_log.c.what == "prescription_image")).all() == [
            public_id
        ]


def test_forms_filled_in_by_nobody_are_refused_and_leave_nothing(demo: Demo) -> None:
    pharmacist, manager, inspector = (demo.browser(who) for who in ("pharmacist", "pharmacy_manager", "inspector"))
    public = manager.get("/pharmacy/window").text.partition('href="/w/')[2][:26]
    before = demo.counts()
    for text in ("\x00", "x" * 3_000, "\ud800".encode("utf-8", "surrogatepass"), "0" * 26):
        forms = (
            (pharmacist, f"{DUTY}/reviews", {"reviewed": "yes", "reference": "", "prescribed_on": text}),
            (manager, f"{DUTY}/registrations", {"person": text, "registration_no": "1", "expires_on": "soon"}),
            (manager, "/pharmacy/window", {"complaint_number": text, "shown": "yes", "zone": text}),
            (inspector, "/inspections", {"organisation": text, "inspected_on": "2026-01-01", "outcome": "passed"}),
        )
        for browser, path, form in forms:
            assert bad_page(browser.post(path, form), 404, 409, 422) is None, path
    for code in ("\x00", "x" * 5_000, "💊", "' OR 1=1", "%00"):
        answer = demo.client.get(f"/w/{public}/check", query_string={"code": code}, headers=HERE)
        assert answer.status_code == 200
        assert "这不是药品追溯码" in answer.text
    assert demo.client.get(f"/w/{'0' * 26}").status_code == 404
    assert demo.counts() | {"lookup_log": 0} == before | {"lookup_log": 0}  # what the inspector was shown is a look


def test_packs_are_looked_up_slowly_so_that_nobody_counts_a_shops_sales(demo: Demo) -> None:
    public = demo.browser("pharmacy_manager").get("/pharmacy/window").text.partition('href="/w/')[2][:26]
    answers = [demo.client.get(f"/w/{public}/check?code=8{n:019d}").status_code for n in range(21)]
    assert answers == [200] * 20 + [429]
