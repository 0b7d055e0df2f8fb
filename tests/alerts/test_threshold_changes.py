"""GET and POST /alerts/configure: who may, what is refused, what is kept, and what a scrape shows then."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from structlog.testing import capture_logs

from exporter.thresholds import overlay
from exporter.thresholds.overlay import MOST_AUDITED, Audited, Overlay
from exporter.thresholds.shipped import SCOPE
from tests.core.harness import Running, running

PATH = "/api/v1/alerts/configure"
FILE: dict[str, Any] = {
    "error_ratio": {
        "value": 0.1, "unit": "ratio", "severity": "warning", "series": "up", "note": "Share of errors.",
        "rate": "up", "scope": {"service": "connection_type"}, "overrides": [{"service": "kimi", "value": 0.3}],
    },
    "lag_seconds": {"value": 60, "unit": "seconds", "severity": "warning", "series": "up", "note": "Lag."},
}  # fmt: skip


def write(tmp_path: Path, content: Any = FILE) -> Path:
    """The file of thresholds, replaced as an editor does."""
    path, draft = tmp_path / "thresholds.yml", tmp_path / "draft"
    draft.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    draft.replace(path)
    return path


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "state", thresholds_file=str(write(tmp_path))) as exporter:
        yield exporter


def admin(tmp_path: Path) -> dict[str, str]:
    return {"Authorization": f"Bearer {(tmp_path / 'state/admin-token').read_text().strip()}"}


def post(exporter: Running, tmp_path: Path, body: Any, path: str = PATH, **headers: str) -> tuple[int, Any]:
    """Status and document."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = exporter.client.post(
        path, data=data, headers={"Content-Type": "application/json", **admin(tmp_path), **headers}
    )
    return reply.status_code, reply.get_json()


def shown(exporter: Running, name: str, **scope: str) -> tuple[float, float]:
    """What a scrape says of a threshold: its value, and whether it is enabled."""
    labels = frozenset({**dict.fromkeys(SCOPE, ""), "name": name, **scope}.items())
    found = exporter.samples()
    return found["exai_threshold", labels], found["exai_threshold_enabled", labels]


def steps(exporter: Running, service: str) -> list[tuple[float, float]]:
    """Return the (rate, value) pairs of the steps of error_ratio that a scrape shows, in their order."""
    found = exporter.samples()
    values = {labels: value for (name, labels), value in found.items() if name == "exai_threshold_step"}
    rates = {labels: value for (name, labels), value in found.items() if name == "exai_threshold_step_rate"}
    assert set(values) == set(rates)
    assert all({("name", "error_ratio"), ("service", service)} <= labels for labels in values)
    return [(rates[labels], values[labels]) for labels in sorted(values, key=lambda labels: dict(labels)["step"])]


@pytest.mark.parametrize("path", [PATH, "/alerts/configure"])
def test_a_change_is_in_the_next_scrape(exporter: Running, tmp_path: Path, path: str) -> None:
    assert shown(exporter, "error_ratio") == (0.1, 1)
    assert post(exporter, tmp_path, {"name": "error_ratio", "value": 0.2}, path)[0] == 200
    assert shown(exporter, "error_ratio") == (0.2, 1)
    assert shown(exporter, "error_ratio", service="kimi") == (0.3, 1)
    effective = exporter.client.get(path).get_json()["thresholds"][0]["effective"]
    assert effective == {"value": 0.2, "enabled": True, "per_rate": []}


def test_an_override_is_made_switched_off_and_taken_back(exporter: Running, tmp_path: Path) -> None:
    glm = {"name": "error_ratio", "service": "glm"}
    post(exporter, tmp_path, {**glm, "value": 0.4})
    assert shown(exporter, "error_ratio", service="glm") == (0.4, 1)
    post(exporter, tmp_path, {**glm, "enabled": False})
    assert shown(exporter, "error_ratio", service="glm") == (0.4, 0)
    status, document = post(exporter, tmp_path, {**glm, "reset": True})
    assert status == 200
    assert not [
        labels for name, labels in exporter.samples() if name == "exai_threshold" and ("service", "glm") in labels
    ]
    assert [row["service"] for row in document["thresholds"] if row["name"] == "error_ratio"] == ["", "kimi"]


