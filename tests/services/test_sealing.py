"""Sealing: what the service's secret key opens, and nothing else does."""

import pytest

from trace.services.sealing import Seal, Unopened, new_seal, seal_for

SECRET = "a secret key of the service, long enough"
ROW = "export_target 01K"


def test_what_is_sealed_opens_again_and_shows_nothing():
    seal = seal_for(SECRET, "export_target")
    sealed = seal.close("口令 password".encode(), about=ROW)
    assert seal_for(SECRET, "export_target").open(sealed, about=ROW) == "口令 password".encode()
    assert b"password" not in sealed
    assert seal.close(b"", about=ROW) != seal.close(b"", about=ROW)
    assert seal.key.hex() not in repr(seal)
    assert str(seal.key) not in repr(seal)


@pytest.mark.parametrize(
    ("opener", "about"),
    [
        (seal_for("another secret key of the service, too", "export_target"), ROW),
        (seal_for(SECRET, "record_key"), ROW),
        (new_seal(), ROW),
        (seal_for(SECRET, "export_target"), "export_target 01L"),
    ],
    ids=["another secret key", "another purpose", "a record's own key", "another row"],
)
def test_another_key_or_place_opens_nothing(opener: Seal, about: str):
    with pytest.raises(Unopened):
        opener.open(seal_for(SECRET, "export_target").close(b"secret", about=ROW), about=about)


def test_changed_bytes_do_not_open():
    seal = new_seal()
    sealed = seal.close(b"secret", about=ROW)
    for number in range(len(sealed)):
        changed = sealed[:number] + bytes([sealed[number] ^ 1]) + sealed[number + 1 :]
        with pytest.raises(Unopened):
            seal.open(changed, about=ROW)
        with pytest.raises(Unopened):
            seal.open(sealed[:number], about=ROW)


def test_a_records_key_is_wrapped_by_the_services():
    record, service = new_seal(), seal_for(SECRET, "record_key")
    wrapped = service.close(record.key, about="record_key 7")
    picture = record.close(b"\xff\xd8 picture", about="prescription 01K")
    again = Seal(service.open(wrapped, about="record_key 7"))
    assert again.open(picture, about="prescription 01K") == b"\xff\xd8 picture"
