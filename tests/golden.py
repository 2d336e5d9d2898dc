"""Golden files: what a stage printed when somebody last read it.

`pytest --update-golden` writes them anew; the difference is read in review.
"""

import difflib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option; conftest.py imports this hook."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


def check(name: str, text: str, config: pytest.Config) -> None:
    """Fails, showing the difference, where the text is not that of the golden file."""
    path = FOLDER / name
    if config.getoption("--update-golden", default=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    wanted = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    difference = difflib.unified_diff(wanted, text.splitlines(), str(path), "now", lineterm="")
    changed = "\n".join(difference)
    assert not changed, f"{changed}\nif this is meant, run pytest --update-golden"