def test_a_value_that_follows_load_is_set_kept_and_taken_back(exporter: Running, tmp_path: Path) -> None:
    glm = {"name": "error_ratio", "service": "glm"}
    per_rate = [{"above": 10, "value": 0.2}, {"above": 50, "value": 0.25}]
    status, document = post(exporter, tmp_path, {**glm, "value": 0.15, "per_rate": per_rate})
    assert (status, document["thresholds"][2]["effective"]["per_rate"]) == (200, per_rate)
    assert (shown(exporter, "error_ratio", service="glm"), steps(exporter, "glm")) == (
        (0.15, 1), [(10, 0.2), (50, 0.25)],
    )  # fmt: skip
    post(exporter, tmp_path, {**glm, "enabled": False})
    assert (shown(exporter, "error_ratio", service="glm")[1], len(steps(exporter, "glm"))) == (0, 2)
    post(exporter, tmp_path, {**glm, "value": 0.4, "enabled": True})
    assert (shown(exporter, "error_ratio", service="glm"), steps(exporter, "glm")) == ((0.4, 1), [])
    post(exporter, tmp_path, {**glm, "per_rate": per_rate[1:]})
    assert (shown(exporter, "error_ratio", service="glm"), steps(exporter, "glm")) == ((0.4, 1), [(50, 0.25)])
    post(exporter, tmp_path, {**glm, "reset": True})
    assert steps(exporter, "glm") == []


def test_it_shows_what_is_shipped_what_was_changed_and_what_holds(exporter: Running, tmp_path: Path) -> None:
    post(exporter, tmp_path, {"name": "error_ratio", "service": "kimi", "enabled": False, "note": "move", "who": "mia"})
    document = exporter.client.get(PATH).get_json()
    row = document["thresholds"][1]
    at = row["overlay"].pop("at")
    assert row == {
        "name": "error_ratio", "service": "kimi", "provider": "", "model": "", "implementation": "",
        "unit": "ratio", "severity": "warning", "series": "up", "told_apart_by": ["service"],
        "note": "Share of errors.",
        "shipped": {"value": 0.3, "enabled": True, "per_rate": []},
        "overlay": {"name": "error_ratio", "service": "kimi", "provider": "", "model": "", "implementation": "",
                    "value": None, "per_rate": None, "enabled": False, "note": "move", "who": "mia"},
        "effective": {"value": 0.3, "enabled": False, "per_rate": []},
    }  # fmt: skip
    assert document["audit"] == [
        {
            "name": "error_ratio", "service": "kimi", "provider": "", "model": "", "implementation": "",
            "at": at, "who": "mia", "address": "127.0.0.1", "note": "move",
            "old": {"value": 0.3, "enabled": True, "per_rate": []},
            "new": {"value": 0.3, "enabled": False, "per_rate": []},
        }
    ]  # fmt: skip
    assert (document["unused"], document["problem"]) == ([], None)


def test_changes_are_made_together_or_not_at_all(exporter: Running, tmp_path: Path) -> None:
    bad = [{"name": "error_ratio", "value": 0.2}, {"name": "lag_seconds", "value": -1}]
    assert post(exporter, tmp_path, bad)[0] == 400
    assert shown(exporter, "error_ratio") == (0.1, 1)
    good = [{"name": "error_ratio", "value": 0.2}, {"name": "lag_seconds", "enabled": False}]
    assert post(exporter, tmp_path, good)[0] == 200
    assert (shown(exporter, "error_ratio"), shown(exporter, "lag_seconds")) == ((0.2, 1), (60, 0))


