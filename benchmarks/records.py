"""Records: what was measured of one framework on one workload, and JSON files of them.

Enters: figures of processes. Leaves: `Record`s, and a file that can be read again.
"""

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from statistics import median_low
from typing import Any

from benchmarks.costs import Cost

TOLERANCE = 1e-3  # relative, between the losses of all frameworks


@dataclass(frozen=True, slots=True)
class Record:
    """Figures of one framework on one workload; only a note where there are none."""

    work: str
    framework: str
    step_us: float | None = None
    first_s: float | None = None  # to the end of the first step: nothing is cached
    warm_s: float | None = None  # the same, in a process that finds the caches of another
    peak_mb: float | None = None
    loss20: float | None = None
    limit_share: float | None = None
    version: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and when a run took place, and the limits that it found."""

    date: str
    cpu: str
    threads: int
    gflops: float
    gbytes: dict[str, float]  # by workload: its arrays fit into another cache


def record(work: str, framework: str, runs: Sequence[dict[str, Any]], bound: float) -> Record:
    """One record of the processes of a workload, the first of which had empty caches.

    `bound` is the least number of seconds that a step can take.
    """
    notes = [run["note"] for run in runs if "note" in run]
    if notes:
        return Record(work, framework, note=notes[0])
    step_us = median_low(run["step_us"] for run in runs)
    warm = [run["first_s"] for run in runs[1:]]
    return Record(
        work,
        framework,
        step_us=round(step_us, 2),
        first_s=round(runs[0]["first_s"], 3),
        warm_s=round(min(warm), 3) if warm else None,
        peak_mb=round(max(run["peak_mb"] for run in runs), 1),
        loss20=runs[0]["loss20"],
        limit_share=round(bound * 1e6 / step_us, 4),
        version=runs[0]["version"],
    )


def bound(cost: Cost, gflops: float, gbytes: float) -> float:
    """Seconds below which no step can be: its arithmetic, or its traffic if that takes longer."""
    return max(cost.flops / gflops, cost.moved / gbytes) / 1e9


def disagreements(records: Sequence[Record]) -> list[str]:
    """A line for each workload whose losses differ by more than TOLERANCE."""
    lines = []
    for work in dict.fromkeys(r.work for r in records):
        losses = {r.framework: r.loss20 for r in records if r.work == work}
        known = {name: loss for name, loss in losses.items() if loss is not None}
        if not all(_agree(a, b) for a, b in combinations(known.values(), 2)):
            lines.append(f"{work}: " + ", ".join(f"{n} {loss:.7g}" for n, loss in known.items()))
    return lines


def _agree(a: float, b: float) -> bool:
    """False for a nan, which no loss agrees with."""
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b))


# ---- files --------------------------------------------------------------------------------------


def this_machine(threads: int, gflops: float, gbytes: dict[str, float]) -> Machine:
    """The machine that this process runs on, now."""
    date = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    return Machine(date, _cpu(), threads, round(gflops, 1), gbytes)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    fields = {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    model = fields.get("model name") or platform.processor() or platform.machine()
    return f"{model} (family {fields['cpu family']})" if "cpu family" in fields else model


def save(path: Path, machine: Machine, records: Sequence[Record]) -> None:
    """Writes a run as JSON, a line a record."""
    lines = ",\n    ".join(json.dumps(asdict(r)) for r in records)
    head = json.dumps(asdict(machine))
    text = f'{{\n  "machine": {head},\n  "records": [\n    {lines}\n  ]\n}}\n'
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> tuple[Machine, list[Record]]:
    """A run from its JSON file."""
    run = json.loads(path.read_text(encoding="utf-8"))
    return Machine(**run["machine"]), [Record(**fields) for fields in run["records"]]
