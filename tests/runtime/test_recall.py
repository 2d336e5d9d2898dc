"""What is kept of programs: an equal graph gets the same code for its own states and lines, any
other one gets its own."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import graphc as gx
from benchmarks.graphc_runs import build
from benchmarks.workloads import WORKS, data, parameters
from graphc.errors import CacheWarning, IndexRangeError
from graphc.functions.creation import as_tensor
from graphc.graph import Graph
from graphc.runtime.objects import recall
from graphc.runtime.objects.store import Store, open_store
from graphc.runtime.program import Program
from graphc.state import State
from graphc.types import TensorType, float32
from tests.runtime.models import batch, training_step


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store, where the code of graphs of any size is kept. No node is left of programs
    of other tests, which would be part of an equal graph, with its line, until it is collected."""
    gc.collect()
    store = open_store(tmp_path / "kernels")
    monkeypatch.setattr(recall, "kernel_store", lambda: store)
    monkeypatch.setattr(recall, "LARGE", 0)
    return store


def mlp() -> tuple[Program, list]:
    return training_step()[0], [*batch(5), 0.1]


def mixture() -> tuple[Program, list]:
    x = gx.input("x", ("n", 3))
    means = gx.parameter("means", np.arange(6.0).reshape(2, 3))
    table = np.linspace(0, 1, 2)
    distance = gx.sum((gx.expand_dims(x, 1) - means) ** 2, axis=2) * table
    value = gx.sum(gx.nn.logsumexp(-distance, axis=1)).named("value")
    (slope,) = gx.grad(value, [means])
    return gx.compile([x], [value, slope]), [np.ones((4, 3))]


def images() -> tuple[Program, list]:
    x = gx.input("x", ("batch", 6, 6, 2))
    w = gx.parameter("w", np.linspace(-1, 1, 54).reshape(3, 3, 2, 3))
    y = gx.nn.conv(x, w, padding=1)
    y = gx.nn.relu(y - gx.mean(y, axis=(0, 1, 2)))
    loss = gx.mean(y * y)
    (slope,) = gx.grad(loss, [w])
    return gx.compile([x], loss, updates={w: w - slope}), [np.ones((2, 6, 6, 2))]


def gathered() -> tuple[Program, list]:
    x, i = gx.input("x", ("n", 4)), gx.input("i", ("m",), "int64")
    seen = gx.state("seen", np.zeros((), np.int64), dtype="int64")
    rows = gx.take(x, i, axis=0)
    return (
        gx.compile([x, i], [rows * 2, gx.argmax(rows, axis=1)], updates={seen: seen + 1}),
        [np.arange(12.0).reshape(3, 4), [2, -1]],
    )


def code(build: Callable[[], tuple[Program, list]]) -> tuple:
    """All that people see of a program, and its results."""
    program, arguments = build()
    results = [np.asarray(part).tobytes() for _ in range(2) for part in flat(program(*arguments))]
    lines = [str(kernel.where) for kernel in program.kernels]
    return program.source, str(program.explain()), lines, str(program.memory), results


def flat(results: object) -> list:
    return results if isinstance(results, list) else [results]


def attention() -> tuple[Program, list]:
    q = gx.input("q", ("batch", 70, 16))
    value = gx.sum(gx.nn.attention(q, q, q, causal=True) ** 2)
    return gx.compile([q], [value, *gx.grad(value, [q])]), [np.ones((2, 70, 16))]


def copied() -> tuple[Program, list]:
    """Results that are copies, at the lines of what they copy."""
    x = gx.input("x", ("n", 4))
    turned = gx.exp(x).T
    return gx.compile([x], [turned, x]), [np.ones((3, 4))]


MODELS = (mlp, mixture, images, gathered, attention, copied)


@pytest.mark.parametrize("build", MODELS)
def test_what_is_kept_is_what_was_made(
    build: Callable[[], tuple[Program, list]], store: Store
) -> None:
    made = code(build)
    gc.collect()  # nodes of a program that is alive would be part of the next, with their lines
    report = build()[0].compile_report()
    assert report.simplify == report.schedule == report.emit == 0 < report.recall
    gc.collect()
    assert code(build) == made
    assert len(store.files()) == 1


