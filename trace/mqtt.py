"""Thermometers that tell over MQTT: one connection a process, which comes back by itself.

Sensors tell on `sunshine/<the shop's public id>/<the zone's sensor>`; who may write there is the broker's to guard.
Every process of the service hears everything: what two of them hear is kept once (`trace.services.climate`).
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from schemas.sensor_messages import LONGEST
from storage.again import is_out_of_reach
from storage.store import Store
from trace import clock
from trace.domain.failures import Failure
from trace.services.climate_sensors import FILTER, hear, keep

PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEP_ALIVE = 30  # seconds without a word after which the connection is taken for dead
MANY_TOPICS = 200  # of which it is said that their messages are too large: who floods a broker fills no log
SLOWEST = 60  # seconds between two attempts to come back
log = structlog.get_logger()


@dataclass(slots=True)
class Listener:
    """Hears what sensors tell at a broker (`mqtt://user:password@host:port`, `mqtts://` with TLS) and keeps it.

    `heard` is called with the topic of every message and whether it was kept; `listening` is set while connected.
    """

    address: str
    store: Store
    zone: tzinfo
    now: Callable[[], datetime] = clock.now
    heard: Callable[[str, bool], None] = lambda _topic, _kept: None
    listening: threading.Event = field(default_factory=threading.Event)
    _client: mqtt.Client | None = None
    _dropped: set[str] = field(default_factory=set)

    def start(self) -> "Listener":
        """Connect in a thread of its own, now or as soon as the broker answers; without an address nothing happens."""
        if not self.address:
            return self
        parts = urlsplit(self.address)
        # A session of its own for each process: two of one name would throw each other out for ever.
        client = mqtt.Client(CallbackAPIVersion.VERSION2, f"sunshine-{uuid.uuid4().hex[:12]}", clean_session=True)
        if parts.username:
            client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            client.tls_set()
        client.reconnect_delay_set(1, SLOWEST)
        client.on_connect, client.on_subscribe = self._connected, self._subscribed
        client.on_disconnect, client.on_message = self._disconnected, self._message
        client.connect_async(str(parts.hostname), parts.port or PORTS[parts.scheme], KEEP_ALIVE)
        client.loop_start()
        self._client = client
        return self

    def stop(self) -> None:
        """Leave the broker; the message in hand is finished first."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error("broker_refused", reason=str(reason))
            return
        client.subscribe(FILTER, qos=1)

    def _subscribed(self, _client: Any, _data: Any, _number: Any, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("broker_refused", reason=f"may not read {FILTER}")
            return
        log.info("broker_listening", filter=FILTER)
        self.listening.set()

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.listening.clear()
        if reason.is_failure:
            log.warning("broker_lost", reason=str(reason))

    def _message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        """One message: nothing that it says, or that goes wrong with it, ends the connection."""
        kept = False
        try:
            topic = message.topic
            if len(message.payload) > LONGEST:
                self._drop(topic, len(message.payload))
            else:
                kept = self._take(topic, bytes(message.payload), retained=message.retain)
        except UnicodeDecodeError:
            topic = ""
        except Failure as failure:
            log.warning("sensor_refused", topic=topic[:200], reason=str(failure))
        except Exception as fault:  # told, and the next message comes soon
            if is_out_of_reach(fault):
                kind = type(getattr(fault, "orig", None) or fault).__name__
                log.warning("store_failure", topic=topic[:200], kind=kind)
            else:
                log.error("sensor_failed", topic=topic[:200], kind=type(fault).__name__, exc_info=fault)
        self.heard(topic, kept)

    def _drop(self, topic: str, size: int) -> None:
        """A message no sensor writes: dropped unread, without a look into the store; said once a topic."""
        if topic not in self._dropped and len(self._dropped) < MANY_TOPICS:
            self._dropped.add(topic)
            log.warning("sensor_message_too_large", topic=topic[:200], bytes=size, most=LONGEST)

    def _take(self, topic: str, payload: bytes, *, retained: bool) -> bool:
        now = self.now().astimezone(self.zone)
        with self.store.reading() as session:  # most of what sensors tell is not due: no lock for that
            found = hear(session, topic=topic, payload=payload, retained=retained, now=now)
        if found is None:
            return False
        return self.store.write(keep, found, now=now)


def listen(address: str, store: Store, zone: tzinfo) -> Listener:
    """A listener that listens, where there is an address."""
    return Listener(address, store, zone).start()
