"""The plot of a profile: its kernels under the limits of the machine, and the time of each.

Enters: a `Profile`. Leaves: a `Plot`. Above, operations a second over operations a byte, on
logarithmic scales: a kernel lies below the roof, whose slopes are the speeds of copies and whose
ridge is the peak of multiply-adds. Below, a bar a kernel, or for kernels alike that come from one
line: light the time it took, dark what its limit would allow. A number is that of the (first)
kernel in the program.
"""

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import atan2, degrees
from typing import Any

import numpy as np

from graphc.errors import GraphError
from graphc.runtime.reports.limits import Limits
from graphc.runtime.reports.profile import Profile, ProfileRow
from graphc.viz.loader import figure

WIDTH, ROOF, BAR, FRAME = 6.4, 4.2, 0.28, 1.2  # inches: of the roofline, of a bar, around the bars
MOST = 16  # bars; the others are one
DEPTH = 1e4  # from the peak down to the slowest kernel that is shown
COLOURS = {"compute": "#2f6db5", "cache": "#3a9a5b", "memory": "#c05a10", "overhead": "#777777"}
OTHERS = "black"
PALE = 0.3
NAME = 22  # characters
AROUND = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])
OFFSETS = np.concatenate([AROUND * distance for distance in (9, 17, 25, 33)])  # points
MIDDLE = {"ha": "center", "va": "center"}
ROOM = 6.0  # points around the middle of a number
NEAR = 15.0  # points between two numbers that can be told apart


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A finished figure of matplotlib; a notebook shows it as it is."""

    figure: Any

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to that file, as PNG, SVG, PDF: as its name says."""
        self.figure.savefig(path, dpi=150)

    def _repr_svg_(self) -> str:
        text = io.StringIO()
        self.figure.savefig(text, format="svg")
        return text.getvalue()


def roofline(profile: Profile) -> Plot:
    """The roofline of a profile, and its kernels' times.

    MissingPackageError without matplotlib (`pip install "graphc[plot]"`).

        gx.viz.roofline(step.profile(images, labels)).save("step.png")
    """
    if not isinstance(profile, Profile):
        raise GraphError(
            "a roofline is drawn of a profile",
            got=type(profile).__name__,
            fix="graphc.viz.roofline(step.profile(arrays))",
        )
    bars = _bars(profile.rows)
    high = BAR * len(bars) + FRAME
    page = figure(figsize=(WIDTH, ROOF + high), layout="constrained")
    above, below = page.subplots(2, 1, height_ratios=(ROOF, high))
    _draw_bars(below, bars)
    _draw_roof(above, profile)
    page.draw_without_rendering()  # words are placed where things finally stand
    _name_slopes(above, profile.limits)
    _number_points(above, bars)
    return Plot(page)


# ---- bars -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bar:
    """Kernels alike: their time, and that of their limits, in us."""

    name: str
    rows: tuple[ProfileRow, ...]
    colour: str

    @property
    def time(self) -> float:
        return 1e6 * sum(row.seconds for row in self.rows)

    @property
    def least(self) -> float:
        return 1e6 * sum(row.seconds * min(row.limit_share, 1.0) for row in self.rows)


def _bars(rows: Iterable[ProfileRow]) -> list[_Bar]:
    """In the program's order those that take longest, and the others together."""
    alike: dict[object, list[ProfileRow]] = {}
    for row in sorted(rows, key=lambda row: row.number):
        alike.setdefault((row.name, row.labels, row.where, row.limit), []).append(row)
    bars = [_Bar(_name(found), tuple(found), COLOURS[found[0].limit]) for found in alike.values()]
    longest = sorted(bars, key=lambda bar: -bar.time)[:MOST]
    kept = [bar for bar in bars if bar in longest]
    others = tuple(row for bar in bars if bar not in longest for row in bar.rows)
    return [*kept, _Bar(f"{len(others)} others", others, OTHERS)] if others else kept


def _name(rows: Sequence[ProfileRow]) -> str:
    name = " ".join((*rows[0].labels, rows[0].name))
    name = name if len(name) <= NAME else name[: NAME - 1] + "…"
    return f"{rows[0].number}  {name}" + (f" x{len(rows)}" if len(rows) > 1 else "")


def _draw_bars(axes: Any, bars: Sequence[_Bar]) -> None:
    places = range(len(bars))
    colours, times = [bar.colour for bar in bars], [bar.time for bar in bars]
    axes.barh(places, times, color=colours, alpha=PALE)
    axes.barh(places, [bar.least for bar in bars], color=colours)
    for place, bar in zip(places, bars, strict=True):
        share = bar.least / bar.time if bar.time else 0.0
        axes.text(bar.time, place, f" {_time(bar.time)}, {share:.0%}", va="center", fontsize=10)
    axes.set_yticks(places, [bar.name for bar in bars], fontsize=10)
    axes.set(xlim=(0, 1.5 * max(times, default=1.0)), ylim=(len(bars) - 0.4, -0.6))
    axes.set_xlabel("us a call; dark, and in percent: what the limit would allow")


