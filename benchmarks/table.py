"""Tables for people: a block a workload, a line a framework.

Enters: records. Leaves: text. The ratio is the best peer's step time over this framework's: above
1, this framework is faster than every peer.
"""

from collections.abc import Sequence
from math import exp, log

from benchmarks.records import Record

OURS = "graphc"
TITLES = ("workload", "framework", "step us", "x best peer", "first s", "warm s", "peak MB")
HEAD = "{:13} {:9} {:>10} {:>11} {:>8} {:>7} {:>8} {:>6}  {}"


def table(records: Sequence[Record]) -> str:
    """All records, and the mean of our ratios."""
    lines = [HEAD.format(*TITLES, "limit", "loss 20")]
    for work in dict.fromkeys(r.work for r in records):
        block = [r for r in records if r.work == work]
        best = best_peer(block)
        names = [work] + [""] * (len(block) - 1)
        lines += [_line(name, r, best) for name, r in zip(names, block, strict=True)]
    return "\n".join([*lines, *_summary(records)])


def best_peer(block: Sequence[Record]) -> float | None:
    """The least step time of the peers on one workload, in us."""
    times = [r.step_us for r in block if r.framework != OURS and r.step_us is not None]
    return min(times, default=None)


def ratios(records: Sequence[Record]) -> dict[str, float]:
    """By workload how many times faster than the best peer we are, where both were measured."""
    result = {}
    for ours in records:
        best = best_peer([r for r in records if r.work == ours.work])
        if ours.framework == OURS and ours.step_us is not None and best is not None:
            result[ours.work] = best / ours.step_us
    return result


def _line(name: str, r: Record, best: float | None) -> str:
    if r.step_us is None:
        return f"{name:13} {r.framework:9} {r.note:>10}"
    ratio = "" if best is None else f"{best / r.step_us:.2f}"
    share = "" if r.limit_share is None else f"{r.limit_share:.0%}"
    step = f"{r.step_us:,.1f}" if r.step_us < 100 else f"{r.step_us:,.0f}"
    first, warm, peak = _seconds(r.first_s), _seconds(r.warm_s), f"{r.peak_mb or 0:.0f}"
    loss = "" if r.loss20 is None else f"{r.loss20:.6g}"
    return HEAD.format(name, r.framework, step, ratio, first, warm, peak, share, loss)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _summary(records: Sequence[Record]) -> list[str]:
    found = ratios(records)
    if not found:
        return []
    mean = exp(sum(log(ratio) for ratio in found.values()) / len(found))
    least = min(found, key=found.__getitem__)
    return [
        f"{OURS} against the best peer, geometric mean of {len(found)} workloads: {mean:.2f}, "
        f"least {found[least]:.2f} ({least})"
    ]
