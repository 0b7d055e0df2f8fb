"""`exai-exporter demo` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner

from exporter.demo import destination
from exporter.demo.commands import demo
from exporter.demo.incidents import INCIDENTS
from exporter.demo.model_calls import MODELS
from tests.demo.conftest import Intake
from tests.servers import LOOPBACK, ROOT, Redis, free_port, wait_until

RUN = (sys.executable, "-c", "from exporter.demo.commands import demo; demo()")


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "push-token"
    path.write_text("secret\n")
    return path


@contextmanager
def running(tmp_path: Path, *options: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The command with its output in a pipe, in no environment but ours."""
    environment = {"PATH": os.environ["PATH"], "EXAI_STATE_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1", **env}
    process = subprocess.Popen(
        [*RUN, *options], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    return output


def test_without_redis_everything_is_pushed(intake: Intake, token: Path, tmp_path: Path) -> None:
    intake.environment = "demo"
    with running(tmp_path, "--for", "7", "--seed", "1", EXAI_LISTEN=intake.url.removeprefix("http://")) as process:
        output = finish(process)
    kinds = Counter(event["kind"] for event in intake.events())
    assert set(kinds) == {"connection", "cache", "duration", "trace", "gauge", "http", "prediction"}
    assert f"http: {kinds.total()} sent, 0 dropped, 0 refused" in output
    assert intake.posts[0][1]["Authorization"] == "Bearer secret"


def test_with_redis_nothing_is_counted_twice(intake: Intake, redis_server: Redis, token: Path, tmp_path: Path) -> None:
    with running(
        tmp_path, "--for", "6", "--seed", "1", "--exporter", intake.url, "--redis", redis_server.url
    ) as process:
        output = finish(process)
    kinds = {event["kind"] for event in intake.events()}
    assert kinds == {"cache", "duration", "trace", "gauge", "http", "prediction"}
    recorded = {event["model"] for event in intake.events() if event["kind"] == "duration"}
    assert recorded
    assert recorded <= {model.name for model in MODELS if model.instrumented}
    with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
        keys = client.keys("connection_monitor:*:events")
        written = [json.loads(member) for key in keys for member in client.zrange(key, 0, -1)]
    assert f"redis: {len(written)} sent, 0 dropped, 0 refused" in output
    assert {"websocket", "redis", "supabase"} < {event["connection_type"] for event in written}
    assert {"send", "receive", "connect"} <= {event["direction"] for event in written}
    assert max(event["stats"]["active_connections"] for event in written) > 0


@pytest.mark.parametrize("environment", ["", "staging"])
def test_an_exporter_of_another_environment_gets_nothing(
    intake: Intake, redis_server: Redis, token: Path, tmp_path: Path, environment: str
) -> None:
    intake.environment = environment
    listen = intake.url.removeprefix("http://")
    with running(tmp_path, EXAI_LISTEN=listen, EXAI_REDIS_URL=redis_server.url) as process:
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"the exporter at {intake.url} is not a demo's" in output
    assert f"add --exporter {intake.url}" in output
    assert intake.posts == []
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.dbsize() == 0


def test_an_exporter_that_is_named_is_pushed_to_and_the_redis_beside_it_is_left_alone(
    intake: Intake, redis_server: Redis, token: Path, tmp_path: Path
) -> None:
    with running(tmp_path, "--for", "1", "--exporter", intake.url, EXAI_REDIS_URL=redis_server.url) as process:
        assert "redis:" not in finish(process)
    assert "connection" in {event["kind"] for event in intake.events()}
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.dbsize() == 0


def test_the_redis_of_a_demo_is_written_to(intake: Intake, redis_server: Redis, token: Path, tmp_path: Path) -> None:
    intake.environment = "demo"
    listen = intake.url.removeprefix("http://")
    with running(tmp_path, "--for", "1", EXAI_LISTEN=listen, EXAI_REDIS_URL=redis_server.url) as process:
        assert "redis: " in finish(process)


def test_an_exporter_that_does_not_say_what_it_is_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destination, "_ANSWERS_WITHIN_S", 0)
    result = CliRunner().invoke(demo, env={"EXAI_LISTEN": f"{LOOPBACK}:{free_port()}"})
    assert result.exit_code == 1
    assert "does not say whether it is a demo's: <urlopen error [Errno 111] Connection refused>" in result.output


def test_sigterm_ends_it_in_good_order(intake: Intake, token: Path, tmp_path: Path) -> None:
    with running(tmp_path, "--exporter", intake.url) as process:
        wait_until(lambda: intake.posts, what="a first batch")
        process.send_signal(signal.SIGTERM)
        output = finish(process)
    assert f"http: {len(intake.events())} sent, 0 dropped, 0 refused" in output


def test_an_exporter_that_is_away_is_said(tmp_path: Path, token: Path) -> None:
    with running(tmp_path, "--for", "1", "--exporter", f"http://{LOOPBACK}:{free_port()}") as process:
        output = finish(process)
    assert "Connection refused" in output
    assert "http: 0 sent" in output


def test_an_incident_is_said_while_it_is_on(intake: Intake, token: Path, tmp_path: Path) -> None:
    options = ("--incident", "redis-down", "--incident", "slow-kimi", "--incident-after", "0", "--for", "1")
    with running(tmp_path, "--exporter", intake.url, *options) as process:
        assert "redis-down,slow-kimi" in finish(process)


def test_an_unknown_incident_is_an_error_that_names_the_known() -> None:
    result = CliRunner().invoke(demo, ["--incident", "flood"])
    assert result.exit_code == 2
    assert "'redis-down', 'error-burst', 'third-call-slow', 'slow-kimi', 'model-drift'" in result.output


def test_a_wrong_setting_is_an_error_that_names_it() -> None:
    result = CliRunner().invoke(demo, env={"EXAI_LISTEN": "nowhere"})
    assert result.exit_code == 1
    assert "listen" in result.output


def test_help_names_every_incident() -> None:
    text = CliRunner().invoke(demo, ["--help"]).output
    assert all(word in text for word in (*INCIDENTS, "SIGTERM", "EXAMPLES"))
