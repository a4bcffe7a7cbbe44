"""Trains the dictionary of stored documents (`storage.packing`): `python -m benchmarks.document_dictionary FILE`.

Of made-up events only: a city's, the demonstration's, and those of partners with every type of event, every word of the
Core Business Vocabulary and both forms of identifiers. Not of what `./run bench capture` posts, which is measured.
Another comes out each time (the demonstration's numbers are random): what counts is the file that was kept.
"""

import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import zstandard
from sqlalchemy import select

import storage
from benchmarks.city_people import City
from benchmarks.city_store import fill
from storage.tables import event_document
from trace.domain.epcis import cbv
from trace.domain.epcis.document import canonical_bytes
from trace.services.demonstration import load_demonstration

SIZE = 16_384  # bytes; of 8 KB the documents would take a tenth more, of 32 KB hardly less
CITY, PARTNERS = 3_000, 3_000  # events
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = (
    "有机种植",
    "冷链运输",
    "合格",
    "番茄",
    "羊肉",
    "枸杞",
    "宁夏银川市",
    "批次检验合格",
    "产地证明",
    "第一车间",
    "王师傅",
    "温度正常",
)
MEASURED = (("Temperature", "CEL", 4.5), ("RelativeHumidity", "A93", 61.2), ("Mass", "KGM", 812))


def main() -> None:
    """Write the dictionary."""
    documents = made_up(random.Random(7))  # the same again
    Path(sys.argv[1]).write_bytes(zstandard.train_dictionary(SIZE, [*documents]).as_bytes())


def made_up(chance: random.Random) -> list[bytes]:
    """The documents it is trained on, mixed."""
    documents = [*_of_city(), *_of_demonstration(), *(canonical_bytes(_partners(chance)) for _ in range(PARTNERS))]
    chance.shuffle(documents)
    return documents


def _of_city() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/city.db"
        storage.prepare(url)
        fill(url, City(CITY))
        return _documents(url)


def _of_demonstration() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/shown.db"
        storage.prepare(url)
        with closing(storage.open_store(url)) as store:
            load_demonstration(store, ZoneInfo("Asia/Shanghai"), BEGIN + timedelta(days=300))
        return _documents(url)


def _documents(url: str) -> list[bytes]:
    with closing(storage.open_store(url)) as store, store.reading() as session:
        return list(session.scalars(select(event_document.c.document)))


class _Names:
    """Identifiers of one event: URNs or Digital Links."""

    def __init__(self, chance: random.Random):
        self._chance = chance
        self._urns = chance.random() < 0.5
        self._company = f"69{chance.randrange(10**5):05d}"

    def _number(self, digits: int) -> str:
        return f"{self._chance.randrange(10**digits):0{digits}d}"

    def _one(self, urn: str, link: str) -> str:
        return f"urn:epc:{urn}" if self._urns else f"https://id.gs1.org/{link}"

    def thing(self) -> str:
        item, serial = self._number(5), self._number(8)
        return self._one(f"id:sgtin:{self._company}.0{item}.{serial}", f"01/0{self._company}{item}7/21/{serial}")

    def lot(self) -> str:
        item, lot = self._number(5), f"L{self._number(6)}"
        return self._one(f"class:lgtin:{self._company}.0{item}.{lot}", f"01/0{self._company}{item}7/10/{lot}")

    def pallet(self) -> str:
        serial = self._number(9)
        return self._one(f"id:sscc:{self._company}.0{serial}", f"00/0{self._company}{serial}4")

    def crate(self) -> str:
        kind, serial = self._number(5), self._number(5)
        return self._one(f"id:grai:{self._company}.{kind}.{serial}", f"8003/0{self._company}{kind}1{serial}")

    def place(self) -> str:
        place = self._number(5)
        return self._one(f"id:sgln:{self._company}.{place}.0", f"414/{self._company}{place}5")

    def party(self) -> str:
        party = self._number(5)
        return self._one(f"id:pgln:{self._company}.{party}", f"417/{self._company}{party}5")

    def transaction(self) -> str:
        if self._urns:
            return f"urn:epcglobal:cbv:bt:{self._company}000016:{self._number(6)}"
        return self._one(
            f"id:gdti:{self._company}.{self._number(5)}.{self._number(5)}", f"253/{self._company}{self._number(6)}"
        )


def _partners(chance: random.Random) -> dict[str, Any]:
    """An event as a partner's software may send it."""
    names = _Names(chance)
    time = BEGIN + timedelta(milliseconds=chance.randrange(365 * 86_400_000))
    offset = chance.choice(("+08:00", "+08:00", "+08:00", "+00:00", "+02:00"))
    place = names.place()
    made: dict[str, Any] = {
        "eventID": f"urn:uuid:{_uuid(chance)}",
        "eventTime": time.isoformat(timespec="milliseconds").replace(
            "+00:00", offset if chance.random() < 0.7 else "Z"
        ),
        "eventTimeZoneOffset": offset,
        "bizStep": chance.choice(_words(cbv.Kind.BIZ_STEP)),
        "disposition": chance.choice(_words(cbv.Kind.DISPOSITION)),
        "readPoint": {"id": place},
        "bizLocation": {"id": place if chance.random() < 0.6 else names.place()},
    }
    made |= chance.choice((_object, _object, _aggregation, _transformation, _transaction, _association))(chance, names)
    for likely, more in ((0.5, _papers), (0.4, _ends), (0.3, _of_their_own), (0.15, _sensors)):
        if chance.random() < likely:
            made |= more(chance, names)
    if chance.random() < 0.03:
        reason = chance.choice(_words(cbv.Kind.ERROR_REASON))
        made["errorDeclaration"] = {"declarationTime": "2026-07-01T08:00:00.000+08:00", "reason": reason}
    return made


