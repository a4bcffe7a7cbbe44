"""The pages of the climate: typed in one form, refused with a way out, brought in from a file, handed out."""

import io
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from tests.web.conftest import Browser, Demo
from trace import clock


def shop(demo: Demo) -> tuple[Browser, str]:
    """Somebody of the pharmacy with a cold zone: their browser and the zone's public id."""
    clerk = demo.browser("pharmacist")
    made = clerk.post("/climate/zones", {"name": "测试冷藏柜", "kind": "cold", "sensor": "test-1"}, at="/climate")
    assert made.status_code == 303, made.text
    page = clerk.get("/climate").text
    found = re.search(r'href="/climate/(\w{26})">测试冷藏柜', page)
    assert found, page
    return clerk, found[1]


def test_a_slip_of_the_finger_is_shown_again_with_what_was_typed(demo: Demo) -> None:
    clerk, zone = shop(demo)
    refused = clerk.post("/climate/readings", {f"celsius-{zone}": "45", f"humidity-{zone}": "50"})
    assert refused.status_code == 422
    assert 'value="45"' in refused.text
    assert f'name="action-{zone}"' in refused.text
    assert clerk.post("/climate/readings", {f"celsius-{zone}": "4" * 30}).status_code == 422
    typed = {f"celsius-{zone}": "12,5", f"humidity-{zone}": "50", f"action-{zone}": "已关门"}
    assert clerk.post("/climate/readings", typed).status_code == 303
    page = clerk.get(f"/climate/{zone}").text
    assert "已关门" in page
    assert '<svg class="curve"' in page
    table = clerk.get(f"/climate/{zone}/table.csv")
    assert "12.5" in table.text
    assert clerk.get(f"/climate/{zone}/print.pdf").data.startswith(b"%PDF")


def test_what_was_read_long_ago_is_typed_with_its_reason_and_stands_as_a_late_entry(demo: Demo) -> None:
    clerk, zone = shop(demo)
    read_at = (clock.now() - timedelta(hours=6)).astimezone(ZoneInfo("Asia/Shanghai"))
    form = {f"celsius-{zone}": "4.5", "read_at": f"{read_at:%Y-%m-%dT%H:%M}"}
    refused = clerk.post("/climate/readings", form)
    assert (refused.status_code, "请说明为何现在才录入" in refused.text) == (422, True)
    assert f'value="{form["read_at"]}"' in refused.text
    assert clerk.post("/climate/readings", {**form, "read_at": "yesterday"}).status_code == 422
    assert clerk.post("/climate/readings", {**form, "late_reason": "停电"}).status_code == 303
    again = {f"celsius-{zone}": "4.6", "read_at": f"{read_at + timedelta(minutes=1):%Y-%m-%dT%H:%M}"}
    assert clerk.post("/climate/readings", {**again, "late_reason": "记在纸上"}).status_code == 303
    days = f"first={read_at.date()}&last={(read_at + timedelta(minutes=1)).date()}"
    for path in (f"/climate/{zone}?{days}", f"/climate/{zone}/table.csv?{days}"):
        shown = clerk.get(path).text
        assert (shown.count("停电"), shown.count("记在纸上")) == (1, 1)
    assert clerk.get(f"/climate/{zone}/print.pdf?{days}").data.startswith(b"%PDF")


def test_a_loggers_file_is_taken_over_and_a_bad_one_refused_with_its_line(demo: Demo) -> None:
    clerk, zone = shop(demo)
    now = clock.now()
    rows = "\n".join(f"{now - timedelta(minutes=n):%Y-%m-%dT%H:%M:%S}Z,{4 + n % 3}" for n in range(90, 0, -1))
    good = {"file": (io.BytesIO(f"Time,Temperature\n{rows}\n".encode()), "log.csv")}
    answer = clerk.post(f"/climate/{zone}/readings", good, content_type="multipart/form-data")
    assert "kept=3" in answer.location or "kept=4" in answer.location
    for content in (b"Time,Temperature\n2026-13-01 10:00,4\n", b"\x00\x01", b""):
        bad = {"file": (io.BytesIO(content), "log.csv")}
        assert clerk.post(f"/climate/{zone}/readings", bad, content_type="multipart/form-data").status_code == 422


def test_a_sensor_at_an_inspectors_eyes_and_a_strangers(demo: Demo) -> None:
    clerk, zone = shop(demo)
    clerk.post("/climate/readings", {f"celsius-{zone}": "4.5"})
    organisation = next(
        o["id"] for o in demo.get("/organisations").json["organisations"] if o["name"].startswith("沙枣花大药房文昌店")
    )
    before = demo.counts()["lookup_log"]
    seen = demo.get(f"/zones/{zone}?shop={organisation}", "inspector")
    assert (seen.status_code, seen.json["name"]) == (200, "测试冷藏柜")
    assert demo.counts()["lookup_log"] == before + 1
    assert demo.get(f"/zones/{zone}", "inspector").status_code == 404
    assert demo.browser("station").get(f"/climate/{zone}").status_code == 404


def test_a_delivery_log_is_judged_over_the_api(demo: Demo) -> None:
    log = {"file": (io.BytesIO(b"Time,Temp\n2026-11-01 08:00,4\n2026-11-01 08:05,9.5\n2026-11-01 08:10,5\n"), "a.csv")}
    answer = demo.call("POST", "/temperature-logs?low=2&high=8", "pharmacist", data=log)
    assert answer.status_code == 201, answer.text
    told = answer.json
    assert (told["inside"], told["excursion_count"], float(told["warmest"])) == (False, 1, 9.5)
    assert demo.get(f"/temperature-logs/{told['id']}", "pharmacist").json == told
    assert demo.call("POST", "/temperature-logs?low=8&high=2", "pharmacist", data={}).status_code == 422
