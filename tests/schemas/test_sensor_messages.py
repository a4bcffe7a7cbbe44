"""Messages of sensors: what gateways really write, and what is no reading."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.sensor_messages import read_message
from trace.domain.failures import Invalid

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
AN_HOUR_AGO = NOW - timedelta(hours=1)

GOOD = {
    b"4.5": (450, None, NOW),
    b'"4.5"': (450, None, NOW),
    b'{"temperature": 4.5, "humidity": 55.25, "battery": 87}': (450, 5525, NOW),
    b'{"Temp": "-18.0", "RH": 101}': (-1800, None, NOW),
    '{"温度": 4.5, "湿度": 50}'.encode(): (450, 5000, NOW),
    b'{"t": 4, "ts": 1795482000}': (400, None, AN_HOUR_AGO),
    b'{"t": 4, "ts": 1795482000123}': (400, None, AN_HOUR_AGO),
    b'{"t": 4, "time": "2026-11-24T09:00:00+08:00"}': (400, None, AN_HOUR_AGO),
    b'{"t": 4, "time": "2026-11-24T09:00:00"}': (400, None, NOW),  # of which zone, it does not say
}
BAD = [
    b"", b"x", b"NaN", b"Infinity", b"1e400", b"true", b"null", b"[4.5]", b"{}", b'{"temperature": true}',
    b'{"temperature": 85}', b'{"temperature": null}', b'{"temperature": {"a": 1}}', b"\xff\xfe", b"[" * 4_000,
    b'{"t": 4, "ts": 5}', b'{"t": 4, "time": "1999-01-01T00:00:00Z"}', b" " * 5_000, b"9" * 3_000, b'"\\ud800"',
]  # fmt: skip


@pytest.mark.parametrize("payload", GOOD)
def test_a_reading_is_read(payload: bytes) -> None:
    read = read_message(payload, received=NOW)
    assert (read.celsius, read.humidity, read.at) == GOOD[payload]


@pytest.mark.parametrize("payload", BAD)
def test_what_is_no_reading_is_refused(payload: bytes) -> None:
    with pytest.raises(Invalid):
        read_message(payload, received=NOW)


def test_what_the_broker_kept_counts_only_with_its_own_time() -> None:
    with pytest.raises(Invalid):
        read_message(b"4.5", received=NOW, retained=True)
    kept = read_message(b'{"t": 4, "ts": 1795482000}', received=NOW, retained=True)
    assert kept.at == AN_HOUR_AGO
