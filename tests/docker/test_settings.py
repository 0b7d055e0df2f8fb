"""Settings, secrets and hosts of every kind: what is right works, and what is wrong is named at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.docker import observing
from tests.docker.engine import GATEWAY, Engine
from tests.docker.project import Project
from tests.servers import http_ok, port_open, wait_until
from tests.sinks import HttpSink, SmtpSink

SECONDS = 60
"""Within which a wrong setting ends the start, the build of the image included."""

OWNER = 1234
"""A user of the host that no image knows."""

BOTH = pytest.mark.parametrize("flavour", ["compose-1.29", "compose-5"], indirect=True)
NEWEST = pytest.mark.parametrize("flavour", ["compose-5"], indirect=True)


@BOTH
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"EXAI_CONFIG": "config/none.yml"}, "EXAI_CONFIG: config/none.yml cannot be read"),
        ({"SMTP_HOST": "mail.example.org"}, "SMTP_FROM: is missing"),
        ({"EXAI_REDIS_URL": "redis://127.0.0.1:6379/0"}, "EXAI_REDIS_URL: in a container, 127.0.0.1 is the container"),
    ],
    ids=["no such file", "half a mail server", "loopback"],
)
def test_a_wrong_setting_ends_the_start_with_the_programs_own_message(
    bundle: Project, variables: dict[str, str], said: str
) -> None:
    began = time.monotonic()
    by_make = bundle.run("make", "up", **variables)
    assert by_make.returncode != 0
    assert said in by_make.stderr
    plain = bundle.run(*bundle.flavour.command, "up", "--detach", **variables)
    assert plain.returncode != 0
    assert said in bundle.logs("setup")
    assert {name: bundle.state(name) for name in bundle.containers()}.get("exporter") in {None, "created"}
    assert time.monotonic() - began < SECONDS


@NEWEST
def test_a_clone_and_secrets_that_only_their_owner_may_read_work(
    bundle: Project, http_sink: HttpSink, tmp_path: Path
) -> None:
    webhook, password = tmp_path / "slack", tmp_path / "password"
    webhook.write_text(http_sink.url)
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
    assert critical["slack_configs"][0]["api_url"] == http_sink.url
    assert critical["email_configs"][0]["auth_password"] == "open sesame"
    assert "threads: 8" in bundle.exec("exporter", "python", "-m", "exporter", "check-config")
    assert bundle.exec("exporter", "ls", "-l", "config/thresholds.yml").startswith("-r")


@NEWEST
def test_an_edited_threshold_holds_from_the_next_scrape_on(bundle: Project) -> None:
    bundle.up()
    observing.wait_until_healthy(bundle)
    file = bundle.root / "config/thresholds.yml"
    document = yaml.safe_load(file.read_text())
    name = next(iter(document["thresholds"]))
    before = bundle.exec("exporter", "cat", "config/thresholds.yml")
    draft = file.with_suffix(".draft")  # As editors save.
    draft.write_text(before + "# edited\n")
    draft.replace(file)
    assert bundle.exec("exporter", "cat", "config/thresholds.yml") == before + "# edited\n", name


@BOTH
def test_the_parts_are_published_on_ipv6_where_exai_bind_says_so(bundle: Project) -> None:
    bundle.make("up", EXAI_BIND="[::1]")
    assert http_ok("http://[::1]:9464/readyz")
    assert not port_open(9464)


@BOTH
def test_stores_are_published_where_their_port_is_set(bundle: Project) -> None:
    bundle.up(EXAI_REDIS_PORT="6390", EXAI_POSTGRES_PORT="5499")
    observing.wait_until_healthy(bundle, ["redis", "postgres"])
    assert port_open(6390)
    assert port_open(5499)


@BOTH
def test_a_redis_elsewhere_is_read_and_ours_is_not_started(bundle: Project, tmp_path: Path) -> None:
    command = ("redis-server", "--bind", GATEWAY, "--port", "6399", "--protected-mode", "no", "--dir", str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as gateway:
        try:
            printed = bundle.make("up", EXAI_REDIS_URL="redis://host.docker.internal:6399/0")
            assert "Ready." in printed
            assert "redis" not in bundle.containers()
            up = 'exai_exporter_source_up{source="redis_zset"} == 1 and on () redis_up == 1'
            wait_until(lambda: observing.series(up), 60, "the gateway's Redis in Prometheus")
        finally:
            gateway.kill()


@NEWEST
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "private"])
def test_the_figures_of_the_host_are_there_where_its_root_is_a_shared_mount(
    bundle: Project, engine: Engine, shared: bool
) -> None:
    engine.share_mounts(shared)
    try:
        bundle.make("up")
    finally:
        engine.share_mounts(shared=False)
    assert ("node-exporter" in bundle.containers()) == shared
    if shared:
        wait_until(lambda: observing.targets_up().get("node") == 1, 60, "node_exporter in Prometheus")
    else:
        assert "node" not in observing.targets_up()


@BOTH
def test_hints_name_the_compose_that_is_there(bundle: Project) -> None:
    typed = " ".join(bundle.flavour.command)
    printed = bundle.make("up")
    assert f"Logs: {typed} logs" in printed
    shown = next(line for line in printed.splitlines() if line.startswith("Grafana's user is admin"))
    command = shown.partition("its password: ")[2].replace(" exec ", " exec -T ")
    assert bundle.checked("sh", "-c", command).strip()


@NEWEST
def test_a_test_alert_reaches_slack_and_mail_on_the_host(
    bundle: Project, http_sink: HttpSink, smtp_sink: SmtpSink
) -> None:
    bundle.make(
        "up", SLACK_WEBHOOK_URL=http_sink.url, SMTP_HOST="host.docker.internal", SMTP_PORT=str(smtp_sink.port),
        SMTP_TLS="false", SMTP_FROM="exai@example.org", SMTP_TO="oncall@example.org",
    )  # fmt: skip
    printed = bundle.checked(".venv/bin/python", "-m", "exporter", "alerts", "test", "--severity", "critical")
    assert "slack: sent" in printed
    assert "email: sent" in printed
    wait_until(lambda: http_sink.bodies and smtp_sink.messages, 30, "both messages")
    assert http_sink.bodies[0]["attachments"][0]["title"].startswith("Critical · ExaiTestAlert")


def close(*paths: Path) -> None:
    """Give files to a user of the host, and let nobody else read them, as umask 077 does."""
    for path in paths:
        for each in (path, *path.rglob("*")):
            if not each.is_symlink():
                each.chmod(0o700 if each.is_dir() or os.access(each, os.X_OK) else 0o600)
                shutil.chown(each, OWNER, OWNER)
