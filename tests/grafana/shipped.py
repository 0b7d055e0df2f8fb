"""The boards as Grafana reads them, and their parts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]

GRAFANA = Path(__file__).resolve().parents[2] / "grafana"
ALWAYS, WITH_POSTGRES = (
    [json.loads(path.read_text()) for path in sorted((GRAFANA / directory).glob("*.json"))]
    for directory in ("dashboards", "dashboards-postgres")
)
BOARDS: list[Json] = [*ALWAYS, *WITH_POSTGRES]
"""Those that need Prometheus alone, those that are provisioned only where there is a Postgres, and all."""

POSTGRES = "grafana-postgresql-datasource"

WINDOWS = {"$__rate_interval": "7m13s", "$__range": "11m17s"}
"""Windows that Grafana fills in, and durations that stand for them in a parser."""


def panels(board: Json) -> list[Json]:
    """Every panel of a board, those in collapsed rows too."""
    return [panel for outer in board["panels"] for panel in (outer, *outer.get("panels", []))]


def drawn(board: Json) -> list[Json]:
    """Every panel but the rows."""
    return [panel for panel in panels(board) if panel["type"] != "row"]


def filler(panel: Json) -> str:
    """Return the section of docs/boards.md that a panel links, "" if it links none."""
    found = re.search(r"/docs/boards#([a-z-]+)\)", panel["description"])
    return found[1] if found else ""


@dataclass(frozen=True)
class Asked:
    """One question of a panel of a board."""

    board: Json
    panel: Json
    json: Json

    def __str__(self) -> str:
        return f"{self.board['uid']}: {self.panel['title']} {self.json['refId']}"


class Target(Asked):
    """A question to Prometheus."""

    def expression(self, chosen: Mapping[str, str] | None = None, **windows: str) -> str:
        """The PromQL with the windows filled in and every variable as `chosen`, else as All, or as at first."""
        text: str = self.json["expr"]
        for name, duration in {**WINDOWS, **{f"$__{name}": given for name, given in windows.items()}}.items():
            text = text.replace(name, duration)
        return _chosen(self.board, text, chosen)


class SqlTarget(Asked):
    """A question to Postgres."""

    def filled(self, chosen: Mapping[str, str] | None = None) -> str:
        """The SQL with every variable as `chosen`, else as All, or as the nothing that a text box holds at first."""
        text: str = self.json["rawSql"]
        for name in (variable["name"] for variable in self.board["templating"]["list"]):
            text = text.replace(f"${{{name}:regex}}", (chosen or {}).get(name, ".*"))
            quoted = (chosen or {}).get(name, "").replace("'", "''")
            text = text.replace(f"${{{name}:sqlstring}}", f"'{quoted}'")
        return text

    def statement(self, since: datetime, until: datetime, chosen: Mapping[str, str] | None = None) -> bytes:
        """That, with Grafana's macros of a time range filled in."""
        text = self.filled(chosen)
        first, last = (f"'{time.isoformat()}'" for time in (since, until))
        text = re.sub(r"\$__timeFilter\(([^)]+)\)", rf"\1 BETWEEN {first} AND {last}", text)
        return text.replace("$__timeFrom()", first).replace("$__timeTo()", last).encode()


@dataclass(frozen=True)
class Choice:
    """A variable of a board whose values Prometheus tells: those of a label."""

    board: Json
    json: Json

    def __str__(self) -> str:
        return f"{self.board['uid']}: {self.json['name']}"

    @property
    def label(self) -> str:
        """The label's name."""
        return self._asked()[1]

    def selector(self, chosen: Mapping[str, str] | None = None) -> str:
        """The series that have it, every other variable as `chosen`, else as All, or as at first."""
        return _chosen(self.board, self._asked()[0], chosen)

    def _asked(self) -> tuple[str, str]:
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", self.json["query"]["query"])
        assert found, self.json["query"]
        return found[1], found[2]


def _chosen(board: Json, text: str, chosen: Mapping[str, str] | None) -> str:
    for variable in board["templating"]["list"]:
        at_first = ".*" if variable.get("includeAll") else str(variable["current"]["value"])
        text = text.replace(f"${variable['name']}", (chosen or {}).get(variable["name"], at_first))
    return text


def choices() -> Iterator[Choice]:
    """Every variable of every board that asks Prometheus for its values."""
    return (Choice(board, each) for board in BOARDS for each in board["templating"]["list"] if each["type"] == "query")


def targets() -> Iterator[Target]:
    """Every question of every panel to Prometheus."""
    return (Target(*asked) for asked in _questions() if "expr" in asked[2])


def sql_targets() -> Iterator[SqlTarget]:
    """Every question of every panel to Postgres."""
    return (SqlTarget(*asked) for asked in _questions() if "rawSql" in asked[2])


def _questions() -> Iterator[tuple[Json, Json, Json]]:
    for board in BOARDS:
        for panel in drawn(board):
            for target in panel.get("targets", []):
                yield board, panel, target


def every(node: Any) -> Iterator[Json]:
    """Every JSON object inside a JSON value."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from every(inner)
