"""The board of comparisons over a Prometheus that was there yesterday and a week ago."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests import servers
from tests.grafana.shipped import Target, targets

DAY_S = 86_400
RECORDED = "connection_type:exai_connection_events:rate5m"
COUNTER = "exai_cache_operations_total"
GAUGE = "exai_sessions_active"
TARGETS = [target for target in targets() if target.board["uid"] == "exai-compare"]
WINDOWS = {"rate_interval": "10m", "range": "30m"}


def samples(now: float) -> Iterator[str]:
    """4 now, 2 yesterday, 8 last week: recorded by service, four times that for ten minutes; a counter; a gauge."""
    days = [(7 * DAY_S, 8), (DAY_S, 2), (0, 4)]
    yield f"# TYPE {RECORDED} gauge"
    for service, times in (("kimi", 1), ("glm", 10)):
        for ago, level in days:
            for at in moments(now, ago):
                before = 4 if 900 < now - ago - at <= 1500 else 1
                yield f'{RECORDED}{{connection_type="{service}"}} {before * level * times} {at}'
    yield f"# TYPE {GAUGE} gauge"
    for ago, level in days:
        yield from (f'{GAUGE}{{job="exai-exporter",instance="a"}} {level} {at}' for at in moments(now, ago))
    yield f"# TYPE {COUNTER.removesuffix('_total')} counter"
    for instance in "ab":
        for ago, level in days:
            labels = f'implementation="new",operation="hit",instance="{instance}"'
            yield from (f"{COUNTER}{{{labels}}} {level * at / 2} {at}" for at in moments(now, ago))
    yield "# EOF\n"


def moments(now: float, ago: float) -> range:
    return range(int(now - ago) - 2400, int(now - ago) + 60, 60)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Prometheus]:
    home = tmp_path_factory.mktemp("compare")
    with servers.prometheus_server(home, {}) as server:
        server.stop()
        text = home / "days.om"
        text.write_text("\n".join(samples(time.time())))
        argv = [servers.binary("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
        subprocess.run([*argv, text, home / "prometheus/data"], check=True, capture_output=True)
        server.start()
        yield server


def shown(prometheus: servers.Prometheus, panel: str, **chosen: str) -> dict[str, dict[str, float]]:
    """What a panel shows: for each of its questions, the values by what they are of."""
    asked = [target for target in TARGETS if target.panel["title"] == panel]
    assert asked
    return {name(target): values(prometheus, target, chosen) for target in asked}


def name(target: Target) -> str:
    return str(
        target.json["legendFormat"].replace("{{subject}} ", "") if target.json["range"] else target.json["refId"]
    )


def values(prometheus: servers.Prometheus, target: Target, chosen: dict[str, str]) -> dict[str, float]:
    rows = prometheus.query(target.expression(chosen, **WINDOWS))
    subjects = (" ".join(row["metric"]["subject"].split()) for row in rows)
    return {subject: round(float(row["value"][1]), 3) for subject, row in zip(subjects, rows, strict=True)}


def test_a_recorded_series_is_shown_as_it_is_on_each_of_the_days(prometheus: servers.Prometheus) -> None:
    assert shown(prometheus, "Now, yesterday and a week ago") == {
        "now": {"kimi": 4, "glm": 40},
        "yesterday": {"kimi": 2, "glm": 20},
        "a week ago": {"kimi": 8, "glm": 80},
    }


def test_a_counter_is_read_as_a_rate_and_added_up_over_exporters(prometheus: servers.Prometheus) -> None:
    of = "new hit"
    assert shown(prometheus, "Now, yesterday and a week ago", series=COUNTER) == {
        "now": {of: pytest.approx(4, rel=0.01)},
        "yesterday": {of: pytest.approx(2, rel=0.01)},
        "a week ago": {of: pytest.approx(8, rel=0.01)},
    }


def test_the_change_is_the_share_above_or_below_that_day(prometheus: servers.Prometheus) -> None:
    changes = shown(prometheus, "Change", service="kimi")
    assert changes == {"to yesterday": {"kimi": 1}, "to last week": {"kimi": -0.5}}


def test_the_means_of_the_time_range_stand_beside_their_changes(prometheus: servers.Prometheus) -> None:
    table = shown(prometheus, "Means of this time range", service="(kimi|redis)")
    means = {"A": 8, "B": 4, "C": 16, "D": 1, "E": -0.5}
    assert table == {column: {"kimi": pytest.approx(mean, rel=0.1)} for column, mean in means.items()}


def test_a_choice_leaves_a_series_as_it_is_that_does_not_tell_those_apart(prometheus: servers.Prometheus) -> None:
    overlay = shown(prometheus, "Now, yesterday and a week ago", series=GAUGE, service="kimi", model="glm-4.6")
    assert overlay == {"now": {"": 4}, "yesterday": {"": 2}, "a week ago": {"": 8}}
