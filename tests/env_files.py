"""The values that Docker Compose gives the variables of `.env` files: recorded, or asked of a real Compose."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.environment.env_file import EnvFileError, parse

RECORDING = Path(__file__).parent / "data/env_files.json"
NAMES = ("A", "B", "C", "EXAI_LISTEN", "dotted.name", "with-dash")
"""The variables that cases set and that Compose is asked for."""

SHELL = {"B": "of the shell", "C": ""}
"""The shell that the files are read in."""


@dataclass(frozen=True)
class Case:
    """A file, and the values that the variables have with it; None where Compose refuses the file."""

    text: str
    values: Mapping[str, str] | None


def recorded() -> list[Case]:
    """Return the recorded cases."""
    return [Case(text, values) for text, values in json.loads(RECORDING.read_text())["cases"]]


def record(compose: Path, texts: Iterable[str]) -> None:
    """Write the recording: files, and the values that a Compose gives their variables."""
    cases = ",\n".join(json.dumps([text, ask(compose, text)]) for text in texts)
    RECORDING.write_text(f'{{"compose": "{version(compose)}", "cases": [\n{cases}\n]}}\n')


def version(compose: Path) -> str:
    """Return the version of a Compose."""
    printed = subprocess.run((compose, "version", "--short"), capture_output=True, text=True, check=True).stdout
    return printed.strip()


def ask(compose: Path, text: str) -> dict[str, str] | None:
    """Return the values that a Compose gives the variables, without those that are not set; None if it refuses."""
    with tempfile.TemporaryDirectory() as directory:
        # An entry without a value shows its variable. `${NAME}` would not do for a name with a dot or a dash.
        service = {"image": "none", "environment": list(NAMES)}
        Path(directory, "compose.yml").write_text(json.dumps({"name": "asked", "services": {"one": service}}))
        Path(directory, ".env").write_bytes(text.encode("utf-8", "surrogateescape"))
        done = subprocess.run(
            (compose, "config", "--format", "json"),
            cwd=directory, env={"PATH": "/usr/bin:/bin", "HOME": directory, **SHELL}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    if done.returncode:
        # Anything else would mean that the question was wrong, not the file.
        assert re.search(r"failed to read .*\.env: ", done.stderr), done.stderr
        return None
    found = json.loads(done.stdout)["services"]["one"]["environment"]
    return {name: value.replace("$$", "$") for name, value in found.items() if value is not None}


def parsed(text: str) -> dict[str, str] | None:
    """Return the values that our parser gives the variables, as `ask` does."""
    try:
        values = {**parse(text, SHELL).values, **SHELL}
    except EnvFileError:
        return None
    return {name: values[name] for name in NAMES if name in values}
