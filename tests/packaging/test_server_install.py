"""`pip install '.[server]'` gives every command outside a checkout, but `bundle`."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.alerts.catalogue import read_alerts
from exporter.cli import cli
from tests.databases import Postgres, postgres_server
from tests.packaging.conftest import Environment, environment
from tests.servers import LOOPBACK, ROOT, Server, answers, free_port, kept_running

ALERTS = {alert.name for alert in read_alerts()}
RECORDED = ROOT / "tests/data/connection_monitor_redis.jsonl"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A working directory that has nothing of ours."""
    (directory := tmp_path / "empty").mkdir()
    return directory


@pytest.fixture
def exporter(server: Environment, empty: Path, tmp_path: Path) -> Iterator[Server]:
    """`exai-exporter serve`, as installed."""
    port = free_port()
    env = server.variables(tmp_path, EXAI_LISTEN=f"{LOOPBACK}:{port}", EXAI_STATE_DIR=str(tmp_path / "state"))
    argv = [str(server.script), "serve"]
    with kept_running(Server(argv, port, tmp_path / "log", answers(port, "/readyz"), env, empty)) as running:
        yield running


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310
        return str(reply.read().decode())


def test_serve_starts_and_answers(exporter: Server) -> None:
    assert json.loads(get(f"{exporter.url}/readyz"))["ready"]
    metrics = get(f"{exporter.url}/metrics")
    assert "exai_threshold{" in metrics
    assert "exai_token_price_dollars{" in metrics
    for name in ALERTS:
        assert get(f"{exporter.url}/runbooks/{name}").startswith(f"# {name}")


def test_what_was_recorded_is_pushed(exporter: Server, server: Environment, empty: Path, tmp_path: Path) -> None:
    token = tmp_path / "state" / "push-token"
    done = server.run(server.script, "replay", RECORDED, "--exporter", exporter.url, "--token-file", token, cwd=empty)
    assert done.returncode == 0, done.stderr
    assert re.match(r"[1-9]\d* accepted", done.stdout)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("check-config", "# settings are good"),
        ("alerts explain ExaiRedisDown", "# ExaiRedisDown"),
        ("alerts render --output rendered", "no notification channel is configured"),
        ("bundle --help", "Bring up the whole bundle"),
        ("migrate --help", "Bring the database to the schema"),
        ("timeouts evaluate calls.ndjson", "overall"),
        ("demo --exporter http://127.0.0.1:9 --redis= --database= --for 1", "simulated gateway"),
    ],
)
def test_a_command_works_in_an_empty_directory(
    server: Environment, empty: Path, tmp_path: Path, command: str, expected: str
) -> None:
    call = {"kind": "duration", "model": "kimi-k2", "duration_ms": 900, "timestamp": 1_700_000_000.0, "outcome": "ok"}
    (empty / "calls.ndjson").write_text("".join(json.dumps({**call, "event_id": str(n)}) + "\n" for n in range(50)))
    done = server.run(server.script, *command.split(), cwd=empty, EXAI_STATE_DIR=str(tmp_path / "state"))
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout


def test_the_alerts_are_listed(server: Environment, empty: Path) -> None:
    done = server.run(server.script, "alerts", "list", "--json", cwd=empty)
    assert {alert["name"] for alert in json.loads(done.stdout)} == ALERTS
    table = server.run(server.python, "-m", "exporter", "alerts", "list", cwd=empty)
    assert {line.split()[0] for line in table.stdout.splitlines()[1:]} == ALERTS


def test_the_templates_are_rendered(server: Environment, empty: Path) -> None:
    done = server.run(server.script, "alerts", "render", "--output", "out", cwd=empty, SLACK_WEBHOOK_URL="http://a/b")
    assert done.returncode == 0, done.stderr
    assert "alerts go to slack" in done.stdout
    shipped = {path.name for path in (ROOT / "alertmanager/templates").glob("*.tmpl")}
    assert {path.name for path in (empty / "out/templates").iterdir()} == shipped | {"links.tmpl"}


def test_a_unit_test_that_explain_names_can_be_run(server: Environment, empty: Path) -> None:
    done = server.run(server.script, "alerts", "explain", "ExaiRedisDown", cwd=empty)
    commands = re.findall(r"^ +(promtool test rules .*)$", done.stdout, re.MULTILINE)
    assert commands
    for command in commands:
        assert server.run("bash", "-c", command, cwd=empty).returncode == 0


def test_a_recorded_day_is_replayed(server: Environment, empty: Path) -> None:
    done = server.run(server.script, "alerts", "replay", RECORDED, "--json", cwd=empty)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] > 0


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as running:
        yield running


def test_a_database_is_brought_to_the_schema(server: Environment, empty: Path, postgres: Postgres) -> None:
    dsn = postgres.create("installed")
    done = server.run(server.script, "migrate", "--bootstrap", cwd=empty, EXAI_DATABASE_URL=dsn)
    assert done.returncode == 0, done.stderr
    shipped = sorted(path.stem for path in (ROOT / "supabase/migrations").glob("*.sql"))
    assert [line.removeprefix("applied ") for line in done.stdout.splitlines()[:-1]] == shipped
    for command in ("maintain", "baseline show"):
        done = server.run(server.script, *command.split(), cwd=empty, EXAI_DATABASE_URL=dsn)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["up", "demo", "down", "status"])
def test_the_bundle_says_that_it_needs_a_checkout(server: Environment, empty: Path, command: str) -> None:
    done = server.run(server.script, "bundle", command, cwd=empty)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: `bundle` needs a checkout, for docker-compose.yml")
    assert "git clone" in line


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_has_help(server: Environment, empty: Path, command: str) -> None:
    done = server.run(server.script, command, "--help", cwd=empty)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: exai-exporter {command}")


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("prometheus/rules", "alerts list"),
        ("docs/runbooks", "serve"),
        ("docs/runbooks", "check-config"),
        ("docs/runbooks", "alerts explain ExaiRedisDown"),
        ("alertmanager/templates", "alerts render --output out"),
        ("config/thresholds.yml", "check-config"),
        ("config/prices.yml", "serve"),
        ("config/routing.yml", "alerts render --output out"),
        ("supabase/migrations", "migrate"),
        ("supabase/bootstrap.sql", "migrate --bootstrap"),
        ("prometheus/rules", f"alerts replay {RECORDED}"),
    ],
)
def test_a_missing_file_is_named(
    server: Environment, empty: Path, tmp_path: Path, postgres: Postgres, missing: str, command: str
) -> None:
    shipped = server.site_packages / "exporter/_shipped" / missing
    shipped.rename(away := shipped.with_name("away"))
    try:
        done = server.run(
            server.script, *command.split(), cwd=empty, EXAI_STATE_DIR=str(tmp_path / "state"),
            EXAI_LISTEN=f"{LOOPBACK}:{free_port()}", EXAI_DATABASE_URL=postgres.create("nothing"),
        )  # fmt: skip
    finally:
        away.rename(shipped)
    assert done.returncode == 1, done.stdout
    assert missing in done.stderr
    assert "Traceback" not in done.stderr


def test_the_commands_of_the_install_page_work(tree: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs/install.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    with environment(tmp_path / "environment") as made:
        for command in "".join(blocks).splitlines():
            if command.startswith("pip install"):
                requirement = command.removeprefix("pip install ").strip("'")
                made.install(requirement.replace(".", str(tree), 1))
            else:
                done = made.run("bash", "-c", command, cwd=tmp_path)
                assert done.returncode == 0, f"{command}\n{done.stderr}"
                assert done.stdout
