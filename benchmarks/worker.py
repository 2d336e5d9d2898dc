"""One process, one framework, one workload: the unit of measurement.

Enters: a framework and a workload. Leaves, as one JSON line, its figures; or why there are none.

    python -m benchmarks.worker graphc mlp_tiny
    {"version": "0.1.0", "first_s": 0.61, "step_us": 9.1, "loss20": 0.64621, "peak_mb": 105.2}
    python -m benchmarks.worker torch mlp_tiny
    {"note": "not installed"}
"""

import argparse
import importlib
import json
import resource
import sys
import time
from typing import Any

from benchmarks.workloads import WORKS, Step, UnsupportedError, Work, data, parameters

STEPS = 20  # after which the losses of all frameworks are compared
MOST, LEAST = 3000, 7  # timed steps
MODULES = {
    "graphc": "graphc_runs",
    "torch": "torch_runs",
    "inductor": "torch_runs",
    "jax": "jax_runs",
    "pytensor": "pytensor_runs",
}


def measure(runs: Any, framework: str, work: Work, seconds: float) -> dict[str, Any]:
    """The figures of a workload, which is timed for so many seconds. The first step includes
    building the graph, the gradient and the optimiser, but no import.
    """
    fed, values = data(work.model), parameters(work.model)
    begin = time.perf_counter()
    step = runs.start(work, framework, fed, values)
    losses = [step()]
    first = time.perf_counter() - begin
    losses += [step() for _ in range(STEPS - 1)]
    return {
        "version": runs.VERSION,
        "first_s": first,
        "step_us": step_time(step, seconds) * 1e6,
        "loss20": float(losses[-1]),
        "peak_mb": _peak_bytes() / 1e6,
    }


def step_time(step: Step, seconds: float) -> float:
    """The median of the faster half: what is left out is mostly other processes."""
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < LEAST or (len(times) < MOST and time.perf_counter() - begin < seconds):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 4]


def _peak_bytes() -> int:
    """The largest resident memory that the process had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def report(options: argparse.Namespace) -> dict[str, Any]:
    """What the process says: what it measured, or a note why it could not."""
    work = WORKS[options.work]
    try:
        runs = importlib.import_module(f"benchmarks.{MODULES[options.framework]}")
        if options.profile:
            return {"profile": runs.profile(work, data(work.model), parameters(work.model))}
        return measure(runs, options.framework, work, options.seconds)
    except ModuleNotFoundError as error:
        return {"note": f"not installed ({error.name})"}
    except UnsupportedError as error:
        return {"note": str(error)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("framework", choices=MODULES)
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--profile", action="store_true", help="of graphc's kernels, as a text")
    print(json.dumps(report(parser.parse_args())))
