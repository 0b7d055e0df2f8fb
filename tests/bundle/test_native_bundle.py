"""The native bundle as a user meets it: real supervisord, exporter, Prometheus and Alertmanager."""

from __future__ import annotations

import platform
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from exporter.bundle import programs, readiness
from tests.bundle.conftest import Clone
from tests.servers import LOOPBACK, free_port, get_json, wait_until

PARTS = ["exporter", "prometheus", "alertmanager"]
PROGRAMS = {*PARTS, "node"}


def all_ready(clone: Clone) -> bool:
    asked = readiness.addresses(clone.endpoints, PARTS)
    return all(readiness.ask(part, address).ready for part, address in asked.items())


def test_up_returns_when_every_part_is_ready_and_says_where_to_look(clone: Clone) -> None:
    said = clone.up()
    assert all_ready(clone)
    assert clone.endpoints.prometheus.url in said
    assert clone.run("status", "--native").returncode == 0


def test_prometheus_scrapes_the_exporter_and_finds_alertmanager(clone: Clone) -> None:
    clone.up()
    api = f"{clone.endpoints.prometheus.url}/api/v1"

    def healthy() -> bool:
        active = get_json(f"{api}/targets")["data"]["activeTargets"]
        return {target["labels"]["job"] for target in active if target["health"] == "up"} >= {
            "exai-exporter", "prometheus", "alertmanager", "node",
        }  # fmt: skip

    wait_until(healthy, 40, "every target up")
    assert get_json(f"{api}/rules")["data"]["groups"]
    (found,) = get_json(f"{api}/alertmanagers")["data"]["activeAlertmanagers"]
    assert str(clone.endpoints.alertmanager) in found["url"]


def test_a_second_up_changes_nothing(clone: Clone) -> None:
    clone.up()
    before = {name: process.pid for name, process in clone.owned().items()}
    clone.up()
    assert {name: process.pid for name, process in clone.owned().items()} == before


def test_up_with_other_settings_restarts_with_them(clone: Clone) -> None:
    clone.up()
    (clone.root / ".env").write_text("EXAI_EXTERNAL_URL=http://${NAME:-metrics}.example\n")
    clone.up()
    assert clone.owned()["exporter"].environ()["EXAI_EXTERNAL_URL"] == "http://metrics.example"
    assert all_ready(clone)


def test_a_killed_exporter_comes_back(clone: Clone) -> None:
    clone.up()
    killed = clone.owned()["exporter"]
    killed.kill()
    wait_until(lambda: clone.owned().get("exporter", killed).pid != killed.pid, 30, "a new exporter")
    wait_until(lambda: all_ready(clone), 30, "ready again")


def test_up_replaces_the_orphans_of_a_killed_supervisord(clone: Clone) -> None:
    clone.up()
    before = clone.owned()
    before["supervisord"].kill()
    wait_until(lambda: "supervisord" not in clone.owned())
    # A program that logs after this ends: supervisord read the other end of its pipe.
    assert clone.owned()
    assert "replacing" in clone.up()
    assert all_ready(clone)
    assert not {process.pid for process in before.values()} & {process.pid for process in clone.owned().values()}


def test_down_ends_what_up_started_and_nothing_else(clone: Clone) -> None:
    clone.up()
    started = {process.pid for process in clone.owned().values()}
    others = set(psutil.pids()) - started
    with psutil.Popen(["sleep", "600"], cwd=clone.root) as bystander:
        try:
            assert clone.run("down").returncode == 0
            assert not clone.owned()
            assert bystander.is_running()
        finally:
            bystander.send_signal(signal.SIGKILL)
    assert started
    assert psutil.Process().pid in others


def test_down_ends_orphans_too(clone: Clone) -> None:
    clone.up()
    clone.owned()["supervisord"].kill()
    assert clone.run("down").returncode == 0
    assert not clone.owned()


GRAFANA = """#!/usr/bin/env python3
import os, http.server
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
address = os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])
http.server.HTTPServer(address, Health).serve_forever()
"""
"""Answers as Grafana does when it is asked for its health."""


def fake_grafana(home: Path) -> Path:
    """Make a Grafana that only answers for its health, and return its directory."""
    (home / "bin").mkdir()
    (home / "bin" / "grafana").write_text(GRAFANA)
    (home / "bin" / "grafana").chmod(0o755)
    return home


def test_a_grafana_in_grafana_home_is_part_of_the_bundle(clone: Clone, tmp_path: Path) -> None:
    said = clone.up(GRAFANA_HOME=str(fake_grafana(tmp_path)))
    password = clone.layout.grafana_password
    assert f"password is in {password}" in said
    assert password.read_text().strip() not in said
    assert readiness.ask("grafana", clone.endpoints.grafana).ready


@pytest.mark.skipif(programs.find_grafana({}) is not None, reason="a Grafana is installed")
def test_without_grafana_two_lines_say_how_to_get_it_for_this_system(clone: Clone) -> None:
    lines = clone.up().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Grafana is not installed"))
    assert platform.freedesktop_os_release()["PRETTY_NAME"] in lines[first]
    assert "apt-get install -y grafana" in lines[first + 1]


def test_a_node_exporter_that_runs_already_is_scraped_and_left_alone(clone: Clone) -> None:
    with socket.create_server((LOOPBACK, clone.endpoints.node.port)):
        clone.up()
        assert "node" not in clone.owned()
    assert str(clone.endpoints.node) in (clone.layout.prometheus / "targets/node.yml").read_text()


