"""An SVG of a graph: forward on the left from top to bottom, gradient on the right back up.

Enters: a networkx DiGraph whose edges point from operand to reader and whose nodes carry the
attributes label, kind ("input", "parameter", "constant", "op", "output"), side ("forward",
"gradient"), type, and where they have one, `where`: the user's line. Leaves: a `Drawing`.

>>> from graphc.viz.loader import networkx
>>> graph = networkx().DiGraph()
>>> graph.add_node(0, label="x", kind="input", side="forward", type="float32[n]")
>>> draw_digraph(graph).svg.startswith("<svg")
True
"""

import os
import pathlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from graphc.errors import GraphError
from graphc.viz.layout import Layout, layered

Place = tuple[float, float]

HEIGHT, ROW = 40, 76  # of a node, and from row to row
GAP, GUTTER, LANE, MARGIN, HEAD = 22, 60, 7, 24, 34
LABEL, TYPE = 13, 10.5  # font sizes; a monospace character is about 0.61 of its size wide
CHARACTER = 0.61
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
LONGEST = 34  # characters of a label that are shown; the tooltip has all of them

# side: (fill, line)
COLOURS = {"forward": ("#e3eefb", "#2f6db5"), "gradient": ("#fdeadb", "#c05a10")}
# kind: (corner radius, fill or None for the side's, line width)
SHAPES: Mapping[str, tuple[float, str | None, float]] = {
    "input": (HEIGHT / 2, "#ffffff", 1.4),
    "parameter": (HEIGHT / 2, "#e4f5e4", 1.4),
    "constant": (2, "#f4f4f4", 0.8),
    "op": (7, None, 1.2),
    "output": (7, None, 3.0),
}
SAVED = "#9a9a9a"  # an edge from a forward value to the gradient that reads it


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished picture; a notebook shows it as it is."""

    svg: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the SVG, as UTF-8, to that file. Raises GraphError for another kind of file."""
        file = pathlib.Path(path)
        if file.suffix.lower() not in ("", ".svg"):
            raise GraphError("a drawing is saved as SVG", got=str(path), fix="name the file *.svg")
        file.write_text(self.svg, encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg


@dataclass(frozen=True, slots=True)
class Panel:
    """One side's layout, and where it stands in the picture."""

    side: str
    layout: Layout
    left: float
    top: float
    upward: bool

    def point(self, at: tuple[float, int]) -> Place:
        """The centre, in pixels, of a place in the layout."""
        x, row = at
        step = self.layout.rows - 1 - row if self.upward else row
        return self.left + x, self.top + HEIGHT / 2 + ROW * step


def draw_digraph(graph: Any) -> Drawing:
    """The drawing of an acyclic DiGraph with the attributes that the module's docstring names."""
    panels = arrange(graph)
    at = {node: p.point(place) for p in panels for node, place in p.layout.at.items()}
    saved = buses(graph, panels, at)
    own = [edge(path(p, ends), p.side) for p in panels for ends in p.layout.via]
    boxes = [box(graph.nodes[node], at[node]) for node in graph]
    right = max((p.left + p.layout.width for p in panels), default=0) + MARGIN
    bottom = max((p.top + ROW * p.layout.rows for p in panels), default=0) + MARGIN
    return Drawing(picture(right, bottom, [*saved, *own, *map(heading, panels), *boxes]))


def arrange(graph: Any) -> list[Panel]:
    """Forward and gradient side by side, their lower edges level: the loss is beside its seed."""
    sides = dict.fromkeys(("forward", "gradient"))
    sides = {s: [n for n, d in graph.nodes(data=True) if d["side"] == s] for s in sides}
    layouts = {
        side: layered(graph.subgraph(nodes), {n: width(graph.nodes[n]) for n in nodes}, GAP)
        for side, nodes in sides.items()
        if nodes
    }
    lanes = len({a for a, b in graph.edges if crosses(graph, a, b)})
    rows = max((layout.rows for layout in layouts.values()), default=0)
    panels: list[Panel] = []
    left = float(MARGIN)
    for side, layout in layouts.items():
        top = MARGIN + HEAD + ROW * (rows - layout.rows)
        panels.append(Panel(side, layout, left, top, side == "gradient"))
        left += layout.width + GUTTER + LANE * lanes
    return panels


def shown(label: str) -> str:
    """The label as the box shows it: cut where it is too long."""
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"


def width(node: Mapping[str, str]) -> float:
    """The width of a node's box: that of its two lines of text, with room at both ends."""
    text = max(len(shown(node["label"])) * LABEL, len(shown(node["type"])) * TYPE) * CHARACTER
    return max(text + 22, 52.0)


def box(node: Mapping[str, str], centre: Place) -> str:
    """A node: its shape says the kind, its colour the side, its tooltip the rest."""
    (x, y), wide = centre, width(node)
    fill, line = COLOURS[node["side"]]
    radius, own_fill, thick = SHAPES[node["kind"]]
    named = f"{node['label']} ({node['kind']})"
    tip = "\n".join(filter(None, (named, node["type"], node.get("where"))))
    return (
        f'<g class="{node["kind"]}"><title>{escape(tip, quote=False)}</title>'
        f'<rect x="{x - wide / 2:.1f}" y="{y - HEIGHT / 2:.1f}" width="{wide:.1f}" '
        f'height="{HEIGHT}" rx="{radius:g}" fill="{own_fill or fill}" stroke="{line}" '
        f'stroke-width="{thick:g}"/>'
        + text(shown(node["label"]), x, y - 2, LABEL, "#111111")
        + text(shown(node["type"]), x, y + 13, TYPE, "#555555")
        + "</g>"
    )


def text(words: str, x: float, y: float, size: float, colour: str) -> str:
    """A line of text, centred at x with its baseline at y."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}" '
        f'text-anchor="middle">{escape(words, quote=False)}</text>'
    )


def heading(panel: Panel) -> str:
    """The name of a side, over its middle."""
    x = panel.left + panel.layout.width / 2
    return text(panel.side, x, panel.top - 16, LABEL + 1, COLOURS[panel.side][1])


def path(panel: Panel, ends: tuple[Hashable, Hashable]) -> str:
    """A curve from the operand, through the places it passes, to the reader."""
    at, via = panel.layout.at, panel.layout.via
    forward = -HEIGHT / 2 if panel.upward else HEIGHT / 2
    points = [panel.point(place) for place in (at[ends[0]], *via[ends], at[ends[1]])]
    (x, y), (last_x, last_y) = points[0], points[-1]
    points[0], points[-1] = (x, y + forward), (last_x, last_y - forward)
    return curve(points)


def curve(points: Sequence[Place]) -> str:
    """Cubic pieces that leave and enter every point vertically."""
    (x, y), *rest = points
    pieces = [f"M{x:.1f},{y:.1f}"]
    for next_x, next_y in rest:
        middle = (y + next_y) / 2
        pieces.append(f"C{x:.1f},{middle:.1f} {next_x:.1f},{middle:.1f} {next_x:.1f},{next_y:.1f}")
        x, y = next_x, next_y
    return " ".join(pieces)


def buses(graph: Any, panels: Sequence[Panel], at: Mapping[Hashable, Place]) -> list[str]:
    """Forward values that the gradient reads, each through a lane of its own between the sides.

    The lines keep to the channels under the rows and to the gutter, so that no box hides them.
    """
    lines: list[str] = []
    readers = {a: [b for b in graph.succ[a] if crosses(graph, a, b)] for a in graph}
    sources = [a for a in sorted(graph, key=lambda node: at[node][1]) if readers[a]]
    start = min((p.left + p.layout.width for p in panels), default=0.0) + GUTTER / 2
    for lane, source in enumerate(sources):
        x = start + LANE * lane
        lines += [edge(bus(graph, at, source, b, x, lane), "saved") for b in readers[source]]
    return lines


def crosses(graph: Any, a: Hashable, b: Hashable) -> bool:
    """Whether the edge goes from one side to the other."""
    return graph.nodes[a]["side"] != graph.nodes[b]["side"]


def bus(
    graph: Any, at: Mapping[Hashable, Place], a: Hashable, b: Hashable, lane_x: float, lane: int
) -> str:
    """Out at the lower right of `a`, along its channel, along the lane, into `b` from below."""
    (from_x, from_y), (to_x, to_y) = at[a], at[b]
    from_x += width(graph.nodes[a]) / 2 - 12
    to_x -= width(graph.nodes[b]) / 2 - 12
    bend = 10 + 5 * (lane % 5)
    corners = (
        (from_x, from_y + HEIGHT / 2 + bend),
        (lane_x, from_y + HEIGHT / 2 + bend),
        (lane_x, to_y + HEIGHT / 2 + bend),
        (to_x, to_y + HEIGHT / 2 + bend),
    )
    turns = " ".join(f"L{x:.1f},{y:.1f}" for x, y in corners)
    return f"M{from_x:.1f},{from_y + HEIGHT / 2:.1f} {turns} L{to_x:.1f},{to_y + HEIGHT / 2:.1f}"


def edge(path: str, style: str) -> str:
    """A line with an arrow head; `style` is a side, or "saved"."""
    colour = SAVED if style == "saved" else COLOURS[style][1]
    dashes = ' stroke-dasharray="4 3"' if style == "saved" else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.2"{dashes} '
        f'marker-end="url(#head-{style})"/>'
    )


def picture(wide: float, high: float, parts: Sequence[str]) -> str:
    """The whole SVG document: arrow heads, a white ground, then the parts in order."""
    colours = {"saved": SAVED, **{side: line for side, (_, line) in COLOURS.items()}}
    heads = "".join(
        f'<marker id="head-{style}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0,0.6 L8,4 L0,7.4 z" fill="{colour}"/></marker>'
        for style, colour in colours.items()
    )
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" '
            f'viewBox="0 0 {wide:.0f} {high:.0f}" font-family="{FONT}">',
            f"<defs>{heads}</defs>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        )
    )
