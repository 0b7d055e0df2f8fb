"""`make pictures` draws every picture of the docs, and each of a board or a mail that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.demo.incidents import CALM_FOR_S, FIRST_AFTER_S, LASTS_S
from tests.alerts.mail_html import mail_html
from tests.grafana.pictures import IMAGES, MAIL, PICTURES, most_severe
from tests.grafana.shipped import BOARDS

LINKS = {"GRAFANA_URL": "https://grafana.example", "ALERTMANAGER_URL": "https://alerts.example"}


def alert(name: str, severity: str, started: str) -> dict[str, object]:
    """Return an alert as Alertmanager's API does."""
    labels = {"alertname": name, "severity": severity, "service": "redis", "provider": "all", "model": "all"}
    texts = {"summary": f"{name} & more", "description": "95% fail.", "recommendation": "Look.", "dashboard": "/d/a"}
    return {"labels": labels, "annotations": {**texts, "runbook": f"/runbooks/{name}"}, "startsAt": started}


ALERTS = [
    alert("Early", "warning", "2026-01-07T09:00:00Z"),
    alert("Watchdog", "info", "2026-01-07T08:00:00Z"),
    alert("Late", "critical", "2026-01-07T09:02:00Z"),
    alert("Later", "critical", "2026-01-07T09:03:00Z"),
]


def test_every_image_of_the_docs_is_drawn_and_is_of_a_board() -> None:
    assert {path.stem for path in IMAGES.glob("*.png")} == {*PICTURES, MAIL}
    assert {f"exai-{name}" for name in PICTURES} <= {board["uid"] for board in BOARDS}


def test_boards_are_drawn_while_all_is_calm_or_while_there_is_an_incident() -> None:
    moments = [picture.at_s for picture in PICTURES.values()]
    assert moments == sorted(moments)
    assert 300 < moments[0] < FIRST_AFTER_S - 60
    assert FIRST_AFTER_S + 60 < moments[-1] < FIRST_AFTER_S + LASTS_S < CALM_FOR_S


@pytest.mark.parametrize(("alerts", "chosen"), [(ALERTS, "Late"), (ALERTS[:2], "Early")])
def test_the_mail_is_about_the_most_severe_alert(alerts: list[dict[str, object]], chosen: str, tmp_path: Path) -> None:
    html = mail_html(most_severe(alerts), LINKS, tmp_path)
    assert f"<title>{chosen} &amp; more</title>" in html
    assert "95% fail." in html
    assert 'href="https://grafana.example/d/a' in html
    assert "{{" not in html
