"""A drawing of a run: for each workload the speed of all frameworks, the best peer's being 1.

Enters: records. Leaves: a file, in the format that its name says. Needs matplotlib.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.records import Machine, Record
from benchmarks.table import OURS, best_peer

WIDTH = 0.8  # of the bars of a workload together
COLOURS = {OURS: "tab:red", "torch": "0.75", "inductor": "0.6", "jax": "0.45", "pytensor": "0.3"}


def plot(records: Sequence[Record], machine: Machine, path: Path) -> None:
    """Saves the drawing; frameworks without a figure leave a gap."""
    works = list(dict.fromkeys(r.work for r in records))
    names = list(dict.fromkeys(r.framework for r in records))
    figure = Figure(figsize=(max(6.0, 1.4 * len(works)), 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, name in enumerate(names):
        shift = (number - (len(names) - 1) / 2) * WIDTH / len(names)
        speeds = [_speed(records, work, name) for work in works]
        places = [i + shift for i in range(len(works))]
        bars = axes.bar(places, speeds, WIDTH / len(names), label=name, color=COLOURS[name])
        if name == OURS:
            axes.bar_label(bars, [f"{speed:.1f}x" if speed else "" for speed in speeds])
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(works)), works)
    axes.set_ylabel("speed, best peer = 1")
    axes.set_title(f"Training steps, {machine.threads} threads of {machine.cpu}, {machine.date}")
    axes.legend()
    figure.savefig(path)


def _speed(records: Sequence[Record], work: str, framework: str) -> float:
    block = [r for r in records if r.work == work]
    best = best_peer(block)
    own = next((r.step_us for r in block if r.framework == framework), None)
    return best / own if best is not None and own is not None else 0.0
