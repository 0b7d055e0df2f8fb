"""Four weeks under the shipped rules: two teach the bands, the third is quiet, the fourth has its incidents.

promtool plays them twice, a process each: the bands from the first week on, all other rules from the third on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from exporter.alerts.catalogue import RULES
from exporter.alerts.replaying.engine import Play, firing
from exporter.alerts.replaying.folding import constants
from exporter.alerts.replaying.intervals import Fired, intervals
from exporter.thresholds.effective import settings
from exporter.thresholds.shipped import read
from tests.alerts.four_weeks import DAY_S, END_S, INCIDENT_AT, LASTS_S, SLICE_S, WEEK_S, Weeks
from tests.servers import ROOT

SEEDS = (4, 1, 2, 3) if "ALL_INCIDENTS" in os.environ else (4,)
"""The others take as many minutes again: make incidents."""

BANDS = {"bands", "connections", "cache", "models"}
"""What is recorded of counters for the bands, and they themselves."""

WATCHED = ("exai_connection_e", "exai_connection_o", "exai_connection_r", "gen_ai_client_", "exai_cache_operations")
"""How the counters begin of which that is made."""

SUBJECTS = (
    *(f'service="{name}"' for name in ("websocket", "redis", "supabase", "kimi", "glm", "cache")),
    *(f'provider="kimi",model="kimi-{name}-preview"' for name in ("k2-0905", "k2-turbo", "thinking")),
    *(f'provider="glm",model="glm-{name}"' for name in ("4.6", "4.5-flash")),
)
ABOUT = ("service", "provider", "model", "implementation", "band", "direction")
SHIPPED = read(ROOT / "config/thresholds.yml")
OTHERS = {path.stem for path in RULES.glob("*.yml")} - {"bands"}

KIMI_MODELS = ("kimi-k2-0905-preview", "kimi-k2-turbo-preview", "kimi-thinking-preview")

MAY_BE_CUT_OFF = 0.01
"""The share of calls that take longer than their timeouts, as these promise."""

EXPECTED = {
    "slow-kimi": {
        "ExaiConnectionErrorRatioHigh warning kimi kimi": 10,
        "ExaiConnectionResponseSlow warning kimi kimi": 10,
        "ExaiModelLatencyHigh warning kimi kimi kimi-k2-0905-preview": 10,
        "ExaiModelLatencyHigh warning kimi kimi kimi-k2-turbo-preview": 10,
        "ExaiModelLatencyHigh warning kimi kimi kimi-thinking-preview": 10,
        "ExaiSloAvailabilityBurn warning kimi kimi": 400,
    },
    "redis-down": {
        "ExaiCacheErrorRatioHigh warning cache legacy": 10,
        "ExaiCacheErrorRatioHigh warning cache new": 10,
        "ExaiConnectionErrorRatioHigh warning redis": 10,
        "ExaiConnectionErrorRatioHigh critical redis": 10,
        "ExaiSloAvailabilityBurn critical redis": 60,
        "ExaiSloAvailabilityBurn warning redis": 400,
    },
    "error-burst": {
        "ExaiConnectionErrorRatioHigh warning kimi kimi": 10,
        "ExaiConnectionErrorRatioHigh critical kimi kimi": 10,
        "ExaiProviderRateLimited warning kimi kimi": 10,
        "ExaiSloAvailabilityBurn critical kimi kimi": 60,
        "ExaiSloAvailabilityBurn warning kimi kimi": 400,
    },
    # Supabase still answers within its thresholds.
    "third-call-slow": {},
    "model-drift": {
        "ExaiConnectionErrorRatioHigh warning glm glm": 10,
        "ExaiConnectionResponseSlow warning glm glm": 10,
        "ExaiModelLatencyHigh warning glm glm glm-4.6": 10,
    },
}
BANDS_LEFT = {
    "slow-kimi": {
        "ExaiBandLeft warning kimi kimi operation_error_ratio above": 10,
        "ExaiBandLeft warning kimi kimi latency above": 10,
        "ExaiBandLeft warning kimi kimi kimi-k2-0905-preview latency above": 10,
        "ExaiBandLeft warning kimi kimi kimi-k2-turbo-preview latency above": 10,
        "ExaiBandLeft warning kimi kimi kimi-thinking-preview latency above": 10,
    },
    # The cache answers nothing, so models do, and each of their answers is to be stored.
    "redis-down": {
        "ExaiBandLeft warning redis operation_error_ratio above": 10,
        "ExaiBandLeft warning redis request_rate above": 10,
        "ExaiBandLeft warning kimi kimi request_rate above": 10,
        "ExaiBandLeft warning glm glm request_rate above": 10,
        "ExaiBandLeft warning kimi kimi kimi-k2-0905-preview tokens above": 10,
        "ExaiBandLeft warning kimi kimi kimi-k2-turbo-preview tokens above": 10,
        "ExaiBandLeft warning kimi kimi kimi-thinking-preview tokens above": 10,
        "ExaiBandLeft warning glm glm glm-4.6 tokens above": 10,
    },
    # A call that is refused uses no tokens.
    "error-burst": {
        "ExaiBandLeft warning kimi kimi operation_error_ratio above": 10,
        **{f"ExaiBandLeft warning kimi kimi {model} tokens below": 10 for model in KIMI_MODELS},
    },
    "third-call-slow": {
        "ExaiBandLeft warning supabase latency above": 10,
    },
    # What takes six times as long times out more often.
    "model-drift": {
        "ExaiBandLeft warning glm glm operation_error_ratio above": 10,
        "ExaiBandLeft warning glm glm latency above": 10,
        "ExaiBandLeft warning glm glm glm-4.6 latency above": 10,
    },
}


@pytest.fixture(autouse=True)
def _memory_for_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """promtool collects garbage less often."""
    monkeypatch.setenv("GOGC", "300")


def fired(weeks: Weeks, rules: set[str], constant: Mapping[str, str]) -> list[Fired]:
    """What fires in the last two weeks, in seconds since the first Monday."""
    series = [*weeks.series(), *(weeks.constant(name, value) for name, value in constant.items())]
    test = Play(series, weeks.step_s, SLICE_S, END_S - weeks.since_s, 2 * WEEK_S - weeks.since_s)
    seen = firing(test, [RULES / f"{name}.yml" for name in sorted(rules)])
    return intervals(((second + weeks.since_s, alerts) for second, alerts in seen), SLICE_S, END_S)


def resolved() -> dict[str, str]:
    """The thresholds of the bands, as exai-thresholds resolves them for each subject."""
    deviations, seconds = (SHIPPED[name].value for name in ("band_deviations", "band_seconds"))
    name = "subject:exai_threshold:resolved"
    found = {f'{name}{{name="band_deviations",{subject}}}': repr(deviations) for subject in SUBJECTS}
    return {**found, f'{name}{{name="band_seconds"}}': repr(seconds)}


def in_turn(found: list[Fired], expected: Mapping[str, Mapping[str, int]]) -> None:
    """Each incident raises what is expected of it, in time, and nothing else is raised by anything.

    An alert is expected by its name and whom it is about; the number says how many minutes after the incident's end it
    may still fire.
    """
    for incident, at in INCIDENT_AT.items():
        today = [each for each in found if at <= each.since_s < at + DAY_S]
        assert {subject(each) for each in today} == set(expected[incident]), incident
        for name, minutes in expected[incident].items():
            spans = [each for each in today if subject(each) == name]
            assert min(each.since_s for each in spans) <= at + LASTS_S, name
            assert all(each.until_s and each.until_s <= at + LASTS_S + 60 * minutes for each in spans), name
    first = min(INCIDENT_AT.values())
    assert [subject(each) for each in found if each.since_s < first] == []
    assert [subject(each) for each in found if each.since_s >= max(INCIDENT_AT.values()) + DAY_S] == []


def by_chance(fired: Fired, weeks: Weeks) -> bool:
    """Return whether an alert on coverage is right about the day that the weeks are drawn from, day after day."""
    return fired.name == "ExaiTimeoutCoverageLow" and weeks.cut_off_shares()[fired.labels["model"]] > MAY_BE_CUT_OFF


def subject(fired: Fired) -> str:
    """The alert, how grave it is, whom it is about, and which band was left."""
    about = [
        fired.labels.get(name, "") for name in ("service", "provider", "model", "implementation", "band", "direction")
    ]
    return " ".join([fired.name, fired.labels["severity"], *(word for word in about if word not in ("", "all"))])


def test_every_rule_is_played() -> None:
    assert {path.stem for path in RULES.glob("*.yml")} == BANDS | OTHERS | {"thresholds"}


@pytest.mark.parametrize("seed", SEEDS)
def test_all_but_the_bands_are_quiet_for_a_week_and_then_see_each_incident(seed: int) -> None:
    weeks = Weeks(seed, 2 * WEEK_S, 48)
    found = fired(weeks, OTHERS, dict(constants(settings(SHIPPED))))
    in_turn([each for each in found if not by_chance(each, weeks)], EXPECTED)


@pytest.mark.parametrize("seed", SEEDS)
def test_bands_that_have_learned_two_weeks_are_quiet_for_one_and_then_left_in_each_incident(seed: int) -> None:
    found = fired(Weeks(seed, 0, 80, WATCHED), BANDS, resolved())
    in_turn(found, BANDS_LEFT)
