"""The README's commands, run word for word in a fresh clone; only addresses and secrets are this test's own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.bundle.conftest import Clone
from tests.servers import ROOT, Redis, get_json, wait_until
from tests.sinks import SmtpSink

RUNS_THIS_TEST = "make test"
_FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s+#.*$")


def commands(text: str) -> list[str]:
    """The commands of every shell block, in their order; a backslash joins lines."""
    blocks = "".join(_FENCE.findall(text)).replace("\\\n", " ")
    return [_COMMENT.sub("", line) for line in blocks.splitlines() if line.strip()]


def run(clone: Clone, command: str, replaced: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for theirs, ours in replaced.items():
        command = command.replace(theirs, ours)
    env = {
        **clone.env,
        "ALERTMANAGER_URL": clone.endpoints.alertmanager.url,
        "MAKEFLAGS": "-- ARGS=--native",
    }
    return subprocess.run(
        ("bash", "-c", command), cwd=clone.root, env=env, capture_output=True, text=True, check=False, timeout=180
    )


def test_every_command_of_the_readme_works(
    clone: Clone, redis_server: Redis, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    (tmp_path / "slack").write_text("http://127.0.0.1:9/services/nobody\n")
    replaced = {
        "http://127.0.0.1:9464": clone.endpoints.exporter.url,
        "redis://redis.example.org:6379/0": redis_server.url,
        "/run/secrets/slack": str(tmp_path / "slack"),
        "SMTP_HOST=mail.example.org": f"SMTP_HOST=127.0.0.1 SMTP_PORT={smtp_sink.port} SMTP_TLS=false",
    }
    for command in commands((ROOT / "README.md").read_text(encoding="utf-8")):
        if command != RUNS_THIS_TEST:
            done = run(clone, command, replaced)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            assert '"error"' not in done.stdout, f"{command}\n{done.stdout}"
        if command.endswith("alerts test --severity critical"):
            wait_until(lambda: smtp_sink.messages, 30, "the mail of the test alert")
    assert get_json(f"{clone.endpoints.exporter.url}/readyz")["ready"]
