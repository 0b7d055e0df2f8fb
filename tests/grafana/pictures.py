"""Draws the pictures of the docs anew: `make pictures`.

A copy of the working tree runs its demo natively, on free ports, with a Grafana. Most boards are drawn while all is
calm, the others while the demo has its first incident. It takes 18 minutes.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from exporter.bundle.endpoints import Endpoints
from exporter.bundle.grafana_hint import grafana_hint
from exporter.bundle.programs import find_grafana
from exporter.demo.incidents import FIRST_AFTER_S
from tests.alerts.mail_html import mail_html
from tests.bundle.conftest import Clone, cloned
from tests.grafana.browser import CHROMIUM, Screen, picture_of_mail, screen
from tests.grafana.shipped import BOARDS
from tests.servers import ROOT, get_json, wait_until

IMAGES = ROOT / "docs/images"
MAIL = "mail"
CALM_AT_S, INCIDENT_AT_S = FIRST_AFTER_S - 120, FIRST_AFTER_S + 150
"""Seconds after the demo's start at which boards are drawn; means of five minutes have settled long before."""

_COMPLETE_WITHIN_S = 120
_COLOURS = 256
_HOST_LIMITS = "  scope: { service: service }\n"


@dataclass(frozen=True, slots=True)
class Picture:
    """When a board is drawn, and with which time range and variables."""

    at_s: int
    query: str


_CALM = Picture(CALM_AT_S, "from=now-8m&to=now")
_INCIDENT = Picture(INCIDENT_AT_S, "from=now-10m&to=now")
PICTURES: Mapping[str, Picture] = {
    "bundle-health": _CALM,
    "compare": _CALM,
    "ml-api": _CALM,
    "providers-timeouts": _CALM,
    "request-flow": _CALM,
    "semantic-cache": _CALM,
    "semantic-cache-observations": Picture(CALM_AT_S, "from=now-24h&to=now"),
    "sessions": _CALM,
    "trace": _CALM,
    "alerts": _INCIDENT,
    "errors": _INCIDENT,
    "gateway-overview": _INCIDENT,
}
"""The board `exai-<name>` of each picture but that of the mail, in the order in which they are drawn."""


def main() -> None:
    """Draw them all; exit with a message if that fails."""
    grafana = find_grafana(os.environ)
    if not grafana:
        sys.exit(grafana_hint("pictures"))
    if not CHROMIUM:
        sys.exit("There is no browser to draw with: apt-get install chromium")
    # Without this, a SIGTERM would leave the bundle running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with cloned() as clone:
        _ignore_this_machine(clone)
        done = clone.run("demo", "--native", GRAFANA_HOME=str(grafana.home))
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        started = time.monotonic()
        with screen(clone.grafana) as window:
            for name, picture in PICTURES.items():
                _sleep_until(started + picture.at_s, name)
                draw_board(window, name, picture)
        draw_mail(clone.endpoints)


def draw_board(window: Screen, name: str, picture: Picture) -> None:
    """Write the picture of a board once each of its panels has data."""
    (board,) = (each for each in BOARDS if each["uid"] == f"exai-{name}")

    def complete() -> bool:
        window.open(board, board["refresh"], f"{picture.query}&theme=dark")
        return not window.faults(board)

    with suppress(AssertionError):
        wait_until(complete, _COMPLETE_WITHIN_S)
    if faults := window.faults(board):
        sys.exit(f"{name} is not complete: {faults}")
    window.picture(_path(name))
    _shrink(_path(name))


def draw_mail(endpoints: Endpoints) -> None:
    """Write the picture of the mail about the most severe alert that fires now."""
    alerts = get_json(f"{endpoints.alertmanager.url}/api/v2/alerts?active=true")
    links = {"GRAFANA_URL": "https://grafana.example", "ALERTMANAGER_URL": "https://alerts.example"}
    with tempfile.TemporaryDirectory(prefix="exai-mail-") as directory:
        html = mail_html(most_severe(alerts), links, Path(directory))
    picture_of_mail(html, _path(MAIL))
    _shrink(_path(MAIL))


def most_severe(alerts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the first critical alert, else the first warning."""
    by_severity = ("critical", "warning")
    serious = (alert for alert in alerts if alert["labels"]["severity"] in by_severity)
    return min(serious, key=lambda alert: (by_severity.index(alert["labels"]["severity"]), alert["startsAt"]))


def _ignore_this_machine(clone: Clone) -> None:
    """Let no alert fire because the machine that draws is busy or its disk full."""
    thresholds = clone.root / "config/thresholds.yml"
    overrides = "  overrides:\n    - { service: host, value: 1 }\n"
    thresholds.write_text(thresholds.read_text().replace(_HOST_LIMITS, _HOST_LIMITS + overrides))


def _sleep_until(moment: float, name: str) -> None:
    left = moment - time.monotonic()
    if left > 0:
        print(f"waiting {left:.0f} s before {name} is drawn", flush=True)  # noqa: T201
        time.sleep(left)
    print(f"drawing {name}", flush=True)  # noqa: T201


def _path(name: str) -> Path:
    return IMAGES / f"{name}.png"


def _shrink(path: Path) -> None:
    """Reduce a PNG to a palette, which makes it a third as large."""
    with Image.open(path) as image:
        reduced = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)


if __name__ == "__main__":
    main()
