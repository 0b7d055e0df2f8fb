"""docker-compose.yml and the Dockerfile, held to the truth without an engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__, tokens
from exporter.alerts.channels import observer
from exporter.bundle import backfill, programs
from exporter.bundle.containers import PARTS, ComposeBundle
from exporter.bundle.endpoints import Endpoints
from exporter.settings import Settings
from tests.servers import LOOPBACK, ROOT, binary, free_port

COMPOSE = ROOT / "docker-compose.yml"
NOTHING = ROOT / "config" / "no-secret"
OURS = f"exai-exporter:{__version__}"
STORES = {"redis": 6379, "postgres": 5432}
NATIVE = {
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "node-exporter": "node_exporter",
}
"""The service and the binary of the same server."""
NEWER = {"alertmanager": {"enable-feature"}}
"""Flags that the image's Alertmanager knows, and Debian's 0.25 does not."""


def resolved(**variables: str) -> dict[str, Any]:
    """The file as docker-compose 1.29 understands it, all anchors and variables resolved."""
    command = (binary("docker-compose"), "-f", str(COMPOSE), "--env-file", str(NOTHING), "--profile", "demo", "config")
    env = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(yaml.safe_load(done.stdout))


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Every service by its name."""
    return dict(resolved()["services"])


def argv(service: dict[str, Any]) -> list[str]:
    """A service's command line."""
    command = service["command"]
    return shlex.split(command) if isinstance(command, str) else list(command)


def test_the_file_is_valid_for_the_compose_specification() -> None:
    check = Path(sys.executable).with_name("check-jsonschema")
    command = (str(check), "--builtin-schema", "vendor.compose-spec", str(COMPOSE))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_part_of_the_bundle_is_a_service(services: dict[str, dict[str, Any]]) -> None:
    assert set(PARTS) | {"redis", "postgres", "database", "redis-exporter", "node-exporter", "demo"} <= set(services)


def test_every_mounted_path_exists() -> None:
    document = yaml.safe_load(COMPOSE.read_text())
    for name, service in document["services"].items():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), (name, source)
            elif not source.startswith("/"):
                assert source in document["volumes"], (name, source)


def test_a_secret_that_is_not_given_is_an_empty_file() -> None:
    for secret in resolved()["secrets"].values():
        assert Path(secret["file"]) == NOTHING
    assert NOTHING.read_bytes() == b""


def test_a_mount_inside_another_mount_has_its_place_there() -> None:
    assert (ROOT / "prometheus" / "targets").is_dir()