def _time(us: float) -> str:
    return f"{us:,.0f} us" if us >= 99.5 else f"{us:.2g} us" if us < 9.95 else f"{us:.1f} us"


# ---- the roofline ---------------------------------------------------------------------------


def _draw_roof(axes: Any, profile: Profile) -> None:
    rows = [row for row in profile.rows if row.flops and row.bytes and row.seconds]
    limits, peak = profile.limits, max(profile.limits.gflops.values())
    span = _span(rows, limits)
    for _, rate in (limits.copies[0], limits.copies[-1]):
        ends = span[0], peak / rate, span[1]  # in the middle the slope reaches the peak
        axes.plot(ends, [min(x * rate, peak) for x in ends], color="black", linewidth=1)
    axes.text(span[1] / 1.2, peak * 1.15, f"{peak:.0f} GFLOP/s", ha="right", fontsize=10)
    for limit, colour in COLOURS.items():
        shown = [row for row in rows if row.limit == limit]
        x, y = [_intensity(row) for row in shown], [row.gflops for row in shown]
        sizes = [20 + 380 * row.share for row in shown]
        axes.scatter(x, y, s=sizes, color=colour, alpha=0.6, edgecolor="none")
        axes.scatter([], [], color=colour, label=limit)
    slowest = min([peak / 100, *(row.gflops for row in rows)])
    axes.set(xscale="log", yscale="log", xlim=span)
    axes.set_ylim(max(slowest, peak / DEPTH) / 2, peak * 3)
    axes.set(xlabel="operations a byte", ylabel="GFLOP/s")
    threads = f"{limits.threads} thread{'s' * (limits.threads > 1)}"
    axes.set_title(f"{limits.cpu}, {threads}", fontsize=10)
    axes.legend(title="limit", fontsize=10, title_fontsize=10, loc="lower right")
    axes.grid(alpha=0.2)


def _intensity(row: ProfileRow) -> float:
    return row.flops / row.bytes


def _span(rows: Sequence[ProfileRow], limits: Limits) -> tuple[float, float]:
    """The least and the largest intensity to be shown: the ridges are, too."""
    peak = max(limits.gflops.values())
    shown = [peak / limits.copies[0][1], peak / limits.copies[-1][1], *map(_intensity, rows)]
    return min(shown) / 5, max(shown) * 4


def _name_slopes(axes: Any, limits: Limits) -> None:
    """Their speeds along the slopes, from where these enter the picture."""
    (left, _), (low, _) = axes.get_xlim(), axes.get_ylim()
    for (_, rate), what in ((limits.copies[0], "cache"), (limits.copies[-1], "memory")):
        x = 1.6 * max(left, low / rate)
        (x0, y0), (x1, y1) = axes.transData.transform([(x, x * rate), (2 * x, 2 * x * rate)])
        turned = {"rotation": degrees(atan2(y1 - y0, x1 - x0)), "rotation_mode": "anchor"}
        words = f"{rate:.0f} GB/s, {what}"
        axes.annotate(
            words, (x, x * rate), (-5, 5), textcoords="offset points", fontsize=10, **turned
        )


def _number_points(axes: Any, bars: Sequence[_Bar]) -> None:
    """Each bar's number beside its slowest kernel, the longest bars first, where there is room."""
    scale = 72 / axes.figure.dpi
    corners = axes.transAxes.transform([(0, 0), (1, 1)]) * scale
    taken = [place for text in axes.texts for place in _along(text, scale)]
    for bar in sorted(bars, key=lambda bar: -bar.time):
        row = max(bar.rows, key=lambda row: row.seconds)
        if bar.colour == OTHERS or not row.flops or not row.bytes:
            continue
        at = (_intensity(row), row.gflops)
        spot = axes.transData.transform(at) * scale
        places = [(x, y) for x, y in spot + OFFSETS if _is_free((x, y), corners, taken)]
        if places:
            taken.append(places[0])
            shift = places[0] - spot
            number = str(bar.rows[0].number)
            axes.annotate(number, at, shift, textcoords="offset points", fontsize=10, **MIDDLE)


def _along(text: Any, scale: float) -> Iterator[tuple[float, float]]:
    """Places close together along a text, which is flat or stands on a slope."""
    box = text.get_window_extent()
    ends = np.array([box.min, box.max]) * scale
    count = int(np.ptp(ends, axis=0).sum() / ROOM) + 2
    for share in np.linspace(0, 1, count):
        x, y = ends[0] + share * (ends[1] - ends[0])
        yield float(x), float(y)


def _is_free(
    place: tuple[float, float], corners: Any, taken: Sequence[tuple[float, float]]
) -> bool:
    x, y = place
    (left, bottom), (right, top) = corners
    inside = left + ROOM < x < right - ROOM and bottom + ROOM < y < top - ROOM
    return inside and all(abs(x - other) + abs(y - up) >= NEAR for other, up in taken)
