"""What is shipped is what the code says, and any difference is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grafana import build
from tests.grafana.shipped import ALWAYS, GRAFANA, POSTGRES

UID = "exai-gateway-overview"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    assert build.main(["--output", str(tmp_path)]) == 0
    return tmp_path


def complaints(directory: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    status = build.main(["--check", "--output", str(directory)])
    lines = capsys.readouterr().err.splitlines()
    assert status == (1 if lines else 0)
    return lines


def test_the_shipped_files_are_as_the_code_says() -> None:
    script = [sys.executable, str(GRAFANA / "build.py"), "--check"]
    run = subprocess.run(script, cwd="/", capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_it_runs_as_a_module_too() -> None:
    run = subprocess.run([sys.executable, "-m", "grafana.build", "--check"], cwd=GRAFANA.parent, check=False)
    assert run.returncode == 0


def test_what_was_just_written_has_no_drift(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert complaints(written, capsys) == []


def test_a_changed_file_is_named(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written / "dashboards" / f"{UID}.json"
    path.write_text(path.read_text() + "\n")
    assert complaints(written, capsys) == [f"changed: {path}"]


def test_a_missing_file_is_named(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written / "dashboards" / f"{UID}.json"
    path.unlink()
    assert complaints(written, capsys) == [f"missing: {path}"]


@pytest.mark.parametrize("directory", ["dashboards", "dashboards-postgres"])
@pytest.mark.parametrize("name", ["exai-new.json", "notes.txt", "below/exai-new.json"])
def test_a_new_file_is_named(directory: str, name: str, written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written / directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\xff")
    assert complaints(written, capsys) == [f"made by no board: {path}"]


def test_checking_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert complaints(tmp_path / "absent", capsys)
    assert not (tmp_path / "absent").exists()


def test_building_touches_no_file_of_anybody_else(written: Path) -> None:
    (written / "dashboards/notes.txt").write_text("mine")
    build.main(["--output", str(written)])
    assert (written / "dashboards/notes.txt").read_text() == "mine"


def test_building_removes_boards_that_are_no_longer_made(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (written / "dashboards-postgres/exai-old.json").write_text("{}")
    build.main(["--output", str(written)])
    assert complaints(written, capsys) == []


def test_a_file_is_in_a_stable_order_and_ends_its_last_line() -> None:
    text = (GRAFANA / "dashboards" / f"{UID}.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def board(uid: str, *variables: str) -> dict[str, Any]:
    return {"uid": uid, "templating": {"list": [{"name": name} for name in variables]}}


def test_a_board_that_asks_postgres_is_kept_apart_from_the_others() -> None:
    files = build.rendered([board("here", "datasource"), board("there", "datasource", "postgres")])
    assert {directory: list(names) for directory, names in files.items()} == {
        "dashboards": ["here.json"],
        "dashboards-postgres": ["there.json"],
    }


def test_a_board_that_needs_no_postgres_asks_none() -> None:
    for shipped in ALWAYS:
        assert POSTGRES not in json.dumps(shipped)


@pytest.mark.parametrize("variables", [(), ("postgres",)])
def test_one_uid_used_twice_is_refused_even_in_two_directories(variables: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="two boards have the uid same"):
        build.rendered([board("same"), board("same", *variables)])