def _uuid(chance: random.Random) -> str:
    text = f"{chance.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _words(kind: cbv.Kind) -> Sequence[str]:
    return sorted(cbv.words(kind))


def _quantities(chance: random.Random, names: _Names, most: int = 3) -> list[dict[str, Any]]:
    return [
        {
            "epcClass": names.lot(),
            "quantity": chance.choice((1, 10, 120.5, chance.randrange(1, 5000))),
            "uom": chance.choice(("KGM", "KGM", "EA", "LTR", "GRM")),
        }
        for _ in range(chance.randrange(1, most))
    ]


def _object(chance: random.Random, names: _Names) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "ObjectEvent", "action": chance.choice(("ADD", "OBSERVE", "OBSERVE", "DELETE"))}
    if chance.random() < 0.5:
        made["quantityList"] = _quantities(chance, names)
    else:
        made["epcList"] = [chance.choice((names.thing, names.pallet))() for _ in range(chance.randrange(1, 6))]
    if made["action"] == "ADD":
        date = f"2026-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"
        made["ilmd"] = {
            "cbvmda:lotNumber": f"L{chance.randrange(10**6)}",
            "cbvmda:productionDate": date,
            "cbvmda:itemExpirationDate": date.replace("2026", "2027"),
            "cbvmda:countryOfOrigin": "CN",
        }
    return made


def _aggregation(chance: random.Random, names: _Names) -> dict[str, Any]:
    made = {"type": "AggregationEvent", "action": chance.choice(("ADD", "OBSERVE", "DELETE"))}
    children = {"childEPCs": [names.thing() for _ in range(chance.randrange(1, 8))]}
    if chance.random() < 0.3:
        children = {"childQuantityList": _quantities(chance, names)}  # type: ignore[dict-item]
    return made | {"parentID": names.pallet() if chance.random() < 0.7 else names.crate()} | children


def _transformation(chance: random.Random, names: _Names) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "TransformationEvent", "inputQuantityList": _quantities(chance, names, 5)}
    made["outputQuantityList"] = _quantities(chance, names)
    if chance.random() < 0.3:
        made |= {"inputEPCList": [names.thing()], "outputEPCList": [names.thing(), names.thing()]}
    return made


def _transaction(chance: random.Random, names: _Names) -> dict[str, Any]:
    return {
        "type": "TransactionEvent",
        "action": "ADD",
        "epcList": [names.thing() for _ in range(chance.randrange(1, 5))],
        **_papers(chance, names),
    }


def _association(chance: random.Random, names: _Names) -> dict[str, Any]:
    return {
        "type": "AssociationEvent",
        "action": chance.choice(("ADD", "DELETE")),
        "parentID": names.crate(),
        "childEPCs": [names.thing()],
    }


def _papers(chance: random.Random, names: _Names) -> dict[str, Any]:
    kinds = _words(cbv.Kind.BIZ_TRANSACTION_TYPE)
    papers = [
        {"type": chance.choice(kinds), "bizTransaction": names.transaction()} for _ in range(chance.randrange(1, 3))
    ]
    return {"bizTransactionList": papers}


def _ends(chance: random.Random, names: _Names) -> dict[str, Any]:
    kind = chance.choice(_words(cbv.Kind.SOURCE_DESTINATION_TYPE))
    end = names.place if kind == "location" else names.party
    return {
        "sourceList": [{"type": kind, "source": end()}],
        "destinationList": [{"type": kind, "destination": end()}],
    }


def _of_their_own(chance: random.Random, _names: _Names) -> dict[str, Any]:
    return {
        "@context": {"ext": "https://ns.example.com/epcis/"},
        "ext:note": chance.choice(TEXTS),
        "ext:operator": chance.choice(TEXTS),
        "ext:vehicle": f"宁A{chance.randrange(100_000):05d}",
    }


def _sensors(chance: random.Random, names: _Names) -> dict[str, Any]:
    kind, unit, value = chance.choice(MEASURED)
    report = {"type": kind, "value": value + chance.randrange(10), "uom": unit}
    return {
        "sensorElementList": [
            {
                "sensorMetadata": {"time": "2026-04-02T07:00:00.000+08:00", "deviceID": names.thing()},
                "sensorReport": [report, report | {"minValue": 1.5, "maxValue": 8.0, "meanValue": 4.1}],
            }
        ]
    }


if __name__ == "__main__":
    main()
