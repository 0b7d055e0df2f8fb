"""docs/api.md, what it says of timeouts: its commands run, its program runs, and its tables are complete."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from exporter.calls import EstimateSource
from exporter.timeouts import asked, tokens
from tests.servers import ROOT
from tests.timeouts.doubles import TOKEN, Estimator, Gateway, counter, served, timeouts_app
from tests.timeouts.moonshot import Moonshot

PAGE = (ROOT / "docs/api.md").read_text().partition("\n## Alerts and observations\n")[0]
EXPORTER = "http://127.0.0.1:9464"


def blocks(language: str) -> list[str]:
    """The page's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def first_column(title: str) -> set[str]:
    """The names in the first column of the table with that title."""
    table = PAGE.split(f"\n| {title} |", 1)[1].split("\n\n", 1)[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`([\w.]+)`", row.split("|")[1])}


@dataclass
class Reply:
    completion_tokens: int = 7


@pytest.fixture
def gateway(provider: Moonshot) -> Iterator[Gateway]:
    with served(timeouts_app(Estimator(), counter(provider))) as gateway:
        yield gateway


@pytest.mark.parametrize("command", blocks("sh"))
def test_a_command_runs(gateway: Gateway, tmp_path: Path, command: str) -> None:
    (tmp_path / ".state").mkdir()
    (tmp_path / ".state/push-token").write_text(f"{TOKEN}\n")
    command = command.replace(EXPORTER, gateway.url).replace("curl -sS", "curl -sS --fail-with-body")
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True, timeout=30)
    assert json.loads(done.stdout)


def test_the_program_runs(gateway: Gateway) -> None:
    names: dict[str, Any] = {"call_the_model": lambda timeout: Reply() if timeout > 0 else None}
    (program,) = blocks("python")
    exec(program.replace(EXPORTER, gateway.url), names)  # noqa: S102
    assert names["client"].flush()
    assert gateway.events[0]["completion_tokens"] == 7
    names["client"].close()


def test_the_answer_that_is_shown_has_every_field(gateway: Gateway) -> None:
    shown = json.loads(blocks("json")[0])
    command = blocks("sh")[0].replace(EXPORTER, gateway.url)
    given = json.loads(subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=30).stdout)
    assert list(given) == list(shown)
    assert list(given["metadata"]) == list(shown["metadata"])
    fields = {*shown, *(f"metadata.{name}" for name in shown["metadata"])} - {"metadata", "metadata.provider"}
    assert first_column("answered") == fields


def test_every_field_that_may_be_asked_is_told() -> None:
    assert first_column("asked") - {"text_only", "text", "duration"} == set(asked._Asked.__struct_fields__)


def test_every_source_and_reason_is_told() -> None:
    assert first_column("`source` is") == set(get_args(EstimateSource))
    told = set(re.findall(r"`(\w+)`", tokens.NotCounted.__doc__ or ""))
    assert first_column("`reason` is") == told
