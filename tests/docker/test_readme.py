"""The README's commands, run word for word with Docker; only addresses and secrets are this test's own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.bundle.test_readme import RUNS_THIS_TEST, commands
from tests.docker import observing
from tests.docker.engine import GATEWAY
from tests.docker.project import Project
from tests.servers import ROOT, wait_until
from tests.sinks import HttpSink, SmtpSink

GATEWAYS_REDIS = f"--bind {GATEWAY} --port 6399 --protected-mode no"


@pytest.mark.parametrize("flavour", ["compose-1.29"], indirect=True)
def test_every_command_of_the_readme_works(
    bundle: Project, http_sink: HttpSink, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    (tmp_path / "slack").write_text(f"{http_sink.url}\n")
    (tmp_path / "slack").chmod(0o600)
    replaced = {
        "redis://redis.example.org:6379/0": "redis://host.docker.internal:6399/0",
        "/run/secrets/slack": str(tmp_path / "slack"),
        "SMTP_HOST=mail.example.org": f"SMTP_HOST=host.docker.internal SMTP_PORT={smtp_sink.port} SMTP_TLS=false",
    }
    server = ("redis-server", *GATEWAYS_REDIS.split(), "--dir", str(tmp_path))
    with subprocess.Popen(server, stdout=subprocess.DEVNULL) as redis:
        try:
            for command in commands((ROOT / "README.md").read_text(encoding="utf-8")):
                if command != RUNS_THIS_TEST:
                    run(bundle, command, replaced)
                if command.endswith("alerts test --severity critical"):
                    wait_until(lambda: smtp_sink.messages, 30, "the mail of the test alert")
        finally:
            redis.kill()
    assert observing.counted("kimi-k2-0905-preview") >= 1


def run(bundle: Project, command: str, replaced: dict[str, str]) -> None:
    """Run a command as a user types it; AssertionError unless it succeeds and no reply is an error."""
    for theirs, ours in replaced.items():
        command = command.replace(theirs, ours)
    printed = bundle.checked("bash", "-c", command)
    assert '"error"' not in printed, f"{command}\n{printed}"
