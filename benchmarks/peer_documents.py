"""EPCIS 1.2 documents in XML that any repository takes: packs are made, packed, sent, received and unpacked."""

from datetime import UTC, datetime, timedelta

PACKS = 5  # of a story, in one case
STEPS = 5  # events of a story
_BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1"'
    ' schemaVersion="1.2" creationDate="2026-11-20T00:00:00Z"><EPCISBody><EventList>'
)
_TAIL = "</EventList></EPCISBody></epcis:EPCISDocument>"


def pack(story: int, number: int) -> str:
    """The SGTIN of one of a story's packs."""
    return f"urn:epc:id:sgtin:6901234.0{story % 200:05d}.{story * PACKS + number}"


def document(first: int, stories: int) -> bytes:
    """The events of so many stories, numbered from `first`, in the order in which they happened."""
    return (_HEAD + "".join(_story(number) for number in range(first, first + stories)) + _TAIL).encode()


def _story(number: int) -> str:
    case = f"urn:epc:id:sscc:6901234.0{number:09d}"
    packs = [pack(number, n) for n in range(PACKS)]
    farm, shop = "urn:epc:id:sgln:6901234.00001.0", f"urn:epc:id:sgln:6901234.{number % 90 + 10:05d}.0"
    told = (
        ("ObjectEvent", "ADD", "commissioning", "active", farm, _list([*packs, case])),
        ("AggregationEvent", "ADD", "packing", "in_progress", farm, _packed(case, packs)),
        ("ObjectEvent", "OBSERVE", "shipping", "in_transit", farm, _list([case])),
        ("ObjectEvent", "OBSERVE", "receiving", "in_progress", shop, _list([case])),
        ("AggregationEvent", "DELETE", "unpacking", "in_progress", shop, _packed(case, packs)),
    )
    return "".join(_event(number * STEPS + n, *one) for n, one in enumerate(told))


def _event(number: int, kind: str, action: str, step: str, disposition: str, place: str, what: str) -> str:
    time = (_BEGIN + timedelta(seconds=number * 30)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    name = f"urn:uuid:00000000-0000-4000-9000-{number:012x}"
    return (
        f"<{kind}><eventTime>{time}</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>"
        f"<baseExtension><eventID>{name}</eventID></baseExtension>{what}<action>{action}</action>"
        f"<bizStep>urn:epcglobal:cbv:bizstep:{step}</bizStep>"
        f"<disposition>urn:epcglobal:cbv:disp:{disposition}</disposition>"
        f"<readPoint><id>{place}</id></readPoint><bizLocation><id>{place}</id></bizLocation></{kind}>"
    )


def _list(epcs: list[str]) -> str:
    return f"<epcList>{''.join(f'<epc>{epc}</epc>' for epc in epcs)}</epcList>"


def _packed(parent: str, epcs: list[str]) -> str:
    children = "".join(f"<epc>{epc}</epc>" for epc in epcs)
    return f"<parentID>{parent}</parentID><childEPCs>{children}</childEPCs>"
