"""The setup container gives each other one its files, and refuses wrong settings."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from exporter import tokens
from exporter.bundle import handover, loopback, setup
from exporter.bundle.handover import Owner
from exporter.settings import SettingsError
from tests.bundle.test_handover import needs_root
from tests.servers import ROOT


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the setup container, with its directories in `tmp_path`."""
    monkeypatch.setattr(setup, "_CLONE", ROOT)
    monkeypatch.setattr(setup, "_OUTPUT", tmp_path / "run")
    monkeypatch.setattr(setup, "_CONFIG", tmp_path / "config")
    (tmp_path / "run").mkdir()
    state = tmp_path / "state"
    return {
        "EXAI_STATE_DIR": str(state),
        "EXAI_DATABASE_URL": f"postgresql://postgres@postgres/exai?passfile={state}/postgres-passfile",
        "EXAI_REDIS_URL": "redis://redis:6379/0",
        "EXAI_ALERTS_URL": "http://exporter:9464/api/v1/alerts",
        "EXAI_ALERTS_TOKEN_FILE": "/run/exai/push-token",
    }


@needs_root
def test_every_file_belongs_to_the_container_that_reads_it(environ: dict[str, str], tmp_path: Path) -> None:
    setup.prepare(environ)
    expected = {tmp_path / "run" / name: owner for name, owner in setup.OWNERS.items()}
    expected |= {tmp_path / "state": Owner(10001, 10001), tmp_path / "config": Owner(10001, 10001)}
    for directory, owner in expected.items():
        for path in (directory, *directory.rglob("*")):
            if not path.is_symlink():
                assert (path.stat().st_uid, path.stat().st_gid) == owner, path
                assert path.stat().st_mode & 0o077 == 0, path


@needs_root
def test_passwords_are_the_same_on_both_sides_and_stay_through_a_second_run(
    environ: dict[str, str], tmp_path: Path
) -> None:
    setup.prepare(environ)
    state, run = tmp_path / "state", tmp_path / "run"
    copies = {
        "grafana/grafana-password": (state / tokens.GRAFANA_PASSWORD).read_text(),
        "grafana/grafana-database-password": (state / tokens.READER_PASSWORD).read_text(),
        "postgres-exporter/password": (state / tokens.READER_PASSWORD).read_text(),
        "postgres/password": tokens.make_for_database(state),
        "alertmanager/push-token": (state / "push-token").read_text(),
    }
    assert {name: (run / name).read_text() for name in copies} == copies
    setup.prepare(environ)
    assert {name: (run / name).read_text() for name in copies} == copies


@needs_root
def test_alertmanager_gets_its_channels_and_sends_the_push_token(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "slack").write_text("https://hooks.slack.example/services/x")
    (tmp_path / "slack").chmod(0o600)
    setup.prepare({**environ, "SLACK_WEBHOOK_URL_FILE": str(tmp_path / "slack")})
    config = yaml.safe_load((tmp_path / "run/alertmanager/alertmanager.yml").read_text())
    receivers = {receiver["name"]: receiver for receiver in config["receivers"]}
    assert receivers["critical"]["slack_configs"][0]["api_url"] == "https://hooks.slack.example/services/x"
    (hook,) = receivers["exporter"]["webhook_configs"]
    assert hook["url"] == "http://exporter:9464/api/v1/alerts"
    assert hook["http_config"]["authorization"]["credentials_file"] == "/run/exai/push-token"


def test_prometheus_gets_the_configuration_every_rule_and_the_targets_of_what_runs() -> None:
    files = setup.prometheus_files(ROOT / "prometheus", {})
    assert {f"rules/{path.name}" for path in (ROOT / "prometheus/rules").iterdir()} <= files.keys()
    assert files["prometheus.yml"] == (ROOT / "prometheus/prometheus.yml").read_bytes()
    assert "targets/node.yml" not in files
    jobs = {name.removeprefix("targets/").removesuffix(".yml") for name in files if name.startswith("targets/")}
    assert jobs == {"exporter", "prometheus", "alertmanager", "redis", "postgres"}
    with_node = setup.prometheus_files(ROOT / "prometheus", {"COMPOSE_PROFILES": "demo,node"})
    assert with_node.keys() - files.keys() == {"targets/node.yml"}


def test_an_environment_is_a_label_of_every_target_and_of_every_alert(tmp_path: Path) -> None:
    files = setup.prometheus_files(ROOT / "prometheus", {"EXAI_ENVIRONMENT": "staging"})
    handover.publish(files, tmp_path, Owner(os.geteuid(), os.getegid()))
    checked = subprocess.run(("promtool", "check", "config", tmp_path / "prometheus.yml"), check=False)
    assert checked.returncode == 0
    document = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    assert document["global"].pop("external_labels") == {"environment": "staging"}
    assert document == yaml.safe_load((ROOT / "prometheus/prometheus.yml").read_text())
    for shipped in (ROOT / "prometheus/targets/compose").glob("*.yml"):
        if shipped.name != "node.yml":
            (group,) = yaml.safe_load((tmp_path / "targets" / shipped.name).read_text())
            assert group == {**yaml.safe_load(shipped.read_text())[0], "labels": {"environment": "staging"}}


def test_grafana_gets_what_the_clone_has() -> None:
    files = setup.grafana_files(ROOT / "grafana", b"1", b"2")
    for tree in ("provisioning", "provisioning-postgres", "dashboards", "dashboards-postgres"):
        kept = {str(path.relative_to(ROOT / "grafana")) for path in (ROOT / "grafana" / tree).rglob("*.*")}
        assert kept <= files.keys()
    overview = files["dashboards/exai-gateway-overview.json"]
    assert isinstance(overview, bytes)
    assert json.loads(overview)["uid"] == "exai-gateway-overview"


@pytest.mark.parametrize("variable", ["EXAI_REDIS_URL", "EXAI_DATABASE_URL"])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "[::1]"])
def test_loopback_is_explained_before_anything_is_written(
    environ: dict[str, str], tmp_path: Path, variable: str, host: str
) -> None:
    scheme = "redis" if variable == "EXAI_REDIS_URL" else "postgresql"
    with pytest.raises(ValueError, match=f"^{variable}: in a container, .* Write host.docker.internal") as refused:
        setup.prepare({**environ, variable: f"{scheme}://user:secret@{host}:6379/0"})
    assert "secret" not in str(refused.value)
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize(
    "url", ["", "redis://redis:6379/0", "redis://host.docker.internal", "redis://[::1", "nonsense"]
)
def test_another_host_or_no_url_is_no_business_of_loopback(url: str) -> None:
    loopback.refuse_loopback({"EXAI_REDIS_URL": url})


@needs_root
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"EXAI_CONFIG": "/app/config/none.yml"}, "EXAI_CONFIG: /app/config/none.yml cannot be read"),
        ({"EXAI_ALERTMANAGER_URL": "ftp://x"}, "alertmanager_url: "),
        ({"EXAI_THRESHOLDS_FILE": "/nowhere.yml"}, "/nowhere.yml"),
        ({"SMTP_HOST": "mail"}, "SMTP_FROM"),
        ({"SLACK_WEBHOOK_URL_FILE": "/nowhere"}, "SLACK_WEBHOOK_URL_FILE"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], settings: dict[str, str], said: str) -> None:
    with pytest.raises((SettingsError, ValueError, OSError), match=said):
        setup.prepare({**environ, **settings})
