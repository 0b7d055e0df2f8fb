"""Settings, secrets and hosts of every kind: what is right works, and what is wrong is named at once."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.docker import observing
from tests.docker.engine import GATEWAY, Engine
from tests.docker.project import Project
from tests.servers import LOOPBACK, http_ok, port_open, redis_answers, wait_until

SECONDS = 60
"""Within which a wrong setting ends the start, the build of the image included."""

WRONG: tuple[tuple[dict[str, str], str], ...] = (
    ({"EXAI_CONFIG": "config/none.yml"}, "EXAI_CONFIG: config/none.yml cannot be read"),
    ({"SMTP_HOST": "mail.example.org"}, "SMTP_FROM: is not an email address"),
)

OWNER = 1234
"""A user of the host that no image knows."""

BOTH = pytest.mark.parametrize("flavour", ["compose-1.29", "compose-5"], indirect=True)
NEWEST = pytest.mark.parametrize("flavour", ["compose-5"], indirect=True)


@BOTH
def test_a_wrong_setting_ends_the_start_with_the_programs_own_message(bundle: Project) -> None:
    for variables, said in WRONG:
        began = time.monotonic()
        by_make = bundle.run("make", "up", **variables)
        assert by_make.returncode != 0
        assert said in by_make.stderr
        assert bundle.containers() == {}
        plain = bundle.run(*bundle.flavour.command, "up", "--detach", **variables)
        assert plain.returncode != 0
        assert said in bundle.logs("setup")
        assert {name: bundle.state(name) for name in bundle.containers()}.get("exporter") in {None, "created"}
        assert time.monotonic() - began < SECONDS
        # What Compose leaves is there before the next `make up`, which would leave it too.
        bundle.compose("down")


@BOTH
def test_a_busy_port_is_named_before_anything_is_started(bundle: Project) -> None:
    with socket.create_server((LOOPBACK, 9093)):
        refused = bundle.run("make", "up")
    assert refused.returncode != 0
    assert f"alertmanager cannot listen on {LOOPBACK}:9093: " in refused.stderr
    assert bundle.containers() == {}


@NEWEST
def test_a_clone_and_secrets_that_only_their_owner_may_read_work(bundle: Project, tmp_path: Path) -> None:
    webhook, password = tmp_path / "slack", tmp_path / "password"
    webhook.write_text("https://hooks.slack.example/services/x")
    password.write_text("open sesame")
    (bundle.root / "config/exai.yml").write_text("threads: 8\n")
    close(bundle.root, webhook, password)
    secrets = {
        "SLACK_WEBHOOK_URL_FILE": str(webhook), "SMTP_PASSWORD_FILE": str(password), "SMTP_HOST": "mail.example.org",
        "SMTP_FROM": "a@example.org", "SMTP_TO": "b@example.org", "SMTP_USERNAME": "exai",
    }  # fmt: skip
    bundle.up("--build", EXAI_CONFIG="config/exai.yml", **secrets)
    observing.wait_until_healthy(bundle)
    config = yaml.safe_load((bundle.volume("alertmanager-config") / "alertmanager.yml").read_text())
    critical = next(receiver for receiver in config["receivers"] if receiver["name"] == "critical")
    assert critical["slack_configs"][0]["api_url"] == webhook.read_text()
    assert critical["email_configs"][0]["auth_password"] == "open sesame"
    assert "threads: 8" in bundle.exec("exporter", "exai-exporter", "check-config")
    assert bundle.exec("exporter", "ls", "-l", "config/thresholds.yml").startswith("-r")


@BOTH
def test_what_is_published_and_hinted_at_is_what_was_asked_for(bundle: Project) -> None:
    asked = {"EXAI_BIND": "[::1]", "EXAI_REDIS_PORT": "6390", "EXAI_POSTGRES_PORT": "5499"}
    printed = bundle.make("up", **asked)
    wait_until(lambda: http_ok("http://[::1]:9464/readyz"), 20, "the exporter on IPv6")
    assert not port_open(9464)
    assert redis_answers(6390)
    wait_until(lambda: port_open(5499), 30, "the port of PostgreSQL")

    typed = " ".join(bundle.flavour.command)
    assert f"Logs: {typed} logs" in printed
    shown = next(line for line in printed.splitlines() if line.startswith("Grafana's user is admin"))
    command = shown.partition("its password: ")[2].replace(" exec ", " exec -T ")
    password = bundle.exec("exporter", "cat", "/var/lib/exai/grafana-password")
    assert bundle.checked("sh", "-c", command, **asked) == password

    file = bundle.root / "config/thresholds.yml"
    draft = file.with_suffix(".draft")  # As editors save.
    draft.write_text(file.read_text().replace("  value: 0.8\n", "  value: 0.123\n", 1))
    draft.replace(file)
    assert 'exai_threshold{name="provider_error_ratio"} 0.123\n' in without_empty_labels(metrics("http://[::1]:9464"))


@BOTH
def test_a_secret_that_is_missing_is_named_and_not_made(bundle: Project, tmp_path: Path) -> None:
    missing = tmp_path / "slack"
    refused = bundle.run("make", "up", SLACK_WEBHOOK_URL_FILE=str(missing))
    assert refused.returncode != 0
    assert f"SLACK_WEBHOOK_URL_FILE: {missing} is not a file" in refused.stderr
    assert not missing.exists()


@BOTH
def test_a_redis_elsewhere_is_read_and_ours_is_not_started(bundle: Project, tmp_path: Path) -> None:
    command = ("redis-server", "--bind", GATEWAY, "--port", "6399", "--protected-mode", "no", "--dir", str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as gateway:
        try:
            refused = bundle.run("make", "up", EXAI_REDIS_URL="redis://127.0.0.1:6399/0")
            assert "EXAI_REDIS_URL: in a container, 127.0.0.1 is the container itself" in refused.stderr
            assert bundle.containers() == {}
            printed = bundle.make("up", EXAI_REDIS_URL="redis://host.docker.internal:6399/0")
            assert "connected, but db 0 has no `connection_monitor:*` keys" in printed
            assert bundle.run("make", "status", EXAI_REDIS_URL="redis://host.docker.internal:6399/0").returncode != 0
            assert "node" not in observing.targets_up()
            assert "redis" not in bundle.containers()
            up = 'exai_exporter_source_up{source="redis_zset"} == 1 and on () redis_up == 1'
            wait_until(lambda: observing.series(up), 60, "the gateway's Redis in Prometheus")
        finally:
            gateway.kill()


@NEWEST
def test_the_figures_of_the_host_are_there_where_its_root_is_a_shared_mount(bundle: Project, engine: Engine) -> None:
    engine.share_mounts(shared=True)
    try:
        bundle.make("up")
    finally:
        engine.share_mounts(shared=False)
    wait_until(lambda: observing.targets_up().get("node") == 1, 60, "node_exporter in Prometheus")


def metrics(url: str) -> str:
    """Return the exposition of an exporter."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as reply:  # noqa: S310
        return str(reply.read().decode())


def without_empty_labels(exposed: str) -> str:
    """The same series, each without its labels that say nothing."""
    return re.sub(r',?[a-z_]+=""', "", exposed).replace("{,", "{")


def close(*paths: Path) -> None:
    """Give files to a user of the host, and let nobody else read them, as umask 077 does."""
    for path in paths:
        for each in (path, *path.rglob("*")):
            if not each.is_symlink():
                each.chmod(0o700 if each.is_dir() or os.access(each, os.X_OK) else 0o600)
                shutil.chown(each, OWNER, OWNER)
