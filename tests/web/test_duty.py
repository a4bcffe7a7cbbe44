"""Duty over the pages: offered at sign-in, ended where it was taken; a review on a colleague's device; bad forms."""

import re
from datetime import datetime
from io import BytesIO
from zoneinfo import ZoneInfo

import numpy as np
from PIL import Image
from sqlalchemy import select

from storage.tables import duty, lookup_log, person, prescription
from tests.web.conftest import Browser, Demo
from tests.web.hostile import bad_page
from trace import clock
from trace.domain.permissions import Role
from trace.domain.rules.book import Confidence
from trace.services.commands import Command
from trace.services.people import create_person, find_actor
from trace.services.pharmacists import file_pharmacist
from trace.services.rule_writing import write_rule

HEADS = ("headquarters", "platform")
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


def a_photo() -> BytesIO:
    photo = BytesIO()
    Image.fromarray(np.full((60, 40), 200, np.uint8)).save(photo, "JPEG")
    photo.seek(0)
    return photo


def rule(demo: Demo, who: str, name: str, value: str) -> None:
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()
    said = {"name": name, "value": value, "source": "本店规定", "reason": "县局要求", "effective_from": today}
    assert demo.browser(who).post("/rules", said).status_code == 303


def test_a_program_keeps_the_picture_that_a_setting_asks_for(demo: Demo) -> None:
    def send(public_id: str, photo: BytesIO) -> int:
        answer = demo.call("POST", f"/prescriptions/{public_id}/image", "pharmacist", data={"file": (photo, "rx.jpg")})
        return answer.status_code

    (someone,) = {one["person"] for one in demo.get("/duty", "pharmacist").json["on_duty"]}
    asked = {"reference": "RX-9", "reviewed_by": someone}
    done = demo.post("/prescriptions", asked, "pharmacist").json
    assert done["picture_wanted"] is False
    assert send(done["id"], a_photo()) == 422  # nobody asks for pictures
    rule(demo, "pharmacy_manager", "prescription.image", '"encrypted"')
    assert demo.post("/prescriptions", asked, "pharmacist").json["picture_wanted"] is True
    assert [send(done["id"], a_photo()), send(done["id"], a_photo()), send("0" * 26, a_photo())] == [201, 409, 404]
    assert send(done["id"], BytesIO(b"no picture")) == 415
    assert demo.browser("pharmacist").get(f"{DUTY}/prescriptions/{done['id']}/image").data[:3] == b"\xff\xd8\xff"


def pharmacist_at_headquarters(demo: Demo) -> Browser:
    """The browser of a pharmacist of the chain's headquarters, where the rule book lets them review for its shops."""
    now = clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
    named = {"name": "review.remote", "value": "headquarters", "source": "区药监局", "reason": "试点"}
    with demo.store.writing() as session:
        ids = {who: session.scalars(select(person.c.public_id).where(person.c.sign_in == who)).one() for who in HEADS}
        head, platform = (find_actor(session, ids[who]) for who in HEADS)
        assert head is not None
        assert platform is not None
        rules = {**named, "effective_from": now.date(), "confidence": Confidence.SEEN, "everywhere": True}
        write_rule(session, Command(platform, now), **rules)
        made = create_person(
            session, sign_in="far", name="总部药师（演示）", password=demo.shown.password, role=Role.PHARMACIST,
            organisation_id=head.organisation, now=now,
        )  # fmt: skip
        file_pharmacist(
            session, Command(head, now), person_id=made["id"], registration_no="642200001234", expires_on=None
        )
    return demo.browser("far")


def test_a_pharmacist_at_headquarters_reviews_on_its_page_for_a_shop(demo: Demo) -> None:
    shop = demo.browser("pharmacist")
    shop.post(f"{DUTY}/end", {})
    assert "药师不在岗" in shop.get(DUTY, headers=HERE).text
    far = pharmacist_at_headquarters(demo)
    page = far.get(DUTY, headers=HERE).text
    found = re.search(r'<option value="(\w{26})">沙枣花大药房文昌店', page)
    assert found, page
    assert review(far, "RX-7", shop=found[1]) == 409  # not on duty for the shops
    assert far.post(f"{DUTY}/take", {"remote": "yes"}).status_code == 303
    assert review(far, "RX-7", shop="0" * 26) == 404
    assert review(far, "RX-7", shop=found[1]) == 303
    page = shop.get(DUTY, headers=HERE).text
    assert ("药师不在岗" in page, "总部药师" in page, "RX-7" in page) == (False, True, True)
    far.post(f"{DUTY}/end", {})
    assert "药师不在岗" in shop.get(DUTY, headers=HERE).text


def test_a_picture_is_asked_for_by_a_setting_and_shown_to_the_pharmacist(demo: Demo) -> None:
    pharmacist = demo.browser("pharmacist")
    rule(demo, "pharmacy_manager", "prescription.image", '"encrypted"')
    assert review(pharmacist, "RX-1") == 422
    assert review(pharmacist, "RX-1", photo=(a_photo(), "rx.jpg")) == 303
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
