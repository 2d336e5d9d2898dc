"""Drawings: what the SVG says, and that nothing stands on top of anything else."""

import itertools
import pathlib
import xml.etree.ElementTree as ET

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.viz.drawing import draw_digraph
from graphc.viz.layout import assign_rows, crossings, layered, order_layers, split_long_edges

SVG = "{http://www.w3.org/2000/svg}"


def graph_of(*rows: tuple[str, str, str, str], edges: str = "") -> nx.DiGraph:
    """Nodes from (name, label, kind, side), edges from words like "x>y"."""
    graph = nx.DiGraph()
    for name, label, kind, side in rows:
        graph.add_node(name, label=label, kind=kind, side=side, type="float32[n]")
    graph.add_edges_from(word.split(">") for word in edges.split())
    return graph


def step() -> nx.DiGraph:
    """A scalar loss in x and w, and its gradient."""
    return graph_of(
        ("x", "x", "input", "forward"),
        ("w", "w", "parameter", "forward"),
        ("two", "2", "constant", "forward"),
        ("xw", "multiply", "op", "forward"),
        ("loss", "power < loss & co", "output", "forward"),
        ("seed", "1", "constant", "gradient"),
        ("g", "multiply", "op", "gradient"),
        ("dw", "multiply (dw)", "output", "gradient"),
        edges="x>xw w>xw xw>loss two>loss seed>g xw>g g>dw x>dw",
    )


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """left, top, right, bottom of each node's box, by its tooltip's first line."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        title, rect = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        assert title is not None
        assert title.text is not None
        assert rect is not None
        x, y, wide, high = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
        found[f"{title.text.splitlines()[0]} {len(found)}"] = (x, y, x + wide, y + high)
    return found


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_every_node_and_edge_is_drawn_once() -> None:
    graph = step()
    root = ET.fromstring(draw_digraph(graph).svg)
    assert len(list(root.iter(f"{SVG}title"))) == len(graph)
    lines = [p for p in root.iter(f"{SVG}path") if "marker-end" in p.attrib]
    assert len(lines) == graph.number_of_edges()
    assert sum("stroke-dasharray" in p.attrib for p in lines) == 2  # xw>g and x>dw


def test_forward_stands_left_of_gradient_and_flows_down_while_gradient_flows_up() -> None:
    places = list(boxes(draw_digraph(step()).svg).values())
    x, _, _, xw, loss, seed, g, dw = places
    assert max(box[2] for box in places[:5]) < min(box[0] for box in places[5:])
    assert x[1] < xw[1] < loss[1]
    assert seed[1] > g[1] > dw[1]
    assert loss[1] == seed[1]


def test_no_box_overlaps_another_and_all_lie_inside() -> None:
    svg = draw_digraph(step()).svg
    root, places = ET.fromstring(svg), list(boxes(svg).values())
    assert not any(overlap(a, b) for a, b in itertools.combinations(places, 2))
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(a > 0 and b > 0 and c < wide and d < high for a, b, c, d in places)


def test_labels_are_escaped_and_tooltips_name_kind_type_and_line() -> None:
    graph = step()
    graph.nodes["loss"]["where"] = "train.py:7, in <module>"
    titles = [t.text for t in ET.fromstring(draw_digraph(graph).svg).iter(f"{SVG}title")]
    assert titles[4] == "power < loss & co (output)\nfloat32[n]\ntrain.py:7, in <module>"


def test_a_long_label_is_cut_in_the_box_and_whole_in_the_tooltip() -> None:
    label = "transpose " + "1, " * 40
    root = ET.fromstring(draw_digraph(graph_of(("t", label, "op", "forward"))).svg)
    words = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert all(len(line) <= 34 for line in words)
    assert label in "".join(title.text or "" for title in root.iter(f"{SVG}title"))


def test_save_writes_what_a_notebook_shows(tmp_path: pathlib.Path) -> None:
    drawing = draw_digraph(step())
    drawing.save(tmp_path / "step.svg")
    assert (tmp_path / "step.svg").read_text(encoding="utf-8") == drawing._repr_svg_()


@pytest.mark.parametrize("side", ["forward", "gradient"])
def test_one_side_alone_and_no_node_at_all(side: str) -> None:
    graph = step()
    ET.fromstring(draw_digraph(graph.subgraph([n for n in graph if n in "xw"])).svg)
    other = [n for n, d in graph.nodes(data=True) if d["side"] == side]
    assert len(boxes(draw_digraph(graph.subgraph(other)).svg)) == len(other)
    assert boxes(draw_digraph(nx.DiGraph()).svg) == {}


def test_the_same_graph_draws_the_same() -> None:
    assert draw_digraph(step()).svg == draw_digraph(step()).svg


@given(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=40))
def test_any_graph_flows_down_and_keeps_its_gaps(pairs: list[tuple[int, int]]) -> None:
    graph = nx.DiGraph([(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]])
    widths = {node: 20.0 + 7 * node for node in graph}
    layout = layered(graph, widths, gap=10)
    assert all(layout.at[a][1] < layout.at[b][1] for a, b in graph.edges)
    assert all(
        len(layout.via[a, b]) == layout.at[b][1] - layout.at[a][1] - 1 for a, b in graph.edges
    )
    for a, b in itertools.combinations(graph, 2):
        (x, row), (other_x, other_row) = layout.at[a], layout.at[b]
        apart = abs(x - other_x) - (widths[a] + widths[b]) / 2
        assert row != other_row or apart > 10 - 1e-6


def test_ordering_undoes_a_crossing() -> None:
    graph = nx.DiGraph([("a", "d"), ("b", "c"), ("a", "e"), ("b", "f")])
    proper, _ = split_long_edges(graph, {n: int(n > "b") for n in "abcdef"})
    assert crossings(proper, [["a", "b"], ["c", "d", "e", "f"]]) == 2
    assert crossings(proper, order_layers(proper)) == 0


def test_what_every_layer_reads_passes_the_layers_once() -> None:
    """One place a row, not one for each reader: a drawing of 40 layers took 20 times as long."""
    chain = nx.path_graph(500, create_using=nx.DiGraph)
    chain.add_edges_from(("shared", node) for node in range(0, 500, 5))
    chain.add_edge("first", "shared")  # else it stands at its first reader
    proper, chains = split_long_edges(chain, assign_rows(chain))
    assert len(proper) < 2 * len(chain)
    assert chains["shared", 495][:200] == chains["shared", 490][:200]
    assert len(chains["shared", 495]) > 400


def test_a_chain_of_two_thousand_operations() -> None:
    graph = nx.path_graph(2000, create_using=nx.DiGraph)
    layout = layered(graph, dict.fromkeys(graph, 50.0), gap=10)
    assert {x for x, _ in layout.at.values()} == {25.0}
