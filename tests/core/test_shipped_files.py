"""A shipped file that is missing is an error that names it, and never an empty result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter import parts, shipped_files
from exporter.alerts import catalogue, notifications
from exporter.alerts.replaying.replay import replay
from exporter.bundle import environment
from exporter.cli import cli
from exporter.database import migrations
from exporter.settings import Settings
from exporter.shipped_files import MissingFileError, NeedsCheckoutError
from tests.servers import ROOT

READERS: dict[str, Callable[[Path], object]] = {
    "*.yml": catalogue.read_alerts,
    "*.sql": migrations.load,
    "templates/*.tmpl": lambda directory: notifications.render(directory, {}),
}


@pytest.mark.parametrize("pattern", READERS)
def test_an_empty_directory_is_refused_by_its_name(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / notifications.CONFIG).write_text((notifications.CONFIG_DIR / notifications.CONFIG).read_text())
    directory = tmp_path / "templates" if pattern == "*.yml" else tmp_path
    with pytest.raises(MissingFileError) as refused:
        READERS[pattern](directory)
    assert str(refused.value) == f"{directory}/{pattern} is missing"


def test_a_replay_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"\*\.yml is missing"):
        replay([], Settings(), {}, tmp_path)


@pytest.mark.parametrize(("name", "missing"), [("RUNBOOKS", "ExaiRedisDown.md"), ("UNIT_TESTS", "*.yml")])
def test_explain_names_what_is_missing(
    name: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, name, tmp_path)
    done = CliRunner().invoke(cli, ["alerts", "explain", "ExaiRedisDown"])
    assert done.exit_code == 1
    assert done.output == f"Error: {tmp_path}/{missing} is missing\n"


def test_the_exporter_does_not_start_without_its_runbooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped_files, "HOME", tmp_path)
    hint = "this installation is incomplete, install exai-exporter again"
    with pytest.raises(MissingFileError) as refused:
        parts.docs()
    assert str(refused.value) == f"{tmp_path}/docs/runbooks/*.md is missing: {hint}"
    done = CliRunner().invoke(cli, ["check-config"])
    assert done.exit_code == 1
    assert done.output == f"Error: {refused.value}\n"


def test_the_bundle_asks_for_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped_files, "CHECKOUT", tmp_path)
    with pytest.raises(NeedsCheckoutError, match="needs a checkout"):
        environment.read()


def test_no_other_module_looks_beside_itself() -> None:
    own = {"shipped_files.py", "levels.py"}
    """levels.json is a file of the package."""
    found = {path.name for path in (ROOT / "exporter").rglob("*.py") if "__file__" in path.read_text()}
    assert found == own
