"""The roofline: every kernel is in it, numbers can be told apart, and it says what it needs."""

import importlib
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

import graphc as gx
from graphc.errors import MissingPackageError, Where
from graphc.runtime.reports.limits import Limits
from graphc.runtime.reports.profile import Profile, ProfileRow

MACHINE = Limits(
    "a CPU", 2, {"float32": 500.0, "float64": 250.0}, ((1 << 15, 400.0), (1 << 28, 40.0)), 1e-7
)


def profile(count: int) -> Profile:
    """Made-up kernels, each from a line of its own."""
    rng = Random(0)
    rows = []
    for number in range(count):
        flops, moved = 10 ** rng.uniform(3, 8), 10 ** rng.uniform(4, 7)
        limit = rng.choice(("compute", "memory", "cache", "overhead"))
        share = rng.random()
        seconds = max(flops / 500e9, moved / 400e9) / share
        row = ProfileRow(
            number=number,
            name=f"kernel_{number}",
            phase="forward",
            labels=(),
            where=Where("mlp.py", number),
            seconds=seconds,
            share=1 / count,
            flops=int(flops) if number else 0,
            bytes=int(moved),
            limit=limit,
            limit_share=share,
            parts=2,
        )
        rows.append(row)
    return Profile(tuple(rows), MACHINE, 2, 20, 1.0, 1.1)


def texts(axes: object) -> list[str]:
    return [text.get_text() for text in axes.texts]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _plots() -> None:
    pytest.importorskip("matplotlib")


def test_all_kernels_have_a_bar_and_those_that_compute_a_point() -> None:
    roof, bars = gx.viz.roofline(profile(5)).figure.axes
    assert [label.get_text() for label in bars.get_yticklabels()] == [
        f"{n}  kernel_{n}" for n in range(5)
    ]
    assert sorted(text for text in texts(roof) if text.isdecimal()) == ["1", "2", "3", "4"]
    assert {"500 GFLOP/s", "400 GB/s, cache", "40 GB/s, memory"} <= set(texts(roof))


def test_kernels_alike_share_a_bar_and_the_fastest_are_put_together() -> None:
    rows = profile(40).rows
    alike = Profile((rows[1], rows[1], *rows), MACHINE, 2, 20, 1.0, 1.1)
    _, bars = gx.viz.roofline(alike).figure.axes
    names = [label.get_text() for label in bars.get_yticklabels()]
    assert len(names) == 17
    assert any(name.endswith("others") for name in names)
    twice = Profile((rows[1], rows[1]), MACHINE, 2, 20, 1.0, 1.1)
    (label,) = gx.viz.roofline(twice).figure.axes[1].get_yticklabels()
    assert label.get_text() == "1  kernel_1 x2"


@pytest.mark.parametrize("count", [1, 10, 30])
def test_numbers_do_not_overlap_and_stay_inside(count: int) -> None:
    roof, _ = (figure := gx.viz.roofline(profile(count)).figure).axes
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in roof.texts if text.get_text().isdecimal()]
    assert len(boxes) >= min(count - 1, 5)
    assert not [1 for a, b in combinations(boxes, 2) if a.overlaps(b)]
    frame = roof.get_window_extent()
    assert all(frame.contains(*corner) for box in boxes for corner in box.corners())


def test_numbers_do_not_stand_on_the_speeds() -> None:
    rows = [
        replace(row, flops=10**9, bytes=10**7 + 10**6 * n, seconds=1e9 / 490e9)
        for n, row in enumerate(profile(6).rows)
    ]
    roof, _ = (figure := gx.viz.roofline(replace(profile(0), rows=tuple(rows))).figure).axes
    figure.draw_without_rendering()
    boxes = {text.get_text(): text.get_window_extent() for text in roof.texts}
    numbers = [box for name, box in boxes.items() if name.isdecimal()]
    assert len(numbers) >= 3
    assert not [box for box in numbers if box.overlaps(boxes["500 GFLOP/s"])]


@pytest.mark.parametrize("name", ["roof.png", "roof.svg"])
def test_it_is_saved(tmp_path: Path, name: str) -> None:
    gx.viz.roofline(profile(3)).save(tmp_path / name)
    start = (tmp_path / name).read_bytes()[:100]
    assert b"PNG" in start or b"<?xml" in start


def test_an_empty_profile_is_a_plot_too() -> None:
    assert gx.viz.roofline(profile(0))._repr_svg_().startswith("<?xml")


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingPackageError, match=r"pip install \"graphc\[plot\]\""):
        gx.viz.roofline(profile(1))
