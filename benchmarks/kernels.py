"""Single kernels: matrix products, convolutions with gradients, rows, pointwise work; and what
gradients and depth cost.

    python -m benchmarks.kernels                                   # all but the sweep
    python -m benchmarks.kernels --group sweep --seconds 0.05      # 216 products, some minutes
    python -m benchmarks.kernels --group matmul conv --peers torch --json kernels.json
    python -m benchmarks.kernels --python torch=~/torch/bin/python

Each framework measures all cases in a process of its own, in turn, `--rounds` times; a time is the
median of the faster half of the calls, and of that the median over processes. A call includes what
a user's call includes: new memory for its result. `limit` is the share of what the machine could
do in the same round, again the median over rounds, for machines have better and worse minutes:
products at the peak of multiply-adds, or bytes at the speed of a copy. The sweep are the products
of all shapes (m, k, n) of some sides from 1 to 2000; what it counts at the end are those that take
more than 1.1 times what the best peer takes.
"""

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median_low
from typing import Any

from benchmarks.cases import CASES, flops, moved
from benchmarks.machine import measured_machine
from benchmarks.processes import Plan, add_plan, plan_of, run
from benchmarks.records import Machine
from benchmarks.table import OURS
from benchmarks.worker import step_time
from benchmarks.workloads import UnsupportedError

MODULES = {OURS: "graphc_kernels", "numpy": "numpy_kernels", "torch": "torch_kernels"}
PEERS = ("numpy", "torch")
SWEEP = "sweep"
GROUPS = tuple(dict.fromkeys(name.partition(" ")[0] for name in CASES))
USUAL = tuple(group for group in GROUPS if group != SWEEP)
BEHIND = 1.1  # times the best peer's time: what the sweep counts
HEAD = "{:25} {:>10} {:>9} {:>7} {:>7} {:>10} {:>7} {:>10} {:>7}"


@dataclass(frozen=True, slots=True)
class KernelRecord:
    """The time of a case in one framework, and which share of the machine's limit that is."""

    case: str
    framework: str
    us: float
    gflops: float
    gbytes: float
    limit: str
    limit_share: float


Round = tuple[Machine, list[KernelRecord]]


