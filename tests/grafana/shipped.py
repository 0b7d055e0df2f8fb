"""The boards as Grafana reads them, and their parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

GRAFANA = Path(__file__).resolve().parents[2] / "grafana"
BOARDS: list[Json] = [json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))]

WINDOWS = {"$__rate_interval": "7m13s", "$__range": "11m17s"}
"""Windows that Grafana fills in, and durations that stand for them in a parser."""


def panels(board: Json) -> list[Json]:
    """Every panel of a board, those in collapsed rows too."""
    return [panel for outer in board["panels"] for panel in (outer, *outer.get("panels", []))]


def drawn(board: Json) -> list[Json]:
    """Every panel but the rows."""
    return [panel for panel in panels(board) if panel["type"] != "row"]


@dataclass(frozen=True)
class Target:
    """One query of a panel of a board."""

    board: Json
    panel: Json
    json: Json

    def __str__(self) -> str:
        return f"{self.board['uid']}: {self.panel['title']} {self.json['refId']}"

    def expression(self, chosen: Mapping[str, str] | None = None, **windows: str) -> str:
        """The PromQL with the windows filled in and every variable as `chosen`, else as All."""
        text: str = self.json["expr"]
        for name, duration in {**WINDOWS, **{f"$__{name}": given for name, given in windows.items()}}.items():
            text = text.replace(name, duration)
        for variable in self.board["templating"]["list"]:
            text = text.replace(f"${variable['name']}", (chosen or {}).get(variable["name"], ".*"))
        return text


def targets() -> Iterator[Target]:
    """Every query of every panel of every board."""
    for board in BOARDS:
        for panel in drawn(board):
            for target in panel.get("targets", []):
                yield Target(board, panel, target)


def every(node: Any) -> Iterator[Json]:
    """Every JSON object inside a JSON value."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from every(inner)
