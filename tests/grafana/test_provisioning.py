"""What Grafana reads at its start: a mistake here stops it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana.shipped import GRAFANA

ALONE, WITH_POSTGRES = GRAFANA / "provisioning", GRAFANA / "provisioning-postgres"
FILES = sorted([*ALONE.glob("*/*.yml"), *WITH_POSTGRES.glob("*/*.yml")])


def data_sources(provisioning: Path) -> dict[str, Any]:
    """The data sources by their uids."""
    files = sorted((provisioning / "datasources").glob("*.yml"))
    return {source["uid"]: source for file in files for source in yaml.safe_load(file.read_text())["datasources"]}


@pytest.fixture
def sources() -> dict[str, Any]:
    return data_sources(ALONE)


@pytest.fixture
def provider() -> Any:
    (only,) = yaml.safe_load((ALONE / "dashboards/dashboards.yml").read_text())["providers"]
    return only


def test_the_uids_of_the_data_sources_are_fixed(sources: dict[str, Any]) -> None:
    assert sources.keys() == {"prometheus", "alertmanager"}


def test_there_is_one_default_data_source(sources: dict[str, Any]) -> None:
    assert [uid for uid, source in sources.items() if source.get("isDefault")] == ["prometheus"]


def test_prometheus_is_asked_by_post_at_the_pace_of_its_scrapes(sources: dict[str, Any]) -> None:
    options = sources["prometheus"]["jsonData"]
    assert (options["httpMethod"], options["timeInterval"]) == ("POST", "5s")


def test_the_rules_of_prometheus_are_shown_in_alert_lists(sources: dict[str, Any]) -> None:
    assert sources["prometheus"]["jsonData"]["manageAlerts"] is True


def test_the_boards_are_in_the_folder_exai_and_watched(provider: Any) -> None:
    assert provider["folder"] == "EXAI"
    assert 0 < provider["updateIntervalSeconds"] <= 10


def test_a_board_is_changed_in_its_code_only(provider: Any) -> None:
    assert provider["allowUiUpdates"] is False


def test_addresses_and_paths_come_from_the_environment(sources: dict[str, Any], provider: Any) -> None:
    assert sources["prometheus"]["url"] == "${PROMETHEUS_URL}"
    assert sources["alertmanager"]["url"] == "${ALERTMANAGER_URL}"
    assert provider["options"]["path"] == "${EXAI_DASHBOARDS_PATH}"


def test_postgres_adds_itself_and_a_link_from_exemplars_to_their_trace() -> None:
    alone, beside = data_sources(ALONE), data_sources(WITH_POSTGRES)
    (trace,) = beside["prometheus"]["jsonData"].pop("exemplarTraceIdDestinations")
    assert trace["name"] == "trace_id"
    assert trace["url"] == "/d/exai-trace?var-trace_id=$${__value.raw}"
    assert beside.pop("exai-postgres")["user"] == "${GRAFANA_POSTGRES_USER}"
    assert beside == alone


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parts[-3]}/{path.name}" for path in FILES])
def test_no_dollar_is_read_by_grafana_that_was_not_meant(path: Any) -> None:
    assert re.findall(r"\$(?!\$|\{[A-Z_]+\}|__file\b)", path.read_text().replace("$$", "")) == []
