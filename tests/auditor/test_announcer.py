"""What the console and the file say of alerts, whatever is in them, and how much of it is kept."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from exporter.auditor.announcer import OLDER_FILES, Announcer
from exporter.auditor.observation import Observed

STARTED, ENDED = 1_777_630_000.25, 1_777_630_060.0


def observed(title: str = "kimi is down", resolved_at: float | None = None, **labels: str) -> Observed:
    return Observed(
        subject="s", metric_name="ExaiProviderDown", started_at=STARTED, resolved_at=resolved_at, severity="critical",
        category="reliability", title=title, description="Nothing answers.", recommendation="Use glm.",
        labels={"service": "kimi", "provider": "kimi", "model": "all", **labels}, links={"runbook": "/runbooks/x"},
    )  # fmt: skip


def test_a_line_says_when_what_where_and_what_to_do() -> None:
    console = io.StringIO()
    said = "ExaiProviderDown service=kimi provider=kimi - kimi is down: Nothing answers."
    Announcer(console).announce([observed(), observed(resolved_at=ENDED)])
    assert console.getvalue().splitlines() == [
        f"2026-05-01T10:06:40Z CRITICAL {said} Use glm.",
        f"2026-05-01T10:07:40Z RESOLVED {said}",
    ]


def test_a_line_names_the_environment_where_there_is_one() -> None:
    console = io.StringIO()
    Announcer(console).announce([observed(environment="demo")])
    assert " CRITICAL [demo] ExaiProviderDown service=kimi " in console.getvalue()


def test_nothing_in_an_alert_makes_a_line_of_its_own_or_moves_the_cursor() -> None:
    console = io.StringIO()
    Announcer(console).announce([observed("a\nb\r\x1b[2Jc\u2028d", service="x\n\x07y")])
    (line,) = console.getvalue().splitlines()
    assert line.isprintable()
    assert "service=x y provider=kimi - a b [2Jc d: " in line


def test_a_document_holds_all_that_is_known(tmp_path: Path) -> None:
    announcer = Announcer(file=tmp_path / "alerts")
    announcer.announce([observed()])
    announcer.close()
    assert json.loads((tmp_path / "alerts").read_text()) == {
        "status": "firing", "id": observed().id, "subject": "s", "metric_name": "ExaiProviderDown",
        "started_at": "2026-05-01T10:06:40Z", "resolved_at": None, "severity": "critical", "category": "reliability",
        "title": "kimi is down", "description": "Nothing answers.", "recommendation": "Use glm.",
        "labels": {"service": "kimi", "provider": "kimi", "model": "all"}, "links": {"runbook": "/runbooks/x"},
    }  # fmt: skip


def test_files_are_private_and_the_oldest_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "alerts").touch(0o644)
    announcer = Announcer(file=tmp_path / "alerts", file_bytes=2000)
    assert oct((tmp_path / "alerts").stat().st_mode & 0o777) == "0o600"
    for number in range(100):
        announcer.announce([observed(str(number))])
    announcer.close()
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["alerts", *(f"alerts.{number}" for number in range(1, OLDER_FILES + 1))]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert max(path.stat().st_size for path in files) <= 2000
    kept = [json.loads(line)["title"] for path in files for line in path.read_text().splitlines()]
    assert "99" in kept
    assert "0" not in kept


def test_a_full_disk_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    console = io.StringIO()
    announcer = Announcer(console, Path("/dev/full"))
    announcer.announce([observed("first"), observed("second")])
    assert "second" in console.getvalue()
    assert "No space left on device" in capsys.readouterr().err
