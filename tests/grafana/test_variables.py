"""Each variable of a board offers the values that fit the one before: service, provider, model."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping

import pytest

from exporter.bundle.programs import find_grafana
from tests import servers
from tests.blocks import prometheus_of
from tests.grafana.browser import CHROMIUM, Screen, screen
from tests.grafana.shipped import BOARDS, Choice, choices
from tests.grafana.test_grafana_live import grafana_server

MODELS = {"kimi": {"kimi-k2", "kimi-thinking"}, "glm": {"glm-4.6"}, "openai": {"gpt-4o"}}
SERVICES = {"kimi", "glm", "redis"}
FOUND = find_grafana(os.environ)


def chained(variable: str, by: str) -> list[Choice]:
    """The variables of that name on the boards that have the other one too."""
    return [each for each in choices() if each.json["name"] == variable and by in names(each)]


def names(choice: Choice) -> set[str]:
    return {each["name"] for each in choice.board["templating"]["list"]}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Prometheus]:
    """A Prometheus that knows services, providers and models of the last quarter of an hour."""
    calls = "gen_ai_client_operation_duration_seconds_count"
    series = [
        *(f'exai_connection_events_total{{connection_type="{service}"}}' for service in SERVICES),
        *(
            f'{calls}{{gen_ai_provider_name="{provider}",gen_ai_request_model="{model}"}}'
            for provider, models in MODELS.items()
            for model in models
        ),
    ]
    now = int(time.time())
    samples = (f"{each} {moment} {moment}" for each in series for moment in range(now - 900, now + 1, 15))
    with prometheus_of(tmp_path_factory.mktemp("variables"), samples) as server:
        yield server


def offered(prometheus: servers.Prometheus, choice: Choice, chosen: Mapping[str, str]) -> set[str]:
    rows = prometheus.query(f"group by ({choice.label}) (last_over_time({choice.selector(chosen)}[15m]))")
    return {row["metric"][choice.label] for row in rows}


@pytest.mark.parametrize("choice", chained("provider", "service"), ids=str)
def test_the_provider_is_one_of_the_services(choice: Choice, prometheus: servers.Prometheus) -> None:
    assert offered(prometheus, choice, {}) == MODELS.keys()
    assert offered(prometheus, choice, {"service": "kimi"}) == {"kimi"}
    assert offered(prometheus, choice, {"service": "(kimi|redis)"}) == {"kimi"}


@pytest.mark.parametrize("choice", chained("model", "provider"), ids=str)
def test_the_model_is_one_of_the_providers(choice: Choice, prometheus: servers.Prometheus) -> None:
    assert offered(prometheus, choice, {}) == set().union(*MODELS.values())
    assert offered(prometheus, choice, {"provider": "kimi"}) == MODELS["kimi"]
    assert offered(prometheus, choice, {"provider": "(kimi|glm)"}) == MODELS["kimi"] | MODELS["glm"]


@pytest.mark.parametrize("choice", chained("model", "service"), ids=str)
def test_the_model_is_one_of_the_services_whatever_the_provider(choice: Choice, prometheus: servers.Prometheus) -> None:
    assert offered(prometheus, choice, {"service": "kimi"}) == MODELS["kimi"]
    assert offered(prometheus, choice, {"service": "(kimi|glm)", "provider": "glm"}) == MODELS["glm"]


def test_all_boards_with_these_variables_are_looked_at() -> None:
    assert {each.board["uid"] for each in chained("model", "service")} == {
        "exai-compare", "exai-errors", "exai-gateway-overview",
    }  # fmt: skip
    assert {each.board["uid"] for each in chained("model", "provider")} > {"exai-providers-timeouts"}


@pytest.fixture(scope="module")
def window(prometheus: servers.Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A browser's window on a Grafana over it."""
    with grafana_server(tmp_path_factory.mktemp("grafana"), prometheus) as grafana, screen(grafana.url) as opened:
        yield opened


@pytest.mark.skipif(FOUND is None, reason="no Grafana: set GRAFANA_HOME to one")
@pytest.mark.skipif(not CHROMIUM, reason="no browser: apt-get install chromium")
@pytest.mark.parametrize("uid", [each.board["uid"] for each in chained("model", "service")])
def test_grafana_offers_the_models_of_the_chosen_service(uid: str, window: Screen) -> None:
    (board,) = (each for each in BOARDS if each["uid"] == uid)
    assert window.offered(board, "Model", "var-service=kimi") == {"All", *MODELS["kimi"]}
    assert window.offered(board, "Provider", "var-service=kimi") == {"All", "kimi"}
