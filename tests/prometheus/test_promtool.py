"""Prometheus itself accepts the shipped files, and its unit tests of the rules pass."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.servers import ROOT, binary, free_port, prometheus_server, wait_until

SHIPPED = ROOT / "prometheus"
COMPOSE_TARGETS = SHIPPED / "targets/compose"
JOBS = {job["job_name"] for job in yaml.safe_load((SHIPPED / "prometheus.yml").read_text())["scrape_configs"]}


def promtool(*arguments: object, cwd: Path = SHIPPED) -> str:
    """What promtool prints; AssertionError with it when promtool finds a fault."""
    command = [binary("promtool"), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def test_the_configuration_with_the_targets_of_compose_has_no_fault(tmp_path: Path) -> None:
    home = tmp_path / "prometheus"
    shutil.copytree(SHIPPED, home)
    for file in COMPOSE_TARGETS.iterdir():
        shutil.copy(file, home / "targets")
    faults = promtool("check", "config", "--lint=all", "prometheus.yml", cwd=home)
    assert [line for line in faults.splitlines() if "WARNING" in line and "postgres" not in line] == []


def test_the_rules_have_no_fault() -> None:
    promtool("check", "rules", "--lint=all", *sorted((SHIPPED / "rules").glob("*.yml")))


@pytest.mark.parametrize("path", sorted((SHIPPED / "tests").glob("*.yml")), ids=lambda path: path.stem)
def test_the_unit_tests_of_the_rules_pass(path: Path) -> None:
    promtool("test", "rules", path)


@pytest.mark.parametrize("path", sorted(COMPOSE_TARGETS.iterdir()), ids=lambda path: path.stem)
def test_a_target_file_of_compose_belongs_to_a_job(path: Path) -> None:
    assert {path.stem, f"exai-{path.stem}"} & JOBS
    assert all(group["targets"] for group in yaml.safe_load(path.read_text()))


def test_a_real_prometheus_starts_with_the_shipped_flags_and_evaluates_every_rule(tmp_path: Path) -> None:
    with prometheus_server(tmp_path, {"exai-exporter": [f"127.0.0.1:{free_port()}"]}) as prometheus:
        wait_until(lambda: prometheus.query("service:exai_service_state:code"), what="the state is recorded")
        wait_until(lambda: prometheus.firing("Watchdog"), what="the Watchdog fires")
        assert prometheus.query('up{job="exai-exporter"}')[0]["value"][1] == "0"
        states = {row["metric"]["service"] for row in prometheus.query("service:exai_service_state:code == 0")}
        assert states == {"websocket", "redis", "supabase", "kimi", "glm"}
