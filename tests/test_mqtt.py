"""Sensors over a real MQTT broker: kept once, whatever comes, and heard again when the broker comes back."""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from amqtt.broker import Broker
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import func, select
from structlog.testing import capture_logs

from storage.store import open_store
from storage.tables import alert, climate_reading
from tests.servers import free_port, wait_for_port
from tests.town import NOW, SHANGHAI, Town
from trace.domain.climate import ZoneKind
from trace.domain.parties import OrganisationKind
from trace.mqtt import Listener, listen
from trace.services.commands import Command
from trace.services.zones import open_zone

PATIENCE = 30.0  # seconds; a broken test ends, a good one waits for nothing


@contextmanager
def broker(port: int) -> Iterator[None]:
    """A broker on this machine, in a thread of its own; gone with all its connections when the block ends."""
    loop = asyncio.new_event_loop()
    settings = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(PATIENCE)

    async def begin() -> Broker:
        made = Broker(settings, loop=loop)
        await made.start()
        return made

    made = run(begin())
    try:
        wait_for_port(port)
        yield
    finally:
        run(made.shutdown())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


@contextmanager
def sensor(port: int) -> Iterator[Callable[..., None]]:
    """A sensor: tells a topic something and waits until the broker has it."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, clean_session=True)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield lambda topic, payload, **more: client.publish(topic, payload, qos=1, **more).wait_for_publish(PATIENCE)
    finally:
        client.disconnect()
        client.loop_stop()


def listener_of(town: Town, port: int, heard: queue.Queue[tuple[str, bool]]) -> Listener:
    """A listener whose clock stands still, and that says what it made of each message."""
    address = f"mqtt://127.0.0.1:{port}"
    return Listener(address, town.store, SHANGHAI, now=lambda: NOW, heard=lambda *told: heard.put(told))


@contextmanager
def listening(town: Town, port: int) -> Iterator[Callable[[], tuple[str, bool]]]:
    """A listener at the broker, whose clock stands still, and what it says of the next message."""
    heard: queue.Queue[tuple[str, bool]] = queue.Queue()
    listener = listener_of(town, port, heard).start()
    try:
        assert listener.listening.wait(PATIENCE)
        yield lambda: heard.get(timeout=PATIENCE)
    finally:
        listener.stop()


def zone(town: Town) -> str:
    """A shop with a cold cabinet that has a sensor: the sensor's topic."""
    shop = town.organisation(OrganisationKind.PHARMACY)
    command = Command(shop, NOW - timedelta(days=9))
    town.do(open_zone, command, name="冷藏柜", kind=ZoneKind.COLD, sensor="cold1")
    return f"sunshine/{town.id_of(shop)}/cold1"


def count(town: Town, table: Any) -> int:
    with town.store.reading() as session:
        return int(session.scalar(select(func.count()).select_from(table)) or 0)


def at(minutes: int, celsius: str) -> str:
    return f'{{"temperature": {celsius}, "ts": {int((NOW + timedelta(minutes=minutes)).timestamp())}}}'


@pytest.fixture
def port() -> int:
    return free_port()


def test_a_sensor_is_heard_once_and_garbage_and_strangers_change_nothing(town: Town, port: int) -> None:
    topic = zone(town)
    with broker(port), listening(town, port) as heard, sensor(port) as tell:
        tell(topic, at(-90, "4.5"))
        assert heard() == (topic, True)
        tell(topic, at(-90, "4.5"))  # told again
        assert heard() == (topic, False)
        for payload in (b"\xff\x00", b"{", b"[" * 4_000, b"999", at(60, "4.5")):
            tell(topic, payload)
            assert heard() == (topic, False)
        for other in (f"{topic}2", "sunshine/nobody/cold1"):
            tell(other, at(-60, "4.5"))
            assert heard() == (other, False)
        tell("elsewhere/cold1", "4.5")
        tell(topic, at(-30, "12"))  # the door stood open
        assert heard() == (topic, True)
    assert (count(town, climate_reading), count(town, alert)) == (2, 1)


def test_a_message_no_sensor_writes_is_dropped_unread_and_said_once_a_topic(town: Town, port: int) -> None:
    topic = zone(town)
    with broker(port), capture_logs() as said, listening(town, port) as heard, sensor(port) as tell:
        for payload in (b"4.5" + b" " * 4_096, b'{"celsius": 30}' + b"\n" * 50_000):
            tell(topic, payload)
            assert heard() == (topic, False)
        tell(topic, b"4.5" + b" " * 4_000)
        assert heard() == (topic, True)
    assert [one["event"] for one in said if one["log_level"] == "warning"] == ["sensor_message_too_large"]
    assert (count(town, climate_reading), count(town, alert)) == (1, 0)


def test_a_message_that_finds_no_store_is_a_line_in_the_log_and_no_story(port: int) -> None:
    topic = "sunshine/shop/cold1"
    gone = open_store(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    with closing(gone), broker(port), capture_logs() as said, listening(Town(gone), port) as heard:
        with sensor(port) as tell:
            tell(topic, "4.5")
        assert heard() == (topic, False)
    line = {"event": "store_failure", "kind": "OperationalError", "topic": topic, "log_level": "warning"}
    assert [one for one in said if one["event"] != "broker_listening"] == [line]


def test_two_processes_hear_everything_and_keep_it_once(town: Town, port: int) -> None:
    topic = zone(town)
    with broker(port), listening(town, port) as one, listening(town, port) as other, sensor(port) as tell:
        tell(topic, "12")
        assert sorted((one(), other())) == [(topic, False), (topic, True)]
    assert (count(town, climate_reading), count(town, alert)) == (1, 1)


def test_a_broker_that_comes_back_is_heard_again(town: Town, port: int) -> None:
    topic = zone(town)
    with broker(port):
        heard: queue.Queue[tuple[str, bool]] = queue.Queue()
        listener = listener_of(town, port, heard)
        assert listener.start().listening.wait(PATIENCE)
    listener.listening = threading.Event()  # the next time it listens, it is to another broker
    with broker(port), sensor(port) as tell:
        assert listener.listening.wait(PATIENCE)
        tell(topic, at(-60, "4.5"))
        assert heard.get(timeout=PATIENCE) == (topic, True)
        listener.stop()
    assert count(town, climate_reading) == 1


def test_what_a_broker_kept_from_before_says_nothing_of_now(town: Town, port: int) -> None:
    topic = zone(town)
    with broker(port), sensor(port) as tell:
        tell(topic, "30", retain=True)
        with listening(town, port) as heard:
            assert heard() == (topic, False)


def test_without_an_address_nothing_listens(town: Town) -> None:
    listener = listen("", town.store, SHANGHAI)
    listener.stop()
    assert not listener.listening.is_set()
