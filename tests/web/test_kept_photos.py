"""Photos and papers over HTTP: streamed to who may see them, by a link to the S3 store, from the spool meanwhile."""

import dataclasses
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from storage.objects import ObjectStore, open_objects, spool_of
from tests.gate import Gate
from tests.scanners.drawing import file_of, on_paper, symbol
from tests.web.conftest import Demo
from trace.object_work import move_spooled
from trace.web.parts import Parts

PDF = b"%PDF-1.4\n" + b"x" * 2_000_000


@pytest.fixture
def photo() -> bytes:
    """A photo of a code."""
    return file_of(on_paper(symbol("6901234567892", "EAN13")))


@pytest.fixture
def with_objects(standing: Demo) -> Iterator[Any]:
    """Puts the demonstration's objects in another store, and its settings to others."""
    before: Parts = standing.app.extensions["sunshine"]

    def use(objects: ObjectStore, **settings: Any) -> None:
        told = dataclasses.replace(before.settings, **settings)
        standing.app.extensions["sunshine"] = dataclasses.replace(before, objects=objects, settings=told)

    yield use
    standing.app.extensions["sunshine"] = before


def keep(standing: Demo, data: bytes, name: str = "paper.pdf") -> str:
    """Send a paper as the shop's clerk: its SHA-256."""
    answer = standing.call("POST", "/objects", data={"file": (BytesIO(data), name)})
    assert answer.status_code == 201, answer.text
    return str(answer.json["sha256"])


def test_a_paper_is_streamed_as_a_file_to_save(standing: Demo) -> None:
    answer = standing.get(f"/objects/{keep(standing, PDF)}")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, PDF, "application/pdf")
    assert answer.headers["Content-Length"] == str(len(PDF))
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["Cache-Control"] == "private, max-age=86400, immutable"


def test_who_may_see_a_photo_is_sent_to_the_s3_store_and_nobody_else(
    standing: Demo, with_objects: Any, s3_url: str, photo: bytes
) -> None:
    public = f"http://{urlsplit(s3_url).hostname}:{urlsplit(s3_url).port}"
    with_objects(open_objects(f"{s3_url}/linked-photos?secure=0", public=public), objects_link_url=public)
    name = keep(standing, photo, "photo.jpg")
    answer = standing.get(f"/objects/{name}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "private, max-age=30")
    assert answer.headers["Location"].startswith(f"{public}/linked-photos/{name}?")
    with urllib.request.urlopen(answer.headers["Location"]) as shown:
        assert shown.headers["Content-Type"] == "image/jpeg"
        assert shown.read().startswith(b"\xff\xd8")
    assert standing.get(f"/objects/{name}", None).status_code == 401
    assert standing.get(f"/objects/{name}", "pharmacist").status_code == 404
    page = standing.browser().get("/")
    assert f"img-src 'self' data: {public} blob:" in page.headers["Content-Security-Policy"]


def test_a_photo_is_recorded_and_shown_while_the_s3_store_is_gone(
    standing: Demo, with_objects: Any, s3_url: str, photo: bytes, tmp_path: Path
) -> None:
    with Gate(int(urlsplit(s3_url).port or 0)) as gate:
        url = s3_url.rpartition(":")[0] + f":{gate.port}/gone-photos?secure=0"
        objects = open_objects(url, spool=tmp_path / "spool", public="http://photos.example")
        with_objects(objects)
        gate.close()
        answer = standing.call("POST", "/scans", data={"photo": (BytesIO(photo), "photo.jpg")})
        assert answer.status_code == 201
        (scan,) = answer.json["scans"]
        assert standing.get(f"/objects/{scan['sha256']}").data.startswith(b"\xff\xd8")
        assert standing.get(f"/scans/{scan['id']}/picture").status_code == 200
        gate.open()
        assert move_spooled(objects) == 1
        spool = spool_of(objects)
        assert spool is not None
        assert spool.main.has(scan["sha256"])
        assert standing.get(f"/objects/{scan['sha256']}").status_code == 302