BAD: list[tuple[Any, str, str]] = [
    (b"", "body", "truncated"),
    (b"[]", "body", "length >= 1"),
    (b"3", "body", "Expected"),
    (b"\xff", "body", ""),
    ({}, "name", "missing required field `name`"),
    ({"name": "nope", "value": 1}, "name", "no such threshold; there are error_ratio, lag_seconds"),
    ({"name": "error_ratio"}, "value", "give value, per_rate or enabled, or some of them; or reset alone"),
    ({"name": "error_ratio", "value": 0.1, "reset": True}, "value", "or reset alone"),
    ({"name": "error_ratio", "value": "0.1"}, "value", "Expected `float"),
    ({"name": "error_ratio", "value": -0.1}, "value", ">= 0.0"),
    ({"name": "error_ratio", "value": 5}, "value", "5 is above 1: 5 % is written 0.05"),
    (b'{"name": "lag_seconds", "value": 1e400}', "value", ""),
    ({"name": "error_ratio", "enabled": 1}, "enabled", "Expected `bool"),
    (
        {"name": "error_ratio", "model": "k2", "value": 0.1},
        "model",
        "error_ratio is told apart by service, not by model",
    ),
    ({"name": "lag_seconds", "service": "kimi", "value": 1}, "service", "told apart by nothing, not by service"),
    ({"name": "error_ratio", "service": "a\nb", "value": 0.1}, "service", "'a\\nb' is not printable"),
    ({"name": "error_ratio", "severity": "critical"}, "severity", "unknown field"),
    ({"name": "error_ratio", "value": 0.1, "who": "a\nb"}, "who", "printable"),
    ({"name": "error_ratio", "value": 0.1, "who": ""}, "who", "printable"),
    ([{"name": "error_ratio", "value": 0.1}] * 2, "name", "changed twice"),
    (
        {"name": "error_ratio", "per_rate": [{"above": 10, "value": 0.08}]},
        "per_rate",
        "name the subject whose operations a second count",
    ),
    (
        {"name": "error_ratio", "service": "kimi", "per_rate": [{"above": 10, "value": 8}]},
        "per_rate[0].value",
        "8 is above 1",
    ),
    (
        {"name": "lag_seconds", "per_rate": [{"above": 10, "value": 8}]},
        "per_rate",
        "lag_seconds cannot follow load: it has no rate",
    ),
]


@pytest.mark.parametrize(("body", "field", "message"), BAD, ids=[str(body)[:50] for body, _, _ in BAD])
def test_a_bad_change_gets_400_that_names_the_field(
    exporter: Running, tmp_path: Path, body: Any, field: str, message: str
) -> None:
    before = exporter.client.get(PATH).get_json()
    status, answer = post(exporter, tmp_path, body)
    assert (status, answer["field"]) == (400, field)
    assert answer["error"].startswith(f"{field}: ")
    assert message in answer["error"]
    assert exporter.client.get(PATH).get_json() == before
    assert not (tmp_path / "state/thresholds.json").exists()


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "push"])
def test_only_the_admin_token_may_change_anything_even_on_loopback(
    exporter: Running, tmp_path: Path, authorization: str
) -> None:
    if authorization == "push":
        authorization = f"Bearer {(tmp_path / 'state/push-token').read_text().strip()}"
    headers = {"Authorization": authorization}
    assert post(exporter, tmp_path, {"name": "error_ratio", "value": 0.2}, **headers)[0] == 401
    assert shown(exporter, "error_ratio") == (0.1, 1)


def test_only_plain_json_to_a_known_host_is_taken(exporter: Running, tmp_path: Path) -> None:
    change = {"name": "error_ratio", "value": 0.2}
    assert post(exporter, tmp_path, change, **{"Content-Type": "text/plain"})[0] == 415
    assert post(exporter, tmp_path, change, **{"Content-Encoding": "gzip"})[0] == 415
    assert post(exporter, tmp_path, change, Host="evil.example")[0] == 421
    assert shown(exporter, "error_ratio") == (0.1, 1)


def test_a_change_is_logged_with_who_when_and_what(exporter: Running, tmp_path: Path) -> None:
    with capture_logs() as logs:
        post(exporter, tmp_path, {"name": "error_ratio", "service": "kimi", "value": 0.2, "who": "mia", "note": "why"})
    assert logs == [
        {
            "event": "threshold_changed", "log_level": "info", "name": "error_ratio", "service": "kimi",
            "old": {"value": 0.3, "enabled": True, "per_rate": ()},
            "new": {"value": 0.2, "enabled": True, "per_rate": ()},
            "who": "mia", "address": "127.0.0.1", "note": "why",
        }
    ]  # fmt: skip


def test_a_change_outlives_the_exporter_and_leaves_the_file_alone(tmp_path: Path) -> None:
    file = str(write(tmp_path))
    with running(tmp_path / "state", thresholds_file=file) as exporter:
        post(exporter, tmp_path, {"name": "error_ratio", "value": 0.2})
    with running(tmp_path / "state", thresholds_file=file) as exporter:
        assert shown(exporter, "error_ratio") == (0.2, 1)
        assert len(exporter.client.get(PATH).get_json()["audit"]) == 1
    assert Path(file).read_text() == yaml.safe_dump(FILE)


