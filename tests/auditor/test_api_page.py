"""docs/api.md, what it says of alerts: its commands run, and its tables are complete."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from exporter.auditor.asked import Acknowledgement, Filters
from tests.auditor.conftest import WEBHOOK, alert, body
from tests.servers import ROOT, Server, alertmanager_server, get_json
from tests.timeouts.test_api_page import EXPORTER

PAGE = (ROOT / "docs/api.md").read_text().partition("\n## Alerts and observations\n")[2].partition("\n## ")[0]
StartExporter = Callable[[Mapping[str, str]], Server]


def first_column(title: str) -> set[str]:
    """The names in the first column of the table with that title."""
    table = PAGE.split(f"\n| {title} |", 1)[1].split("\n\n", 1)[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`([\w.]+)`", row.split("|")[1])}


def test_every_filter_and_every_field_of_an_acknowledgement_is_told() -> None:
    assert first_column("filter") == set(Filters.__struct_fields__)
    assert first_column("said") == set(Acknowledgement.__struct_fields__)


def test_the_commands_run_and_the_observation_that_is_shown_has_every_field(
    exporter_server: StartExporter, tmp_path: Path
) -> None:
    with alertmanager_server(tmp_path, ROOT / "alertmanager/alertmanager.yml") as alertmanager:
        exporter = exporter_server({"ALERTMANAGER_URL": alertmanager.url})
        (tmp_path / ".state").symlink_to(tmp_path / "state")
        links = {"dashboard": "/d/x", "runbook": "/runbooks/x", "summary": "s"}
        sent = body(alert(annotations=links, startsAt=datetime.now(UTC).isoformat()))
        run(["curl", "-sS", "-H", "Content-Type: application/json", "-d", json.dumps(sent), exporter.url + WEBHOOK])
        (found,) = get_json(f"{exporter.url}/auditor/observations")["observations"]
        for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
            command = block.replace(EXPORTER, exporter.url).replace("curl -sS", "curl -sS --fail-with-body")
            answer = run(["bash", "-ec", command], tmp_path, ID=found["id"])
    (shown,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert list(json.loads(answer)) == list(json.loads(shown))
    assert json.loads(answer)["silence"]


def run(argv: list[str], cwd: Path = ROOT, **env: str) -> str:
    """What a command that succeeds prints."""
    environ = {"PATH": "/usr/bin:/bin", **env}
    return subprocess.run(argv, cwd=cwd, env=environ, capture_output=True, check=True, timeout=30, text=True).stdout
