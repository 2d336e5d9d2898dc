"""The machine under a benchmark: its name, and its limits as they are in the same run.

Enters: how many bytes each case works on. Leaves: a `Machine`.
"""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.processes import Plan, run
from benchmarks.records import Machine, this_machine
from benchmarks.table import OURS


def measured_machine(sizes: Mapping[str, int], plan: Plan, folder: Path) -> Machine:
    """The machine's limits, for working sets of these sizes in bytes; prints them."""
    words = ("benchmarks.limits", str(plan.threads), *map(str, sorted(set(sizes.values()))))
    found = run(plan.python(OURS), words, plan.threads, folder)
    if "note" in found:
        raise SystemExit(f"the limits of this machine: {found['note']}")
    rates = {name: round(found["gbytes"][str(size)], 1) for name, size in sizes.items()}
    machine = this_machine(plan.threads, found["gflops"], rates)
    print(f"{machine.date} UTC, {machine.cpu}, {plan.threads} threads: {machine.gflops} GFLOP/s")
    return machine
