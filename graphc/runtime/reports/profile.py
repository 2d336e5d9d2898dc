"""Profiles: where the time of a program goes, kernel by kernel, beside what the machine could do.

Enters: figures of a program's kernels. Leaves: a `Profile`, which prints a table:

    # kernel          at            us  share  FLOPs  bytes GFLOP/s   GB/s limit    of it parts
    0 f dot_add_relu  mlp.py:12   1.80    21%   262k  33.1k   145.6   18.4 compute    51%     1

The letter tells what a kernel is for: f, g, b, u for the forward computation, a gradient, both, the
update of a state.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import PurePath

from graphc.errors import Where
from graphc.runtime.reports.limits import Limits
from graphc.runtime.reports.phases import PHASES, Phase
from graphc.runtime.reports.roofline import Limit

HEAD = "{:29.29} {:>20} {:>9} {:>6} {:>6} {:>6} {:>8} {:>7} {:8} {:>6} {:>5}"
SHOWN = 0.005  # a share that is worth a line, whatever the row does
TITLES = ("  #   kernel", "at", "us", "share", "FLOPs", "bytes", "GFLOP/s", "GB/s", "limit")


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One kernel: seconds a call (waiting for other threads included) and its share of all kernels.

    `flops` are arithmetic operations, a function such as exp being one; `bytes` are of the distinct
    elements that it reads and writes. `limit` is what would keep even a perfect kernel from being
    faster, `limit_share` how near this one comes: 1 is perfect.
    """

    number: int
    name: str
    phase: Phase
    labels: tuple[str, ...]
    where: Where | None
    seconds: float
    share: float
    flops: int
    bytes: int
    limit: Limit
    limit_share: float
    parts: int

    @property
    def gflops(self) -> float:
        """10^9 arithmetic operations a second."""
        return self.flops / self.seconds / 1e9 if self.seconds else 0.0

    @property
    def gbytes(self) -> float:
        """10^9 bytes read and written a second, each element counted once."""
        return self.bytes / self.seconds / 1e9 if self.seconds else 0.0

    def __str__(self) -> str:
        labels = "".join(f"{label!r} " for label in self.labels)
        where = self.where
        place = "" if where is None else f"{PurePath(where.file).name}:{where.line}"
        return HEAD.format(
            *(
                f"{self.number:3} {self.phase[0]} {labels}{self.name}",
                place[-20:],
                f"{self.seconds * 1e6:.2f}",
                f"{self.share:.0%}",
            ),
            *(_short(self.flops), _short(self.bytes), f"{self.gflops:.1f}", f"{self.gbytes:.1f}"),
            *(self.limit, f"{self.limit_share:.0%}", self.parts),
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """The rows of a program, and medians of seconds: of the native call that runs them all without
    timing each, and of a whole call, with arguments copied in and results out.

    The program may run on so many `threads`; `limits` are those of the threads that it ran on: one
    alone, where that turned out faster. Rows without work, as of strips that these sizes do not
    need, are not printed."""

    rows: tuple[ProfileRow, ...]
    limits: Limits
    threads: int
    repeats: int
    native_seconds: float
    call_seconds: float

    @property
    def seconds(self) -> float:
        """Seconds a call within kernels: the sum of the rows."""
        return sum(row.seconds for row in self.rows)

    def to_json(self) -> str:
        """All of it as JSON: the fields of the profile, of its rows and limits, and rates."""
        fields = asdict(self) | {"seconds": self.seconds}
        rates = [{"gflops": row.gflops, "gbytes": row.gbytes} for row in self.rows]
        rows = [asdict(row) | rate for row, rate in zip(self.rows, rates, strict=True)]
        return json.dumps(fields | {"rows": rows}, indent=1)

    def __str__(self) -> str:
        heads = HEAD.format(*TITLES, "of it", "parts")
        own = self.call_seconds - self.native_seconds
        totals = (
            ("all kernels", self.seconds, self._phases()),
            ("native call", self.native_seconds, self._beside_kernels()),
            ("whole call", self.call_seconds, f"{own * 1e6:+.2f} us: arguments in, results out"),
        )
        last = [f"{name:50} {time * 1e6:9.2f}  {note}".rstrip() for name, time, note in totals]
        shown = [str(row) for row in self.rows if row.flops or row.bytes or row.share >= SHOWN]
        few = [f"on 1 of {self.threads} threads, which was faster"] if self._is_alone() else []
        return "\n".join([str(self.limits), *few, heads, *shown, *last])

    def _is_alone(self) -> bool:
        return self.limits.threads < self.threads

    def _phases(self) -> str:
        """The letters of the phases that there are, and the share of each."""
        shares = {phase: [r.share for r in self.rows if r.phase == phase] for phase in PHASES}
        return ", ".join(f"{p[0]}: {p} {sum(found):.0%}" for p, found in shares.items() if found)

    def _beside_kernels(self) -> str:
        """What the native call takes beyond its kernels. An interruption hits another kernel each
        time, so that no kernel's median has it; but each has the time of its timing."""
        beside = (self.native_seconds - self.seconds) * 1e6
        what = (
            "start, end, interruptions" if beside >= 0 else "its kernels are not timed one by one"
        )
        return f"{beside:+.2f} us: {what}"

    __repr__ = __str__


def _short(count: float) -> str:
    """In at most five characters.

    >>> _short(999), _short(12345), _short(2_500_000)
    ('999', '12.3k', '2.50M')
    """
    for unit in ("", "k", "M", "G", "T"):
        if count < 999.5 or unit == "T":
            break
        count /= 1000
    return f"{count:.0f}" if unit == "" else f"{count:#.3g}".rstrip(".") + unit
