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
from exporter.bundle import backfill, containers, programs, setup
from exporter.bundle.containers import PARTS, ComposeBundle
from exporter.bundle.demo_environment import demo_environment
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.loopback import HOST
from tests.servers import LOOPBACK, ROOT, binary, free_port

COMPOSE = ROOT / "docker-compose.yml"
NOTHING = ROOT / "config" / "no-secret"
OURS = f"exai-exporter:{__version__}"
NATIVE = {
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "node-exporter": "node_exporter",
}
"""The service and the binary of the same server."""
NEWER = {"alertmanager": {"enable-feature"}}
"""Flags that the image's Alertmanager knows, and Debian's 0.25 does not."""


def resolved(dotenv: Path = NOTHING, **variables: str) -> dict[str, Any]:
    """The file as docker-compose 1.29 understands it, all anchors and variables resolved, beside a `.env`."""
    command = (
        binary("docker-compose"),
        "-f",
        str(COMPOSE),
        "--env-file",
        str(dotenv),
        "--profile",
        "demo",
        "--profile",
        "node",
        "config",
    )
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
    assert len(published) == len(PARTS)
    assert all(port.startswith(f"{LOOPBACK}:") for port in published)


def test_only_setup_has_a_network_mode_of_its_own_and_it_is_none(services: dict[str, dict[str, Any]]) -> None:
    modes = {name: service["network_mode"] for name, service in services.items() if "network_mode" in service}
    assert modes == {"setup": "none"}


def test_exai_bind_publishes_the_parts_but_never_the_stores() -> None:
    opened = resolved(EXAI_BIND="0.0.0.0", EXAI_REDIS_PORT="6390")["services"]
    for part in PARTS:
        assert opened[part]["ports"][0].startswith("0.0.0.0:")
    assert opened["redis"]["ports"] == [f"{LOOPBACK}:6390:6379/tcp"]


@pytest.mark.parametrize(
    ("store", "variable", "port"), [("redis", "EXAI_REDIS_PORT", 6379), ("postgres", "EXAI_POSTGRES_PORT", 5432)]
)
def test_a_store_is_published_only_where_its_port_is_set(store: str, variable: str, port: int) -> None:
    opened = resolved(**{variable: "7000"})["services"]
    assert [name for name in ("redis", "postgres") if opened[name].get("ports")] == [store]
    assert opened[store]["ports"] == [f"{LOOPBACK}:7000:{port}/tcp"]


def test_the_parts_are_published_where_up_looks_for_them(services: dict[str, dict[str, Any]]) -> None:
    for part, address in Endpoints.from_environment({}).parts().items():
        assert services[part]["ports"] == [f"{address}:{address.port}/tcp"]


