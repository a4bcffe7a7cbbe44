"""Documents as they are stored: any bytes come back as they were, ours are small, what is damaged is said."""

import hashlib
import threading
from importlib import resources

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, func, select, type_coerce

from benchmarks.documents import event
from storage import packing
from storage.packing import DamagedDocument, pack, unpack
from storage.tables import event_document
from tests.conftest import BACKENDS, Databases
from tests.web.conftest import demonstration
from trace.domain.epcis.document import canonical_bytes

# Whoever finds this test red has changed a dictionary: no document that was written with it could be read any more.
DIGESTS = {1: "3f2bb9c7cf50667e13a06bd58555426c05d7fa0e533170ad5749311194d20b72"}


def frame(data: bytes, **options: bool) -> bytes:
    return bytes([packing.NEWEST]) + zstandard.ZstdCompressor(dict_data=packing._dictionary(1), **options).compress(
        data
    )  # type: ignore[arg-type]


@given(st.binary(max_size=3_000) | st.text(max_size=1_000).map(str.encode))
def test_any_bytes_come_back_as_they_were(data: bytes) -> None:
    assert unpack(pack(data)) == data
    assert len(pack(data)) <= len(data) + 1


@pytest.mark.parametrize("data", [b"", b"\0", b"\x01", b"{}", b"a" * packing.MOST, b"a" * (packing.MOST + 1)])
def test_the_empty_the_short_and_the_very_long_come_back_as_they_were(data: bytes) -> None:
    assert unpack(pack(data)) == data


def test_dictionaries_never_change() -> None:
    folder = resources.files("storage") / "dictionaries"
    found = {int(file.name): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    assert found == DIGESTS
    assert sorted(DIGESTS) == list(range(1, packing.NEWEST + 1))


def test_typical_event_that_no_dictionary_was_made_of_takes_less_than_a_third() -> None:
    documents = [canonical_bytes(event(number)) for number in range(50)]
    assert sum(map(len, map(pack, documents))) < sum(map(len, documents)) / 3


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (b"", "empty"),
        (b"{}", "of dictionary 123, which this version does not have"),
        (pack(b"a" * 500)[:-1], "its bytes are damaged"),
        (pack(b"a" * 500) + b"more", "its bytes are damaged"),
        (b"\x01nothing of the kind", "its bytes are damaged"),
        (frame(b"a" * 500, write_content_size=False), "its bytes are damaged"),
        (frame(b"a" * (packing.MOST + 1)), "longer than 16777216 bytes"),
    ],
    ids=["empty", "another's", "cut", "with more behind", "no frame", "of no length", "a bomb"],
)
def test_what_is_no_stored_document_is_told_in_a_sentence(stored: bytes, told: str) -> None:
    with pytest.raises(DamagedDocument, match=f"A stored document cannot be read: .*{told}"):
        unpack(stored)


def test_threads_pack_and_read_at_once() -> None:
    wrong: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 400):
            document = canonical_bytes(event(number))
            if unpack(pack(document)) != document:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(1_000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_the_service_records_is_stored_packed_and_its_digest_is_of_the_document(
    databases: Databases, backend: str, tmp_path: object
) -> None:
    with demonstration(databases, backend, tmp_path) as demo, demo.owner.reading() as session:  # type: ignore[arg-type]
        stored = type_coerce(event_document.c.document, LargeBinary)
        rows = session.execute(select(event_document.c.document, stored, event_document.c.digest)).all()
        assert len(rows) == session.scalar(select(func.count()).select_from(event_document)) > 100  # type: ignore[operator]
    assert {packed[:1] for _, packed, _ in rows} == {bytes([packing.NEWEST])}
    assert [unpack(packed) for _, packed, _ in rows] == [document for document, _, _ in rows]
    assert all(hashlib.sha256(document).digest() == digest for document, _, digest in rows)
    assert sum(len(packed) for _, packed, _ in rows) < sum(len(document) for document, _, _ in rows) / 3
