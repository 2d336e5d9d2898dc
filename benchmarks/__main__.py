"""Runs graphc and its peers on the workloads, and prints how they compare.

    python -m benchmarks                                    # everything that is installed
    python -m benchmarks --peers torch jax --work mlp_tiny gmm --json results.json --plot gmm.svg
    python -m benchmarks --python torch=~/torch/bin/python  # a peer in an environment of its own
    python -m benchmarks --peers --profile --work gmm       # graphc alone, kernel by kernel
    python -m benchmarks --check                            # fails where losses differ

Each framework runs in a process of its own, in turn, `--rounds` times: the first has empty caches,
the others find them warm. A step time is the median of the faster half of all steps in a process,
and of that the median over processes; `warm s` is the least. `limit` is the share of what the
machine could do: the step's matrix products at the peak of fused multiply-adds, or the bytes of its
parameters and data at the speed of a copy, both measured in the same run.
"""

import argparse
import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.costs import cost
from benchmarks.machine import measured_machine
from benchmarks.processes import Plan, add_plan, in_turn, plan_of, run
from benchmarks.records import (
    Machine,
    Record,
    bound,
    disagreements,
    record,
    save,
)
from benchmarks.table import OURS, table
from benchmarks.worker import MODULES
from benchmarks.workloads import WORKS

PEERS = tuple(name for name in MODULES if name != OURS)


def main(words: Sequence[str] | None = None) -> int:
    """Runs what the command line asks for; 1 if losses were compared and differ."""
    options = _parser().parse_args(words)
    plan = plan_of(options, MODULES)
    if options.plot and importlib.util.find_spec("matplotlib") is None:
        raise SystemExit("--plot needs matplotlib: pip install matplotlib")
    with tempfile.TemporaryDirectory(prefix="graphc_benchmarks_") as folder:
        if options.profile:
            return _profiles(options.work, plan, Path(folder))
        held = {name: cost(WORKS[name]).held for name in options.work}
        machine = measured_machine(held, plan, Path(folder))
        frameworks = (OURS, *options.peers)
        records = [r for w in options.work for r in _measured(w, frameworks, plan, machine, folder)]
    print(table(records))
    if options.json:
        save(options.json, machine, records)
    if options.plot:
        importlib.import_module("benchmarks.plot").plot(records, machine, options.plot)
    wrong = disagreements(records)
    print("\n".join(["losses that differ:", *wrong] if wrong else ["all losses agree"]))
    return int(bool(wrong) and options.check)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--work", nargs="+", choices=WORKS, default=tuple(WORKS))
    add_plan(parser, seconds=2.0)
    parser.add_argument("--plot", type=Path, metavar="FILE")
    parser.add_argument("--check", action="store_true", help="exit with 1 if losses differ")
    parser.add_argument("--profile", action="store_true", help="print graphc's kernels instead")
    return parser


def _measured(
    work: str, frameworks: Sequence[str], plan: Plan, machine: Machine, folder: str
) -> list[Record]:
    least = bound(cost(WORKS[work]), machine.gflops, machine.gbytes[work])
    runs: dict[str, list[dict[str, object]]] = {name: [] for name in frameworks}
    for name, figures in in_turn(work, frameworks, plan, Path(folder)):
        runs[name].append(figures)
        print(f"{work} {name}: {figures}", file=sys.stderr, flush=True)
    return [record(work, name, found, least) for name, found in runs.items()]


def _profiles(works: Sequence[str], plan: Plan, folder: Path) -> int:
    """Prints where the time of graphc's steps goes."""
    for work in works:
        words = ("benchmarks.worker", OURS, work, "--profile")
        found = run(plan.python(OURS), words, plan.threads, folder)
        print(f"{work}\n{found.get('profile', found.get('note'))}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