def test_an_edit_of_the_file_is_in_the_next_scrape_and_a_change_stays_before_it(
    exporter: Running, tmp_path: Path
) -> None:
    post(exporter, tmp_path, {"name": "lag_seconds", "value": 90})
    write(tmp_path, {**FILE, "error_ratio": {**FILE["error_ratio"], "value": 0.15}, "lag_seconds": {
        **FILE["lag_seconds"], "value": 30}})  # fmt: skip
    assert shown(exporter, "error_ratio") == (0.15, 1)
    assert shown(exporter, "lag_seconds") == (90, 1)


def test_a_bad_edit_keeps_the_values_and_is_told_once(exporter: Running, tmp_path: Path) -> None:
    assert exporter.value("exai_exporter_thresholds_valid") == 1
    with capture_logs() as logs:
        write(tmp_path, {**FILE, "error_ratio": {**FILE["error_ratio"], "value": 15}})
        assert shown(exporter, "error_ratio") == shown(exporter, "error_ratio") == (0.1, 1)
    assert [(entry["event"], entry["field"]) for entry in logs] == [("thresholds_refused", "error_ratio.value")]
    assert exporter.value("exai_exporter_thresholds_valid") == 0
    assert exporter.value("exai_exporter_thresholds_refused_total") == 1
    problem = exporter.client.get(PATH).get_json()["problem"]
    assert problem == "error_ratio.value: 15 is above 1: 5 % is written 0.05"
    write(tmp_path)
    assert exporter.value("exai_exporter_thresholds_valid") == 1


def test_a_file_that_is_taken_away_keeps_the_values(exporter: Running, tmp_path: Path) -> None:
    (tmp_path / "thresholds.yml").unlink()
    assert shown(exporter, "error_ratio") == (0.1, 1)
    assert exporter.value("exai_exporter_thresholds_valid") == 0


def test_an_exporter_whose_file_is_bad_from_the_start_serves_everything_else(tmp_path: Path) -> None:
    with running(tmp_path / "state", thresholds_file=str(write(tmp_path, "a: ["))) as exporter:
        assert exporter.value("exai_exporter_thresholds_valid") == 0
        assert not [name for name, _ in exporter.samples() if name == "exai_threshold"]
        assert exporter.value("exai_exporter_build_info") == 1


def test_a_change_that_cannot_be_written_gets_503_and_changes_nothing(
    exporter: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(overlay.os, "fsync", full)
    status, answer = post(exporter, tmp_path, {"name": "error_ratio", "value": 0.2})
    assert (status, answer["error"].rpartition(": ")[2]) == (503, "No space left on device")
    assert shown(exporter, "error_ratio") == (0.1, 1)
    assert exporter.client.get(PATH).get_json()["audit"] == []


def test_a_damaged_overlay_is_told_and_not_written_over(tmp_path: Path) -> None:
    file = str(write(tmp_path))
    (tmp_path / "state").mkdir()
    damaged = tmp_path / "state/thresholds.json"
    damaged.write_text("{")
    with running(tmp_path / "state", thresholds_file=file) as exporter:
        assert shown(exporter, "error_ratio") == (0.1, 1)
        assert exporter.value("exai_exporter_thresholds_valid") == 0
        assert post(exporter, tmp_path, {"name": "error_ratio", "value": 0.2})[0] == 503
    assert damaged.read_text() == "{"


def test_a_change_of_a_threshold_that_is_gone_is_shown_as_unused(exporter: Running, tmp_path: Path) -> None:
    post(exporter, tmp_path, {"name": "lag_seconds", "value": 90})
    write(tmp_path, {"error_ratio": FILE["error_ratio"]})
    document = exporter.client.get(PATH).get_json()
    assert [change["name"] for change in document["unused"]] == ["lag_seconds"]
    assert {row["name"] for row in document["thresholds"]} == {"error_ratio"}


def test_the_overlay_is_replaced_as_a_whole_and_remembers_the_last_changes(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    entry = Audited(name="x", at="", who="", address="", note="", old=None, new=None)
    overlay.save(path, Overlay().with_((), set(), [entry] * (MOST_AUDITED + 5)))
    inode = path.stat().st_ino
    overlay.save(path, overlay.load(path))
    assert path.stat().st_ino != inode
    assert len(overlay.load(path).audit) == MOST_AUDITED
    assert os.listdir(tmp_path) == ["thresholds.json"]
