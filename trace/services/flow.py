"""The flow of goods between hands: who had what, and whom it went to. This is what people want to see of a trace.

A node is some goods at somebody's: a lot, or the single packs of one lot together. Crates and pallets are left out;
they carry goods and are none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trace.domain.genealogy import EdgeKind, Trace
from trace.domain.regions import region_name
from trace.domain.uris import UriKind, uri_kind
from trace.services.story import Story, returns

_GOODS = (UriKind.LOT, UriKind.INSTANCE, UriKind.CLASS)
_OF_EVENT = ("epcList", "quantityList", "childEPCs", "childQuantityList")
_INPUTS, _OUTPUTS = ("inputEPCList", "inputQuantityList"), ("outputEPCList", "outputQuantityList")
_HANDOVERS = ("shipping", "receiving")
Key = tuple[str, int]  # (party URI, item number of the goods)


@dataclass(slots=True)
class _Flow:
    """What has been seen so far: nodes in order of time, edges once each, who and what the reader sees in full."""

    nodes: dict[Key, None] = field(default_factory=dict)
    edges: dict[tuple[Key, Key, str], None] = field(default_factory=dict)
    open_parties: set[str] = field(default_factory=set)
    open_goods: set[int] = field(default_factory=set)
    sold: set[Key] = field(default_factory=set)
    back: set[tuple[str, str]] = field(default_factory=set)  # (giver, taker) of what only ever went back

    def connect(self, source: Key, target: Key, kind: str) -> None:
        """Goods went, or became others; what stays where it is needs no edge."""
        self.nodes[source] = self.nodes[target] = None
        if source != target:
            self.edges[(source, target, kind)] = None


def flow_of(story: Story, traces: Iterable[Trace], names: Mapping[int, tuple[str, Any]], start: int) -> dict[str, Any]:
    """{nodes, edges} of the events told, for the story's reader.

    A holder is named, and a lot's number shown, where the reader sees an event of theirs in full; else the public's
    rule holds: names for the field and the first hands after it, the kind of business and the county for all others.
    """
    goods = _goods(traces, names)
    flow = _Flow(back=returns(story.documents.values()))
    for number in sorted(story.documents, key=lambda n: (datetime.fromisoformat(story.documents[n]["eventTime"]), n)):
        _add(flow, story, number, goods)
    ids = {key: place for place, key in enumerate(flow.nodes)}
    start_goods = goods.get(names[start][0])
    return {
        "nodes": [
            {"id": ids[key], **_node(flow, story, key, names[key[1]]), "start": key[1] == start_goods}
            for key in flow.nodes
        ],
        "edges": [{"source": ids[s], "target": ids[t], "kind": kind} for s, t, kind in flow.edges],
    }


def _goods(traces: Iterable[Trace], names: Mapping[int, tuple[str, Any]]) -> dict[str, int]:
    """{URI of a thing in the traces: item number it is drawn as}: single packs as their lot, a case as nothing."""
    found: dict[str, int] = {}
    lots: dict[int, int] = {}
    traces = list(traces)
    cases = {edge.target for answer in traces for edge in answer.edges if edge.kind is EdgeKind.CARRIED}
    for answer in traces:
        lots |= {edge.target: edge.source for edge in answer.edges if edge.kind is EdgeKind.SERIALISED}
        found |= {names[item][0]: item for item in answer.items if item in names and item not in cases}
    return {
        uri: lots.get(item, item) if lots.get(item, item) in names else item
        for uri, item in found.items()
        if uri_kind(uri) in _GOODS
    }


def _add(flow: _Flow, story: Story, number: int, goods: Mapping[str, int]) -> None:
    document = story.documents[number]
    captor = story.captors[number].party_uri
    source = _party(document, "sourceList", "source") or captor
    target = _party(document, "destinationList", "destination") or captor
    moved = _things(document, _OF_EVENT, goods)
    inputs, outputs = _things(document, _INPUTS, goods), _things(document, _OUTPUTS, goods)
    if document.get("bizStep") in _HANDOVERS:
        went_back = document.get("disposition") == "returned" or (source, target) in flow.back
        kind = "returned" if went_back else "moved"
        for item in moved:
            flow.connect((source, item), (target, item), kind)
    else:
        for item in (*moved, *inputs, *outputs):
            flow.nodes[(captor, item)] = None
    for one in inputs:
        for other in outputs:
            flow.connect((captor, one), (captor, other), "became")
    if document.get("bizStep") in ("retail_selling", "dispensing"):
        flow.sold.update((captor, item) for item in moved)
    if number in story.open:
        flow.open_parties.update((captor, source, target))
        flow.open_goods.update((*moved, *inputs, *outputs))


def _things(document: Mapping[str, Any], keys: Iterable[str], goods: Mapping[str, int]) -> list[int]:
    uris = [e if isinstance(e, str) else e["epcClass"] for key in keys for e in document.get(key, ())]
    return list(dict.fromkeys(goods[uri] for uri in uris if uri in goods))


def _party(document: Mapping[str, Any], key: str, inner: str) -> str | None:
    """The owning party, or who merely has the goods where no owner is told."""
    parties = {element.get("type"): element[inner] for element in document.get(key, ())}
    return parties.get("owning_party") or parties.get("possessing_party")


def _node(flow: _Flow, story: Story, key: Key, named: tuple[str, Any]) -> dict[str, Any]:
    party, item = key
    uri, lot = named
    known = story.by_party.get(party)
    is_named = party in flow.open_parties or party in story.named
    is_open = item in flow.open_goods
    return {
        "holder": story.party_name(party) if is_named else "",
        "holder_kind": known.kind if known is not None else "",
        "region": region_name(known.region) if known is not None else "",
        "kind": uri_kind(uri).name.lower(),
        "product": lot.product_name if lot else "",
        "category": lot.category if lot else "",
        "lot_number": lot.number if lot and is_open else "",
        "uri": uri if is_open else "",
        "sold": key in flow.sold,
    }
