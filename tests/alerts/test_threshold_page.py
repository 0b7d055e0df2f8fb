"""docs/thresholds.md: its commands run, its example is usable, and its tables are complete."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from exporter.thresholds.asked import Asked
from exporter.thresholds.shipped import Threshold, read
from tests.servers import ROOT, exporter_server

PAGE = (ROOT / "docs/thresholds.md").read_text()


def blocks(language: str) -> list[str]:
    """The page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def first_column(title: str) -> set[str]:
    """The names in the first column of the table with that title."""
    table = PAGE.split(f"\n| {title} |", 1)[1].split("\n\n", 1)[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_commands_run(tmp_path: Path) -> None:
    with exporter_server(tmp_path) as exporter:
        (tmp_path / ".state").symlink_to(tmp_path / "state")
        documents = []
        for command in blocks("sh"):
            here = command.replace("http://127.0.0.1:9464", exporter.url).replace("-sS", "-sS --fail-with-body")
            done = subprocess.run(["bash", "-c", here], cwd=tmp_path, capture_output=True, check=False, timeout=30)
            assert done.returncode == 0, done.stdout
            documents.append(json.loads(done.stdout))
    assert {"thresholds", "audit", "problem"} <= set(documents[0])
    assert documents[1]["audit"][0]["who"] == "mia"


def test_the_example_is_the_shipped_threshold(tmp_path: Path) -> None:
    (example,) = blocks("yaml")
    path = tmp_path / "thresholds.yml"
    path.write_text(example)
    ((name, shown),) = read(path).items()
    shipped = read(ROOT / "config/thresholds.yml")[name]
    assert (shown.value, shown.series, shown.overrides[0]) == (shipped.value, shipped.series, shipped.overrides[0])


def test_every_key_and_every_field_is_told() -> None:
    assert first_column("key") == set(Threshold.__struct_fields__)
    assert first_column("field") == set(Asked.__struct_fields__)