def test_a_busy_port_is_named_with_its_holder(clone: Clone) -> None:
    with socket.create_server((LOOPBACK, clone.endpoints.prometheus.port)):
        done = clone.run("up", "--native")
    assert done.returncode == 1
    assert f"prometheus cannot listen on {clone.endpoints.prometheus}" in done.stderr
    assert f"(pid {psutil.Process().pid}," in done.stderr
    assert "set EXAI_PROMETHEUS_LISTEN to another port" in done.stderr
    assert not clone.owned()


def test_a_running_bundle_survives_an_up_whose_new_port_is_busy(clone: Clone) -> None:
    clone.up()
    before = {name: process.pid for name, process in clone.owned().items()}
    with socket.create_server((LOOPBACK, 0)) as other:
        busy = f"{LOOPBACK}:{other.getsockname()[1]}"
        done = clone.run("up", "--native", EXAI_PROMETHEUS_LISTEN=busy)
    assert done.returncode == 1
    assert f"prometheus cannot listen on {busy}" in done.stderr
    assert {name: process.pid for name, process in clone.owned().items()} == before


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"EXAI_CONFIG": "/nowhere.yml"}, "EXAI_CONFIG: /nowhere.yml cannot be read"),
        ({"EXAI_LISTEN": "192.0.2.1:9464"}, "this machine has no address 192.0.2.1. Correct EXAI_LISTEN"),
        ({"EXAI_STATE_DIR": "/proc/state"}, "EXAI_STATE_DIR: /proc/state cannot be used"),
        ({"SLACK_WEBHOOK_URL": "hooks.slack.example"}, "SLACK_WEBHOOK_URL"),
    ],
)
def test_an_up_that_fails_says_why_and_leaves_nothing_half_started(
    clone: Clone, variables: dict[str, str], said: str
) -> None:
    done = clone.run("up", "--native", **variables)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not clone.owned()


def test_a_full_disk_is_named_and_nothing_is_started(clone: Clone) -> None:
    """In a mount namespace of its own, with a state directory of 8 MiB."""
    clone.layout.state.mkdir()
    mount = f"mount -t tmpfs -o size=8m none {clone.layout.state}"
    command = ("unshare", "-m", "sh", "-c", f"{mount} && exec .venv/bin/python -m exporter bundle up --native")
    done = subprocess.run(command, cwd=clone.root, env=clone.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "its disk has only 8 MiB free, and 64 MiB are needed" in done.stderr
    assert not clone.owned()


def test_an_exporter_that_cannot_start_is_told_with_the_end_of_its_log(clone: Clone) -> None:
    clone.layout.state.mkdir()
    (clone.layout.state / "exporter.sqlite3").write_text("this is no database, but a text that is long enough")
    done = clone.run("up", "--native")
    assert done.returncode == 1
    assert "exporter keeps ending" in done.stderr
    assert "file is not a database" in done.stderr
    assert not clone.owned()


def test_status_tells_that_supervisord_was_killed_and_what_it_left(clone: Clone) -> None:
    clone.up()
    clone.owned()["supervisord"].kill()
    wait_until(lambda: "supervisord" not in clone.owned(), what="the end of supervisord")
    # A program that logs after this ends: supervisord read the other end of its pipe.
    before = clone.owned().keys()
    done = clone.run("status", "--native")
    after = clone.owned().keys()
    assert done.returncode == 1
    words = [line.split() for line in done.stdout.splitlines()]
    assert ["supervisord", "gone"] in [line[:2] for line in words]
    orphaned = {line[0] for line in words if line[1:2] == ["orphaned"]}
    assert after
    assert after <= orphaned <= before


def test_another_grafana_home_ends_nothing_that_runs(clone: Clone, tmp_path: Path) -> None:
    clone.up()
    before = {name: process.pid for name, process in clone.owned().items()}
    said = clone.up(GRAFANA_HOME=str(fake_grafana(tmp_path)))
    assert clone.endpoints.grafana.url in said
    after = {name: process.pid for name, process in clone.owned().items()}
    assert after.keys() - before.keys() == {"grafana"}
    assert before.items() <= after.items()


def test_up_and_status_show_each_source_and_up_forgives_what_status_does_not(clone: Clone) -> None:
    away = f"redis://:secret@{LOOPBACK}:{free_port()}/0"
    said = clone.up(EXAI_REDIS_URL=away)
    (line,) = [line for line in said.splitlines() if "redis_zset" in line]
    assert line.split()[:2] == ["redis_zset", "down"]
    assert "nothing listens there" in line
    assert "secret" not in said
    done = clone.run("status", "--native", EXAI_REDIS_URL=away)
    assert done.returncode == 1
    assert line in done.stdout.splitlines()


def test_secrets_of_receivers_do_not_reach_the_programs(clone: Clone) -> None:
    url = "https://hooks.slack.example/services/T/B/secret"
    clone.up(SLACK_WEBHOOK_URL=url, EXAI_WATCHDOG_URL=url)
    for process in clone.owned().values():
        assert url not in process.environ().values()


def test_what_the_bundle_writes_is_closed_to_other_users(clone: Clone) -> None:
    clone.up()
    assert clone.layout.state.stat().st_mode & 0o077 == 0
    assert clone.supervisor.socket.stat().st_mode & 0o077 == 0
    assert clone.supervisor.config.stat().st_mode & 0o077 == 0
    assert (clone.layout.alertmanager / "alertmanager.yml").stat().st_mode & 0o077 == 0