def test_every_host_path_is_mounted_read_only(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for mount in service.get("volumes", []):
            source, _, options = mount.rpartition(":")
            if source.startswith("/"):
                assert "ro" in options.split(","), (name, mount)


def test_nothing_is_published_off_loopback_by_default(services: dict[str, dict[str, Any]]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert len(published) == len(PARTS) + len(STORES)
    assert all(port.startswith(f"{LOOPBACK}:") for port in published)
    assert all("network_mode" not in service for service in services.values())


def test_exai_bind_publishes_the_parts_but_never_the_stores() -> None:
    opened = resolved(EXAI_BIND="0.0.0.0")["services"]
    for part in PARTS:
        assert opened[part]["ports"][0].startswith("0.0.0.0:")
    for store, port in STORES.items():
        assert opened[store]["ports"] == [f"{LOOPBACK}:{port}:{port}/tcp"]


def test_the_parts_are_published_where_up_looks_for_them(services: dict[str, dict[str, Any]]) -> None:
    for part, address in Endpoints.from_environment({}).parts().items():
        assert services[part]["ports"] == [f"{address}:{address.port}/tcp"]


def test_every_image_is_pinned_to_one_version(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert re.search(r":v?\d+(\.\d+){1,2}(-alpine)?$", service["image"]), name
    assert {service["image"] for service in services.values() if "build" in service} == {OURS}
    assert re.match(r"FROM python:3\.11\.\d+-slim-bookworm\n", (ROOT / "Dockerfile").read_text())


def test_every_service_is_hardened(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"], name


def test_what_runs_is_restarted_and_what_prepares_ends(services: dict[str, dict[str, Any]]) -> None:
    once = {
        needed
        for service in services.values()
        for needed, how in dict(service.get("depends_on", {})).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert once == {
        "alertmanager-config", "demo-blocks", "demo-past", "grafana-password", "postgres-password", "push-token",
    }  # fmt: skip
    for name, service in services.items():
        assert service["restart"] == ("no" if name in once else "unless-stopped")


def test_the_exporter_is_watched_by_its_readiness(services: dict[str, dict[str, Any]]) -> None:
    check = services["exporter"]["healthcheck"]["test"]
    assert check[:3] == ["CMD", "python", "-c"]
    assert "/readyz" in check[3]
    compile(check[3], "healthcheck", "exec")


def test_no_secret_has_a_default(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|WEBHOOK|TOKEN|SECRET", key):
                assert not value or value.startswith("/run/"), (name, key)


def test_secret_files_reach_the_one_service_that_reads_them(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    webhook = tmp_path / "webhook"
    webhook.write_text("https://hooks.slack.example/x")
    document = resolved(SLACK_WEBHOOK_URL_FILE=str(webhook))
    assert document["secrets"]["slack_webhook_url"]["file"] == str(webhook)
    assert [name for name, service in services.items() if service.get("secrets")] == ["alertmanager-config"]


def test_only_who_needs_a_password_and_the_hand_over_see_it(services: dict[str, dict[str, Any]]) -> None:
    def that_mount(volume: str) -> set[str]:
        return {
            name
            for name, service in services.items()
            if any(mount.startswith(f"{volume}:") for mount in service.get("volumes", []))
        }

    assert that_mount("grafana-password") == {"grafana", "grafana-password"}
    assert that_mount("postgres-password") == {"postgres", "postgres-password"}
    assert that_mount("push-token") == {"alertmanager", "push-token"}
    hands = {"grafana-password", "postgres-password", "push-token"}
    assert that_mount("exporter-state") == {"exporter", "database", "demo", *hands}
    assert services["grafana-password"]["user"].split(":")[1] == "0", "Grafana's own group"
    assert services["postgres-password"]["user"].split(":")[1] == "70", "PostgreSQL's own group"
    assert services["push-token"]["user"].split(":")[1] == "65534", "Alertmanager's own group"


def handed_over(service: dict[str, Any], home: Path) -> Path:
    """The directory that a hand-over has written to, after an exporter's first start."""
    state = home / "var/lib/exai"
    settings = Settings(state_dir=str(state), database_url=service_url())
    tokens.make_missing(settings)
    (_, target) = (mount.split(":")[1] for mount in service["volumes"])
    (home / target.lstrip("/")).mkdir(parents=True)
    (script,) = service["command"]
    moved = script.replace("/var/lib", f"{home}/var/lib").replace("/run/", f"{home}/run/")
    subprocess.run([*service["entrypoint"], moved], check=True, timeout=10)
    return home / target.lstrip("/")


def service_url() -> str:
    """What the exporter is told of the bundle's own database."""
    return str(resolved()["services"]["exporter"]["environment"]["EXAI_DATABASE_URL"])


def test_the_hand_over_makes_copies_that_grafanas_group_can_read(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    directory = handed_over(services["grafana-password"], tmp_path)
    for copy, name in (("password", tokens.GRAFANA_PASSWORD), (tokens.READER_PASSWORD, tokens.READER_PASSWORD)):
        assert (directory / copy).read_text() == (tmp_path / "var/lib/exai" / name).read_text()
        assert (directory / copy).stat().st_mode & 0o777 == 0o640


def test_alertmanager_gets_the_push_token_where_its_configuration_looks_for_it(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    copy = handed_over(services["push-token"], tmp_path) / "token"
    assert copy.read_text() == (tmp_path / "var/lib/exai/push-token").read_text()
    assert copy.stat().st_mode & 0o777 == 0o640
    (_, named) = observer(services["alertmanager-config"]["environment"])
    assert named == "/run/push-token/token"
    assert "push-token:/run/push-token:ro" in services["alertmanager"]["volumes"]


def test_postgres_gets_the_password_that_is_in_the_exporters_file(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    copy = handed_over(services["postgres-password"], tmp_path) / "password"
    assert copy.read_text().strip() == tokens.make_for_database(tmp_path / "var/lib/exai")
    assert copy.stat().st_mode & 0o777 == 0o640
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/postgres-password/password"


def test_who_asks_the_database_is_told_of_the_bundles_own_or_of_the_one_that_is_named() -> None:
    assert tokens.is_the_bundles(service_url())
    named = resolved(EXAI_DATABASE_URL="postgresql://u@db.example/x")["services"]
    for name in ("exporter", "database", "demo"):
        assert named[name]["environment"]["EXAI_DATABASE_URL"] == "postgresql://u@db.example/x"


def test_grafana_starts_where_the_data_source_looks_for_its_password(services: dict[str, dict[str, Any]]) -> None:
    source = (ROOT / "grafana/provisioning-postgres/datasources/postgres.yml").read_text()
    assert f"$__file{{{tokens.READER_PASSWORD}}}" in source
    assert services["grafana"]["working_dir"] == "/run/grafana-password"
    mounted = {mount.split(":")[1] for mount in services["grafana"]["volumes"]}
    environment = services["grafana"]["environment"]
    read = ("GF_PATHS_PROVISIONING", "EXAI_DASHBOARDS_PATH", "EXAI_POSTGRES_DASHBOARDS_PATH")
    assert {environment[key] for key in read} < mounted
    assert set(re.findall(r"\$\{([A-Z_]+)\}", source)) <= environment.keys()


def test_grafana_reaches_a_database_that_is_named() -> None:
    bundle = ComposeBundle({"EXAI_DATABASE_URL": "postgresql://u@db.example/x"}, print)
    told = {key: value for key, value in bundle.env.items() if key.startswith("GRAFANA_POSTGRES")}
    environment = resolved(**told)["services"]["grafana"]["environment"]
    assert told.items() <= environment.items()
    assert environment["GRAFANA_POSTGRES_URL"] == "db.example:5432"


@pytest.mark.parametrize("name", sorted(NATIVE))
def test_each_command_line_is_known_to_the_native_binary(services: dict[str, dict[str, Any]], name: str) -> None:
    usage = subprocess.run([binary(NATIVE[name]), "--help"], capture_output=True, text=True, check=False)
    known = set(re.findall(r"--(?:\[no-\])?([a-z0-9.-]+)", usage.stdout + usage.stderr))
    flags = [argument.partition("=")[0].removeprefix("--") for argument in argv(services[name])]
    assert flags
    assert set(flags) <= known | NEWER.get(name, set())


def test_prometheus_runs_with_the_flags_that_every_bundle_shares(services: dict[str, dict[str, Any]]) -> None:
    shared = (ROOT / "prometheus" / "flags").read_text().split()
    assert set(shared) <= set(services["prometheus"]["command"])
    assert not any("enable-lifecycle" in flag for flag in services["prometheus"]["command"])


def test_redis_takes_its_command_line_and_writes_before_it_answers(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    port = str(free_port())
    server, *flags = services["redis"]["command"]
    command = [binary(server), *flags, "--dir", str(tmp_path), "--port", port, "--bind", LOOPBACK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as redis:
        try:
            assert redis.stdout
            assert any("Ready to accept connections" in line for line in redis.stdout)
            asked = (binary("redis-cli"), "-p", port, "--json", "config", "get", "append*", "maxmemory*")
            got = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
        finally:
            redis.kill()
    assert (got["appendonly"], got["appendfsync"], got["maxmemory-policy"]) == ("yes", "always", "noeviction")


@pytest.mark.parametrize("name", ["exporter", "alertmanager-config", "database", "demo", "demo-past"])
def test_our_own_command_lines_are_known_to_the_cli(services: dict[str, dict[str, Any]], name: str) -> None:
    chosen = argv(services[name]) if "command" in services[name] else ["serve"]
    words = list(takewhile(re.compile("[a-z]+$").match, chosen))
    command = (sys.executable, "-m", "exporter", *words, "--help")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(option in done.stdout for option in chosen if option.startswith("--"))


def test_the_demo_has_every_incident_in_turn_unless_one_is_chosen(services: dict[str, dict[str, Any]]) -> None:
    assert argv(services["demo"])[-1] == "--rotate"
    chosen = " ".join(programs.demo_arguments("error-burst"))
    assert argv(resolved(DEMO_ARGUMENTS=chosen)["services"]["demo"])[-4:] == chosen.split()


def test_the_past_of_the_demo_becomes_blocks_once(services: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (script,) = services["demo-blocks"]["command"]
    assert f"--max-block-duration={backfill.ONE_BLOCK} openmetrics {backfill.TEXT} ." in script
    past = tmp_path / backfill.TEXT
    past.write_text("# TYPE a:b:c gauge\na:b:c 1 1700000000\n# EOF\n")
    for _ in range(2):
        subprocess.run(["sh", "-c", script.replace("/prometheus", str(tmp_path))], check=True)
        assert len(list(tmp_path.glob("*/meta.json"))) == 1
        assert past.read_text() == ""


def test_the_demo_starts_though_its_past_cannot_be_read(services: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (script,) = services["demo-blocks"]["command"]
    (tmp_path / backfill.TEXT).write_text("nonsense")
    subprocess.run(["sh", "-c", script.replace("/prometheus", str(tmp_path))], check=True)


def test_the_past_is_as_busy_as_the_demo_that_follows_it(services: dict[str, dict[str, Any]]) -> None:
    rates = [argv(services[name])[argv(services[name]).index("--rate") + 1] for name in ("demo-past", "demo")]
    assert rates[0] == rates[1]
    assert "--rhythm" in argv(services["demo"])
    assert services["demo"]["depends_on"]["demo-blocks"]["condition"] == "service_completed_successfully"


def test_grafana_is_as_quiet_in_a_container_as_natively(services: dict[str, dict[str, Any]]) -> None:
    assert programs.GRAFANA_QUIET.items() <= services["grafana"]["environment"].items()


def test_prometheus_finds_each_job_by_the_name_of_its_service(services: dict[str, dict[str, Any]]) -> None:
    for file in (ROOT / "prometheus" / "targets" / "compose").glob("*.yml"):
        for group in yaml.safe_load(file.read_text()):
            assert {target.partition(":")[0] for target in group["targets"]} <= set(services)


def test_every_variable_of_the_file_is_in_the_example() -> None:
    named = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text())) - {"DEMO_ARGUMENTS"}
    example = (ROOT / ".env.example").read_text()
    assert {name for name in named if f"#{name}=" not in example} == set()


def test_the_example_sets_nothing_until_it_is_edited() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert all(not line or line.startswith("#") for line in lines)
