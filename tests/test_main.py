"""The command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from graphc.__main__ import main
from graphc.runtime.threads import team


def test_info_says_what_graphc_runs_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line[:16].strip(): line[16:].strip() for line in lines}
    assert all(rows.values())
    for name in ("graphc", "python", "llvmlite", "numpy"):
        assert rows[name][0].isdigit()
    assert rows["vector width"].endswith(" bits")
    assert int(rows["cores"]) >= 1
    assert int(rows["threads"]) == team.get_threads()
    assert " files, " in rows["cache"]


def test_info_without_openmp(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(team._LIBRARIES, sys.platform, ("no-such-library",))
    team.openmp.cache_clear()
    try:
        main(["info"])
    finally:
        team.openmp.cache_clear()
    assert "one thread: no OpenMP runtime found" in capsys.readouterr().out


def test_the_cache_is_counted_and_cleared(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "key.graphc").write_bytes(b"1234")

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "graphc", *arguments]
        environment = {"GRAPHC_CACHE_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert run("cache").startswith("1 files, 0.0 MB in ")
    assert run("cache", "clear").startswith("removed 1 files")
    assert run("cache", "size").startswith("0 files")
    assert not list(tmp_path.iterdir())


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["explode"])
    assert "invalid choice" in capsys.readouterr().err