def main(words: Sequence[str] | None = None) -> int:
    """Measures, prints a table, and keeps it where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--group", nargs="+", choices=GROUPS, default=USUAL)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    add_plan(parser, seconds=0.2)
    parser.add_argument("--worker", choices=MODULES, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    names = [name for name in CASES if name.partition(" ")[0] in options.group]
    if options.worker:
        print(json.dumps(measure(options.worker, names, options.seconds)))
        return 0
    plan = plan_of(options, tuple(MODULES))
    with tempfile.TemporaryDirectory(prefix="graphc_benchmarks_") as folder:
        rounds = measured(names, options.group, (OURS, *options.peers), plan, Path(folder))
    records = typical(rounds)
    print(table(records))
    if options.json:
        machines = [asdict(machine) for machine, _ in rounds]
        found = {"machines": machines, "records": [asdict(r) for r in records]}
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


def working_set(name: str) -> int:
    """Bytes of the copy that a case is compared with; of the sweep a power of two, so that some
    twenty copies do for all."""
    size = moved(CASES[name])
    return 1 << (size - 1).bit_length() if name.startswith(SWEEP) else size


def measure(framework: str, names: Sequence[str], seconds: float) -> dict[str, Any]:
    """The seconds of each case that the framework has."""
    try:
        module = importlib.import_module(f"benchmarks.{MODULES[framework]}")
    except ModuleNotFoundError as error:
        return {"note": f"not installed ({error.name})"}
    found = {}
    for name in names:
        try:
            call = module.start(CASES[name])
        except UnsupportedError:
            continue
        call()
        found[name] = step_time(call, seconds)
    return found


def measured(
    names: Sequence[str],
    groups: Sequence[str],
    frameworks: Sequence[str],
    plan: Plan,
    folder: Path,
) -> list[Round]:
    """What each round found: the machine's limits and the processes of all frameworks take
    turns."""
    rounds: list[Round] = []
    for _ in range(plan.rounds):
        machine = measured_machine({n: working_set(n) for n in names}, plan, folder)
        records: list[KernelRecord] = []
        for framework in frameworks:
            words = ("benchmarks.kernels", "--worker", framework, "--group", *groups)
            words = (*words, "--seconds", str(plan.seconds))
            found = run(plan.python(framework), words, plan.threads, folder / framework)
            if "note" in found:
                print(f"{framework}: {found['note']}", file=sys.stderr)
                continue
            records += [record(name, framework, found[name], machine) for name in found]
        rounds.append((machine, records))
    return rounds


def typical(rounds: Sequence[Round]) -> list[KernelRecord]:
    """For each case and framework the record of the median time, with the median share."""
    found: dict[tuple[str, str], list[KernelRecord]] = {}
    for one in (one for _, records in rounds for one in records):
        found.setdefault((one.case, one.framework), []).append(one)
    return [
        replace(
            sorted(same, key=lambda one: one.us)[(len(same) - 1) // 2],
            limit_share=median_low(one.limit_share for one in same),
        )
        for same in found.values()
    ]


def record(name: str, framework: str, seconds: float, machine: Machine) -> KernelRecord:
    """What a time means: rates, the limit that is reached first, and the share of that."""
    case = CASES[name]
    gflops, gbytes = flops(case) / seconds / 1e9, moved(case) / seconds / 1e9
    shares = {"compute": gflops / machine.gflops, "copy": gbytes / machine.gbytes[name]}
    limit = max(shares, key=shares.__getitem__)
    rounded = (round(x, 4) for x in (seconds * 1e6, gflops, gbytes))
    return KernelRecord(name, framework, *rounded, limit, round(shares[limit], 4))


def table(records: Sequence[KernelRecord]) -> str:
    """A line a case: our figures, then each peer's time and how many times it is ours."""
    by = {(r.case, r.framework): r for r in records}
    titles = ("case", "graphc us", "GFLOP/s", "GB/s", "limit", "numpy us", "ratio", "torch us")
    lines = [HEAD.format(*titles, "ratio")]
    for name in dict.fromkeys(r.case for r in records):
        ours = by.get((name, OURS))
        words = ["", "", "", ""]
        if ours is not None:
            share = f"{ours.limit_share:.0%}"
            words = [_us(ours.us), f"{ours.gflops:.1f}", f"{ours.gbytes:.1f}", share]
        for peer in PEERS:
            found = by.get((name, peer))
            ratio = "" if found is None or ours is None else f"{found.us / ours.us:.2f}"
            words += ["" if found is None else _us(found.us), ratio]
        lines.append(HEAD.format(name, *words).rstrip())
    return "\n".join([*lines, *_of_gradients(by), *_of_sweep(by)])


def _us(value: float) -> str:
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def _of_gradients(by: dict[tuple[str, str], KernelRecord]) -> list[str]:
    value, both = by.get(("gmm", OURS)), by.get(("gmm gradients", OURS))
    if value is None or both is None:
        return []
    return [f"value and gradients of gmm take {both.us / value.us:.2f} times the value alone"]


def _of_sweep(by: dict[tuple[str, str], KernelRecord]) -> list[str]:
    """Which products take longer than the best peer's, the worst first."""
    times = {
        name: (r.us, min((by[name, p].us for p in PEERS if (name, p) in by), default=r.us))
        for (name, framework), r in by.items()
        if framework == OURS and name.startswith(SWEEP)
    }
    if not times:
        return []
    ratios = {name: ours / best for name, (ours, best) in times.items() if ours > BEHIND * best}
    worst = sorted(ratios, key=ratios.__getitem__, reverse=True)
    counted = f"{len(worst)} of {len(times)} products take more than {BEHIND} times the best peer's"
    return [counted, *(f"    {name:24} {ratios[name]:.2f}" for name in worst)]


if __name__ == "__main__":
    sys.exit(main())