def test_every_image_is_pinned_to_one_version(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert re.search(r":v?\d+(\.\d+){1,2}(-alpine)?$", service["image"]), name
    assert {service["image"] for service in services.values() if "build" in service} == {OURS}
    assert re.match(r"FROM python:3\.11\.\d+-slim-bookworm\n", (ROOT / "Dockerfile").read_text())


def test_every_service_is_hardened_and_setup_alone_has_capabilities(services: dict[str, dict[str, Any]]) -> None:
    added = {name: service["cap_add"] for name, service in services.items() if "cap_add" in service}
    # All are among those that Docker gives by default; none reaches a file outside the container's mounts.
    assert added == {"setup": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
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
    assert once == {"demo-blocks", "demo-past", "setup"}
    for name, service in services.items():
        assert service["restart"] == ("no" if name in once else "unless-stopped")


def test_every_service_that_stays_has_a_healthcheck(services: dict[str, dict[str, Any]]) -> None:
    unwatched = {name for name, service in services.items() if "healthcheck" not in service}
    assert unwatched == {"demo-blocks", "demo-past", "setup"}


def test_one_service_builds_the_image_and_starts_before_all_that_run_it(services: dict[str, dict[str, Any]]) -> None:
    ours = {name for name, service in services.items() if service["image"] == OURS}
    assert [name for name, service in services.items() if "build" in service] == ["setup"]
    for name in ours - {"setup", "demo", "demo-past"}:
        assert services[name]["depends_on"]["setup"]["condition"] == "service_completed_successfully"


def test_our_own_containers_hand_a_sigterm_on_from_their_first_moment(services: dict[str, dict[str, Any]]) -> None:
    assert all(service.get("init") for service in services.values() if service["image"] == OURS)


@pytest.mark.parametrize("name", ["exporter", "alertmanager", "grafana", "database", "redis-exporter", "demo"])
def test_what_talks_to_servers_of_the_user_reaches_this_machine(services: dict[str, dict[str, Any]], name: str) -> None:
    assert services[name]["extra_hosts"] == [f"{HOST}:host-gateway"]


def test_the_exporter_is_watched_by_its_readiness(services: dict[str, dict[str, Any]]) -> None:
    check = services["exporter"]["healthcheck"]["test"]
    assert check[:3] == ["CMD", "python", "-c"]
    assert "/readyz" in check[3]
    compile(check[3], "healthcheck", "exec")


def test_no_secret_has_a_default(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|WEBHOOK|TOKEN|SECRET", key):
                assert not value or value.startswith(("/run/", "$$__file{/run/")), (name, key)


def test_secret_files_reach_the_one_service_that_reads_them(
    services: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    webhook = tmp_path / "webhook"
    webhook.write_text("https://hooks.slack.example/x")
    document = resolved(SLACK_WEBHOOK_URL_FILE=str(webhook))
    assert document["secrets"]["slack_webhook_url"]["file"] == str(webhook)
    assert [name for name, service in services.items() if service.get("secrets")] == ["setup"]


def test_each_container_sees_its_own_files_alone(services: dict[str, dict[str, Any]]) -> None:
    seen: dict[str, set[str]] = {}
    for name, service in services.items():
        for mount in service.get("volumes", []):
            seen.setdefault(mount.partition(":")[0], set()).add(name)
    for consumer in ("exporter", "prometheus", "alertmanager", "grafana", "postgres", "postgres-exporter"):
        assert seen[f"{consumer}-config"] == {"setup", consumer}
    assert seen["exporter-state"] == {"setup", "exporter", "database", "demo"}


def test_setup_writes_where_each_container_looks(services: dict[str, dict[str, Any]]) -> None:
    mounted = dict(mount.split(":")[:2] for mount in services["setup"]["volumes"] if not mount.startswith("/"))
    assert {path: volume for volume, path in mounted.items() if path.startswith("/run/exai/")} == {
        f"/run/exai/{name}": f"{name}-config" for name in setup.OWNERS
    }
    for name in setup.OWNERS:
        assert f"{name}-config:/run/exai:ro" in services[name]["volumes"]


def service_url() -> str:
    """What the exporter is told of the bundle's own database."""
    return str(resolved()["services"]["exporter"]["environment"]["EXAI_DATABASE_URL"])


def test_who_asks_the_database_is_told_of_the_bundles_own_or_of_the_one_that_is_named() -> None:
    assert tokens.is_the_bundles(service_url())
    named = resolved(EXAI_DATABASE_URL="postgresql://u@db.example/x")["services"]
    for name in ("exporter", "database", "demo"):
        assert named[name]["environment"]["EXAI_DATABASE_URL"] == "postgresql://u@db.example/x"


def test_grafana_is_told_of_files_that_setup_gives_it(services: dict[str, dict[str, Any]]) -> None:
    files = setup.grafana_files(ROOT / "grafana", b"one", b"two")
    environment = services["grafana"]["environment"]
    for key in ("GF_PATHS_PROVISIONING", "EXAI_DASHBOARDS_PATH", "EXAI_POSTGRES_DASHBOARDS_PATH"):
        directory = environment[key].removeprefix("/run/exai/")
        assert any(name.startswith(f"{directory}/") for name in files), key
    assert files[environment["GF_SECURITY_ADMIN_PASSWORD__FILE"].removeprefix("/run/exai/")] == b"one"
    source = files["provisioning-postgres/datasources/postgres.yml"]
    assert isinstance(source, bytes)
    password = re.fullmatch(r"\$\$__file\{/run/exai/([^}]+)\}", environment["GRAFANA_POSTGRES_PASSWORD"])
    assert password
    assert files[password[1]] == b"two"
    assert set(re.findall(r"\$\{([A-Z_]+)\}", source.decode())) <= environment.keys()


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


@pytest.mark.parametrize("name", ["exporter", "setup", "database", "demo", "demo-past"])
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


def test_the_demo_asks_the_exporter_beside_it_whether_it_is_a_demo(services: dict[str, dict[str, Any]]) -> None:
    assert "--exporter" not in argv(services["demo"]), "one that is named is not asked"
    assert services["demo"]["environment"]["EXAI_LISTEN"] == "exporter:9464"
    assert "--on-call" in argv(services["demo"])
    named = resolved(EXAI_ENVIRONMENT="demo")["services"]
    told = {name for name, service in named.items() if service.get("environment", {}).get("EXAI_ENVIRONMENT") == "demo"}
    assert told == {"setup", "exporter", "demo-past"}


def test_nothing_real_reaches_the_demo_though_it_is_in_the_file_that_compose_reads(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("https://real.example")
    real = {
        "EXAI_REDIS_URL": "redis://real", "EXAI_DATABASE_URL": "postgresql://u@real/d", "EXAI_CONFIG": "real.yml",
        "GRAFANA_POSTGRES_URL": "real:5432", "MOONSHOT_API_KEY": "real", "SLACK_WEBHOOK_URL": "https://real.example",
        "SMTP_PASSWORD_FILE": str(secret), "EXAI_WATCHDOG_URL_FILE": str(secret), "EXAI_ALERT_FILE": "real.jsonl",
    }  # fmt: skip
    dotenv = tmp_path / ".env"
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in real.items()))
    assert json.dumps(resolved(dotenv)).count("real") > len(real)
    bundle = ComposeBundle(demo_environment(real), print)
    document = resolved(dotenv, **bundle.env)
    assert "real" not in json.dumps(document).replace(str(ROOT), "")
    assert {Path(secret["file"]) for secret in document["secrets"].values()} == {NOTHING}
    assert document["services"]["setup"]["environment"]["EXAI_NOTIFY"] == "false"


def test_the_demo_is_a_project_of_its_own_which_hints_name() -> None:
    real, demo = ComposeBundle({}, print), ComposeBundle(demo_environment({}), print)
    assert demo.env["COMPOSE_PROJECT_NAME"] == demo.project == "exai-demo"
    assert demo.is_demo
    assert not real.is_demo
    assert " -p exai-demo exec exporter cat " in demo.grafana_password
    assert " -p " not in real.grafana_password


def test_the_name_of_the_project_is_that_of_compose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "ROOT", Path("/home/me/My.Clone_1"))
    assert containers.project_name({}) == "myclone_1"
    assert containers.project_name({"COMPOSE_PROJECT_NAME": "Mine-2"}) == "mine-2"


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
