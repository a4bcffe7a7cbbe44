"""What the store finds by its indices is what every document, asked one by one, says of itself."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import storage
from tests.conftest import BACKENDS, Databases, make_database
from tests.services.asking import START, Document, ask, event, number_of, record
from tests.town import NOW, Town
from trace.domain.epcis.query_language import parse_query
from trace.domain.permissions import Actor, Role

EX = "https://ns.example.com/epcis/"
EPCS = [f"urn:epc:id:sgtin:0614141.107346.{n}" for n in range(6)] + ["https://id.gs1.org/01/10614141073464/21/1"]
LOTS = [f"urn:epc:class:lgtin:4012345.012345.{n}" for n in range(3)] + ["urn:epc:idpat:sgtin:0614141.107346.*"]
PLACES = ["urn:epc:id:sgln:0614141.07346.1234", "https://id.gs1.org/414/0614141073467/254/1234", "urn:x:place"]
PARTIES = ["urn:epc:id:pgln:4000001.00005", "urn:epc:id:pgln:4000001.00006"]
STEPS, DISPOSITIONS = ["shipping", "receiving", "packing"], ["in_transit", "active"]
MINUTES = st.integers(-1, 31).map(lambda n: (START + timedelta(minutes=n)).isoformat())
RECORDED = st.integers(-1, 5).map(lambda n: (NOW + timedelta(seconds=n)).isoformat())


@dataclass
class World:
    """A store with some hundred events of three organisations, and each of them as a document."""

    town: Town
    readers: dict[str, Actor]
    documents: list[tuple[set[int], Document]]

    def brute_force(self, reader: Actor, asked: dict[str, Any]) -> set[int]:
        query = parse_query(asked)
        seen = {a.organisation for name, a in self.readers.items() if name != "inspector"} if reader.watches else {
            reader.organisation
        }  # fmt: skip
        return {number_of(d) for parties, d in self.documents if parties & seen and query.matches(d)}


def some(chance: random.Random, values: list[str]) -> list[str]:
    return chance.sample(values, chance.randint(1, 2))


def invented(chance: random.Random, number: int) -> Document:
    """A random event from small stocks of names."""
    document = event(
        number, after=chance.randint(0, 30), bizStep=chance.choice(STEPS), action=chance.choice(["ADD", "OBSERVE"])
    )
    document |= {"@context": {"ex": EX}, "ex:n": chance.randint(0, 4), "epcList": some(chance, EPCS)}
    if chance.random() < 0.5:
        document["disposition"] = chance.choice(DISPOSITIONS)
        document["bizLocation"] = {"id": chance.choice(PLACES)}
    if chance.random() < 0.5:
        document["readPoint"] = {"id": chance.choice(PLACES)}
        document["quantityList"] = [{"epcClass": chance.choice(LOTS), "quantity": chance.randint(1, 3), "uom": "KGM"}]
    if chance.random() < 0.4:
        document["bizTransactionList"] = [
            {"type": t, "bizTransaction": f"urn:x:{chance.randint(0, 2)}"} for t in ("po", "inv")
        ]
        document["sourceList"] = [{"type": "owning_party", "source": chance.choice(PARTIES)}]
    if chance.random() < 0.3:
        document["type"] = "AggregationEvent"
        document["childEPCs"] = document.pop("epcList")
        document["parentID"] = "urn:epc:id:sscc:0614141.1234567890"
        document.pop("quantityList", None)
    if chance.random() < 0.1:
        document["errorDeclaration"] = {"declarationTime": NOW.isoformat(), "reason": "incorrect_data"}
    return document


@pytest.fixture(scope="module", params=BACKENDS)
def world(request: pytest.FixtureRequest, databases: Databases) -> Iterator[World]:
    chance = random.Random(19_987)
    store = storage.open_store(make_database(databases, request.param))
    town = Town(store)
    readers = {name: town.organisation(licensed=False) for name in ("a", "b")}
    readers["inspector"] = town.organisation(licensed=False, role=Role.INSPECTOR)
    documents = []
    for number in range(300):
        captor, receiver = chance.sample([readers["a"], readers["b"]], 2)
        document, parties = invented(chance, number), {captor.organisation}
        if chance.random() < 0.2:
            document["destinationList"] = [{"type": "owning_party", "destination": receiver.party_uri}]
            parties.add(receiver.organisation)
        recorded = NOW + timedelta(seconds=number // 100)
        record(town, captor, document, now=recorded)
        documents.append((parties, document | {"recordTime": recorded.isoformat()}))
    yield World(town, readers, documents)
    store.close()


def lists(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "eventType": lists(["ObjectEvent", "AggregationEvent", "TransactionEvent"]),
        "GE_eventTime": MINUTES, "LT_eventTime": MINUTES, "GE_recordTime": RECORDED, "LT_recordTime": RECORDED,
        "EQ_action": lists(["ADD", "OBSERVE", "DELETE"]),
        "EQ_bizStep": lists([*STEPS, "urn:epcglobal:cbv:bizstep:shipping", "storing"]),
        "EQ_disposition": lists([*DISPOSITIONS, "expired"]),
        "EQ_readPoint": lists(PLACES), "EQ_bizLocation": lists(PLACES), "WD_bizLocation": lists(PLACES),
        "MATCH_epc": lists([*EPCS, "urn:epc:idpat:sgtin:0614141.107346.*", "urn:epc:idpat:sscc:*.*"]),
        "MATCH_anyEPC": lists([*EPCS, "urn:epc:id:sscc:0614141.1234567890"]),
        "MATCH_epcClass": lists([*LOTS, "urn:epc:idpat:lgtin:4012345.*.*"]),
        "EQ_bizTransaction_po": lists(["urn:x:0", "urn:x:1", "urn:x:9"]),
        "EQ_source_owning_party": lists(PARTIES),
        "EQ_eventID": st.lists(
            st.integers(0, 310).map(lambda n: f"urn:uuid:00000000-0000-4000-8000-{n:012d}"), min_size=1
        ),
        "EXISTS_errorDeclaration": st.booleans(),
        "GE_quantity_GRM": st.integers(0, 4_000),
        f"GT_{EX}#n": st.integers(-1, 5),
        "orderBy": st.sampled_from(["eventTime", "recordTime", f"{EX}n"]),
        "orderDirection": st.sampled_from(["ASC", "DESC"]),
    },
)  # fmt: skip
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(asked=QUERIES, reader=st.sampled_from(["a", "b", "inspector"]), size=st.integers(10, 100))
def test_indices_find_what_asking_every_document_finds(
    world: World, asked: dict[str, Any], reader: str, size: int
) -> None:
    actor, query = world.readers[reader], parse_query(asked)
    found: list[Document] = []
    token = None
    while True:
        page = ask(world.town, actor, query, size=size, token=token)
        assert len(page.documents) <= size
        found += page.documents
        token = page.next_token
        if token is None:
            break
    numbers = [number_of(document) for document in found]
    assert len(numbers) == len(set(numbers)), "no event twice"
    assert set(numbers) == world.brute_force(actor, asked)
    if isinstance(query.order_by, str):
        keys = [document[query.order_by] for document in found]
        assert keys == sorted(keys, reverse=query.descending)
    elif query.order_by is not None:
        ranks = [document["ex:n"] for document in found]
        assert ranks == sorted(ranks, reverse=query.descending)
