"""The flow of goods as a picture: a layered graph, drawn on the server as SVG; needs no script, prints, and scales."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BOX_WIDTH, BOX_HEIGHT = 168, 68
GAP_X, GAP_Y = 40, 16
MARGIN = 12
MOST_NODES = 120  # beyond this a picture tells nobody anything; the timeline does


@dataclass(slots=True)
class Box:
    """One node, placed."""

    x: int
    y: int
    node: Mapping[str, Any]
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT


@dataclass(slots=True)
class Picture:
    """What the template draws: size, boxes, and curves as (SVG path data, kind)."""

    width: int = 0
    height: int = 0
    boxes: list[Box] = field(default_factory=list)
    curves: list[tuple[str, str]] = field(default_factory=list)
    left_out: int = 0


def draw(flow: Mapping[str, Any]) -> Picture:
    """Place the nodes of a flow (`trace.services.flow`) in columns along time.

    An edge that would go backwards (a return, rework) is drawn but does not move its target: the layers stay finite.
    """
    nodes = {node["id"]: node for node in flow["nodes"][:MOST_NODES]}
    edges = [
        (edge["source"], edge["target"], edge["kind"])
        for edge in flow["edges"]
        if edge["source"] in nodes and edge["target"] in nodes
    ]
    onward = [(source, target) for source, target, kind in edges if kind != "returned"]
    layers = layers_of(set(nodes), onward)
    columns: dict[int, list[int]] = {}
    for number in sorted(nodes, key=lambda n: (layers[n], n)):
        columns.setdefault(layers[number], []).append(number)
    _order(columns, edges)
    tallest = max((len(column) for column in columns.values()), default=0)
    picture = Picture(left_out=len(flow["nodes"]) - len(nodes))
    places: dict[int, Box] = {}
    for layer, column in columns.items():
        offset = (tallest - len(column)) * (BOX_HEIGHT + GAP_Y) // 2
        for row, number in enumerate(column):
            x = MARGIN + layer * (BOX_WIDTH + GAP_X)
            y = MARGIN + offset + row * (BOX_HEIGHT + GAP_Y)
            places[number] = Box(x, y, nodes[number])
    picture.boxes = list(places.values())
    picture.curves = [(_curve(places[source], places[target]), kind) for source, target, kind in edges]
    picture.width = 2 * MARGIN + len(columns) * (BOX_WIDTH + GAP_X) - GAP_X if columns else 0
    picture.height = 2 * MARGIN + tallest * (BOX_HEIGHT + GAP_Y) - GAP_Y if columns else 0
    return picture


def layers_of(nodes: set[int], edges: Sequence[tuple[int, int]]) -> dict[int, int]:
    """{node: its column}: the longest way to it from where the goods began, edges that close a circle left out."""
    following: dict[int, list[int]] = {number: [] for number in nodes}
    for source, target in edges:
        following[source].append(target)
    order, state = [], dict.fromkeys(nodes, 0)
    for root in sorted(nodes):
        stack = [(root, iter(following[root]))] if state[root] == 0 else []
        state[root] = max(state[root], 1)
        while stack:
            number, rest = stack[-1]
            child = next((c for c in rest if state[c] == 0), None)
            if child is None:
                state[number] = 2
                order.append(number)
                stack.pop()
            else:
                state[child] = 1
                stack.append((child, iter(following[child])))
    order.reverse()
    position = {number: place for place, number in enumerate(order)}
    layers = dict.fromkeys(nodes, 0)
    for number in order:
        for target in following[number]:
            if position[target] > position[number]:
                layers[target] = max(layers[target], layers[number] + 1)
    used = {layer: place for place, layer in enumerate(sorted(set(layers.values())))}
    return {number: used[layer] for number, layer in layers.items()}


def _order(columns: dict[int, list[int]], edges: Sequence[tuple[int, int, str]]) -> None:
    """Put each column in the order of the middle of what leads to it: fewer crossings, one pass."""
    before: dict[int, list[int]] = {}
    for source, target, _ in edges:
        before.setdefault(target, []).append(source)
    rows: dict[int, float] = {}
    for layer in sorted(columns):
        column = columns[layer]
        weights = {
            number: sum(rows.get(s, 0.0) for s in before.get(number, ())) / max(1, len(before.get(number, ())))
            for number in column
        }
        column.sort(key=lambda number: (weights[number], number))
        rows |= {number: row - len(column) / 2 for row, number in enumerate(column)}


def _curve(source: Box, target: Box) -> str:
    x1, y1 = source.x + BOX_WIDTH, source.y + BOX_HEIGHT // 2
    x2, y2 = target.x, target.y + BOX_HEIGHT // 2
    bend = max(24, (x2 - x1) // 2)
    return f"M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2},{y2}"
