"""The command line: `python -m graphc info`, `python -m graphc cache`, `... cache clear`.

Enters: arguments. Leaves: lines of text that say what graphc runs on, or what its cache holds.
"""

import argparse
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version

import graphc
from graphc.runtime.cores import available_cores
from graphc.runtime.environment import cache_folder
from graphc.runtime.language.machine import host
from graphc.runtime.micro.family import host_core
from graphc.runtime.objects.cache import cache_files, cache_size, clear_cache
from graphc.runtime.reports.limits import cpu_name, measured_limits
from graphc.runtime.threads.team import get_threads, openmp

# Of the CPU's features those that decide how fast kernels are.
_TELLING = ("avx2", "fma", "avx512f", "avx512bf16", "avx512vnni", "amx-tile", "neon", "sve")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="graphc")
    commands = parser.add_subparsers(dest="command", required=True)
    info = commands.add_parser("info", help="versions, CPU, threads and cache")
    info.add_argument(
        "--limits", action="store_true", help="measure what this machine can do, again"
    )
    cache = commands.add_parser("cache", help="the size of the object cache")
    cache.add_argument("action", nargs="?", choices=("size", "clear"), default="size")
    chosen = parser.parse_args(arguments)
    if chosen.command == "info":
        _table(_info())
        if chosen.limits:
            print(*map(measured_limits, sorted({1, get_threads()})), sep="\n")
    elif chosen.action == "clear":
        before = _cache_text()
        clear_cache()
        print(f"removed {before}")
    else:
        print(_cache_text())
    return 0


def _info() -> dict[str, str]:
    features = {f[1:] for f in host().features.split(",") if f.startswith("+")}
    return {
        "graphc": graphc.__version__,
        "python": platform.python_version(),
        **{package: version(package) for package in ("llvmlite", "numpy")},
        "CPU": cpu_name(),
        "features": " ".join(f for f in _TELLING if f in features) or "none that matter",
        "vector width": f"{host_core().vector_bytes * 8} bits",
        "cores": str(available_cores()),
        "threads": str(get_threads()),
        "threading layer": _threading_layer(),
        "cache": _cache_text(),
    }


def _threading_layer() -> str:
    library = openmp()
    return "one thread: no OpenMP runtime found" if library is None else f"OpenMP, {library._name}"


def _cache_text() -> str:
    return f"{cache_files()} files, {cache_size() / 1e6:.1f} MB in {cache_folder()}"


def _table(rows: dict[str, str]) -> None:
    for name, value in rows.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    sys.exit(main())
