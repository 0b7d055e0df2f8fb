"""Hints name the command in the form in which the user started it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from exporter import __version__, invocation
from tests.servers import ROOT

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    ("started", "named"),
    [
        ((f"{BIN}/exai-exporter",), f"{BIN}/exai-exporter"),
        ((f"{BIN}/python", "-m", "exporter"), f"{BIN}/python -m exporter"),
        (("exai-exporter",), "exai-exporter"),
        (("python", "-m", "exporter"), "python -m exporter"),
    ],
)
def test_usage_and_hints_name_the_command_that_was_run(started: tuple[str, ...], named: str, tmp_path: Path) -> None:
    path = f"{BIN}:/usr/bin:/bin" if "/" not in started[0] else "/usr/bin:/bin"
    for arguments, expected in (
        (("alerts", "explain", "zzz"), f"see `{named} alerts list`"),
        (("--help",), f"Usage: {named} "),
        (("--version",), f"exai-exporter {__version__}"),
    ):
        done = subprocess.run(
            ("/usr/bin/env", f"PATH={path}", *started, *arguments),
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert expected in " ".join((done.stdout + done.stderr).split())


def test_a_path_with_spaces_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/home/a b/bin/exai-exporter"])
    assert invocation.command("migrate") == "'/home/a b/bin/exai-exporter' migrate"


def test_another_program_names_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pytest"])
    assert invocation.command("migrate") == "exai-exporter migrate"


def test_no_message_has_the_form_written_into_it() -> None:
    """Help texts have examples with the script; a hint is made by `command`."""
    wrong = [
        f"{path}: {line.strip()}"
        for path in (ROOT / "exporter").rglob("*.py")
        for line in path.read_text().splitlines()
        if "python -m exporter" in line and path.name != "__main__.py"
    ]
    assert not wrong