@pytest.mark.parametrize("name", ["resnet8", "gpt_tiny", "lstm"])
def test_large_programs_are_kept(name: str, store: Store) -> None:
    work = WORKS[name]
    for _ in range(2):
        gc.collect()
        program, _ = build(work, data(work.model), parameters(work.model))
        scheduled = program.compile_report().schedule
        del program
    assert scheduled == 0


def message(program: Program) -> str:
    with pytest.raises(IndexRangeError) as caught:
        program([1, 2, 3], [7])
    return str(caught.value.where)


def test_lines_are_those_of_the_graph_at_hand(store: Store) -> None:
    def leaves() -> tuple[gx.Tensor, gx.Tensor]:
        gc.collect()
        return gx.input("x", (3,)), gx.input("i", ("m",), "int64")

    x, i = leaves()
    lines = [message(gx.compile([x, i], gx.exp(-gx.take(x, i))))]
    del x, i
    x, i = leaves()
    again = gx.compile([x, i], gx.exp(-gx.take(x, i)))
    assert again.compile_report().schedule == 0
    lines.append(message(again))
    del x, i, again
    x, i = leaves()
    taken = -gx.take(x, i)  # on another line than exp: this is another graph
    other = gx.compile([x, i], gx.exp(taken))
    assert other.compile_report().schedule > 0
    lines.append(message(other))
    assert len(set(lines)) == 3


def graph(*outputs: gx.Tensor, updates: tuple = ()) -> Graph:
    inputs = (gx.input("x", ("n",)).node,)
    pairs = tuple((a.node, as_tensor(b).node) for a, b in updates)
    return Graph(inputs, tuple(output.node for output in outputs), pairs)


def unlike() -> list[Graph]:
    """Graphs that differ, each from each, in little; on one line."""
    x, y = gx.input("x", ("n",)), gx.input("x", ("m",))
    v, w = (gx.parameter(name, np.ones(3)) for name in "vw")
    double, fixed = gx.parameter("v", 1.0, dtype="float64"), gx.state("v", np.ones(3))
    tables = [np.array(t) for t in ([1.0, 2.0], [2.0, 1.0], [[1.0, 2.0]], [0.0, 2.0], [-0.0, 2.0])]
    graphs = [graph(x), graph(x + 1), graph(x + 2), graph(x * 2), graph(x, x), graph(y)]
    graphs += [graph(x * 0.0), graph(x * -0.0), graph(x.named("a")), graph(x.named("b"))]
    graphs += [graph(v - w), graph(w - v), graph(v - v), graph(v), graph(fixed), graph(double)]
    graphs += [graph(v, updates=((v, w),)), graph(v, updates=((w, v),)), graph(x, v), graph(v, x)]
    graphs += [graph(gx.astype(x, name)) for name in ("int32", "int64", "bool")]
    return graphs + [graph(as_tensor(table)) for table in tables]


def key(of: Graph) -> str:
    return recall._key(of, recall._known(of))


def test_graphs_that_differ_have_keys_of_their_own() -> None:
    graphs = unlike()
    keys = [key(g) for g in graphs]
    assert len(set(keys)) == len(keys)
    assert keys == [key(g) for g in unlike()]


KEYS = "from tests.runtime.test_recall import key, unlike; print(*[key(g) for g in unlike()])"


def test_keys_are_the_same_in_every_process() -> None:
    told = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", KEYS]
        told.append(subprocess.run(command, env=environment, capture_output=True, check=True))
    assert told[0].stdout == told[1].stdout != b""


def test_a_changed_source_file_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    (some, *_) = unlike()
    before = key(some)
    monkeypatch.setattr(recall, "package", lambda: "of another version")
    assert key(some) != before


def test_what_the_graph_does_not_hold_is_not_kept(store: Store) -> None:
    cell = State("w", np.ones(3), TensorType(float32, (3,)), trainable=True)
    (some, *_) = unlike()
    for _ in range(2):
        assert recall.recall(some, lambda _: cell) is cell
    assert store.files() == []


def test_small_graphs_are_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "LARGE", 1000)
    assert mlp()[0].compile_report().schedule > 0
    assert store.files() == []


def test_a_damaged_file_is_made_afresh(store: Store) -> None:
    made = code(mixture)
    gc.collect()
    (file,) = store.files()
    sound = file.read_bytes()
    file.write_bytes(sound[:-1])
    with pytest.warns(CacheWarning, match="damaged"):
        assert code(mixture) == made
    gc.collect()
    assert code(mixture) == made
    assert len(store.files()) == 1
