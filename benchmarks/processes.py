"""Processes: each measurement in one of its own, in turn, with caches of its own.

Enters: frameworks, their Pythons, workloads. Leaves: the figures that the workers printed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
HOSTS = {"inductor": "torch"}  # which framework's Python another one runs in
HELD_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # each can slow a peer's BLAS down
TIMEOUT = 600  # seconds a process
ERROR = re.compile(r"[\w.]*(Error|Exception)\b")  # begins the line of a traceback that says what
# A framework may take as many threads as it finds cores: a process gets no more cores than threads.
PINS = sys.platform.startswith("linux")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run measures: `pythons` name the interpreter of a framework that has one of its own."""

    rounds: int
    seconds: float
    threads: int
    pythons: Mapping[str, str] = field(default_factory=dict)

    def python(self, framework: str) -> str:
        """The interpreter that a framework is installed in."""
        host = self.pythons.get(HOSTS.get(framework, ""), sys.executable)
        return self.pythons.get(framework, host)


def add_plan(parser: argparse.ArgumentParser, seconds: float) -> None:
    """The options that say how a run measures, and where its figures go."""
    parser.add_argument("--rounds", type=int, default=3, help="processes of each framework")
    parser.add_argument("--seconds", type=float, default=seconds, help="timed, a measurement")
    parser.add_argument("--threads", type=int, default=len(cores_at_hand()))
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--json", type=Path, metavar="FILE")


def plan_of(options: argparse.Namespace, names: Collection[str]) -> Plan:
    """The plan of some options; `names` are the frameworks that may have a Python of their own."""
    pythons = dict(_pair(text, names) for text in options.python)
    return Plan(options.rounds, options.seconds, options.threads, pythons)


def _pair(text: str, names: Collection[str]) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if name not in names or not equals:
        raise SystemExit(f"--python takes NAME=PATH, a name of {', '.join(names)}: {text!r}")
    return name, str(Path(path).expanduser())


def environment(threads: int, cache: Path) -> dict[str, str]:
    """The variables of a process: so many threads, no GPU, and every cache in this folder."""
    result = {name: value for name, value in os.environ.items() if name not in HELD_BACK}
    count = str(threads)
    result |= {"OMP_NUM_THREADS": count, "NUMBA_NUM_THREADS": count}
    result |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    result |= {
        "GRAPHC_CACHE_DIR": str(cache / "graphc"),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "PYTENSOR_FLAGS": f"base_compiledir={cache / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(cache / "numba"),
    }
    return result


def run(python: str, words: Sequence[str], threads: int, cache: Path) -> dict[str, Any]:
    """What `python -m WORDS` printed as its last line; a note if it failed."""
    cores = set(sorted(cores_at_hand())[:threads])
    command = [python, "-W", "ignore", "-m", *words]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(threads, cache),
            timeout=TIMEOUT,
            capture_output=True,
            text=True,
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if PINS else None,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"note": f"failed: {type(error).__name__}"}
    if done.returncode:
        return {"note": f"failed: {cause(done.stderr) or f'exit status {done.returncode}'}"}
    return json.loads(done.stdout.splitlines()[-1])


def cause(printed: str) -> str:
    """The line that names the error, of what a process printed; else its last line.

    >>> cause("Traceback ...\\ngraphc.errors.LoweringError: no kernel\\n  at model.py:3")
    'graphc.errors.LoweringError: no kernel'
    """
    lines = printed.strip().splitlines()
    named = [line for line in lines if ERROR.match(line)]
    return f"{(named or lines or [''])[-1]:.200}"


def cores_at_hand() -> set[int]:
    """The cores that this process may run on."""
    return os.sched_getaffinity(0) if PINS else set(range(os.cpu_count() or 1))


def in_turn(
    work: str, frameworks: Sequence[str], plan: Plan, folder: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measures all frameworks, then all of them again, for each round; one that fails, once."""
    failed: set[str] = set()
    for _ in range(plan.rounds):
        for framework in frameworks:
            if framework in failed:
                continue
            words = ("benchmarks.worker", framework, work, "--seconds", str(plan.seconds))
            cache = folder / work / framework
            figures = run(plan.python(framework), words, plan.threads, cache)
            if "note" in figures:
                failed.add(framework)
            yield framework, figures
