"""The due-diligence pack of a lot: one file that holds everything and proves each part by its hash."""

import hashlib
import io
import json
import zipfile
from io import BytesIO
from urllib.parse import quote

import pypdfium2

from tests.scanners.drawing import file_of, on_paper, symbol
from tests.web.conftest import Demo


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files of a pack."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def received(demo: Demo) -> str:
    """A lot received with a photo of the delivery."""
    entry = demo.get("/expected").json["expected"][0]
    label = on_paper(symbol("6901234567892", "EAN13", scale=4))
    scan = demo.call("POST", "/scans", data={"photo": (BytesIO(file_of(label)), "label.jpg")}).json["scans"][0]
    line = {"code": entry["lot"], "amount": 10}
    body = {"supplier": {"id": entry["sender"]["id"]}, "delivery_note": "PF-9", "scans": [scan["id"]], "lines": [line]}
    assert demo.post("/receipts", body).status_code == 201
    return str(entry["lot"])


def test_one_click_gives_records_papers_photos_and_the_hash_of_each(demo: Demo) -> None:
    lot = received(demo)
    desk, pack_address = demo.browser("station"), f"/evidence?lot={quote(lot, safe='')}"
    assert pack_address.partition("=")[0] in desk.get("/station/stock").text
    answer = desk.get(pack_address, headers={"Accept-Language": "zh-CN"})
    files = unpacked(answer.data)
    sums = dict(line.split("  ")[::-1] for line in files.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    pack = json.loads(files["pack.json"])
    assert pack["lot"]["uri"] == lot
    record = pack["purchase_records"][-1]
    assert record["delivery_note"] == "PF-9"
    assert lot in {line["lot"] for line in record["lines"]}
    assert pack["papers"]
    assert pack["suppliers"][0]["name"] == record["supplier"]["name"]
    assert {row["lot"] for row in pack["stock"]} == {lot}
    assert pack["events"][-1]["hash"].startswith("ni:///sha-256;")
    (photo,) = [one for one in pack["files"] if one["what"] == "photo of a delivery"]
    assert hashlib.sha256(files[photo["name"]]).hexdigest() == photo["sha256"]
    if demo.backend == "sqlite":
        text = "".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(files["evidence.pdf"]))
        joined = "".join(text.split())
        assert sums["pack.json"] in joined
        for wanted in (
            "尽职免责证据包",
            record["supplier"]["name"],
            pack["lot"]["number"],
            pack["papers"][0]["number"],
        ):
            assert "".join(wanted.split()) in joined, wanted


def test_there_is_no_pack_of_what_was_never_here(standing: Demo) -> None:
    for lot in ("https://id.gs1.org/01/09520702000043/10/NOBODY", "81502310064000000004", "x", ""):
        assert standing.get(f"/lots/evidence.zip?lot={quote(lot, safe='')}").status_code in (404, 422), lot
