"""What we send is also shown: every family is on a panel, itself or in what rules record of it, or it says why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import yaml

from exporter.conventions import FAMILIES
from tests.grafana.shipped import GRAFANA, targets
from tests.promql import rules, series_names

NOT_SHOWN: dict[str, str] = yaml.safe_load((GRAFANA / "not_shown.yml").read_text()) or {}


def recorded() -> dict[str, set[str]]:
    """The series that each recorded one is made of."""
    made: dict[str, set[str]] = {}
    for rule in rules():
        if "record" in rule:
            made.setdefault(rule["record"], set()).update(series_names(rule["expr"]))
    return made


def behind(names: Iterable[str], made_of: Mapping[str, set[str]]) -> set[str]:
    """These series, and all that they are made of."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        found |= waiting
        waiting = {name for each in waiting for name in made_of.get(each, ())} - found
    return found


def shown() -> set[str]:
    """The families that panels draw."""
    names = behind({name for target in targets() for name in series_names(target.expression())}, recorded())
    return {family.name for family in FAMILIES.values() if names & set(family.series_names)}


def test_every_family_is_on_a_panel_or_says_why_it_is_not() -> None:
    assert sorted(FAMILIES.keys() - shown() - NOT_SHOWN.keys()) == []


def test_what_is_not_shown_is_a_family_that_no_panel_shows() -> None:
    assert sorted(NOT_SHOWN.keys() - FAMILIES.keys()) == []
    assert sorted(NOT_SHOWN.keys() & shown()) == []


def test_what_is_not_shown_has_its_reason() -> None:
    assert [family for family, because in NOT_SHOWN.items() if len(because.split()) < 4] == []


def test_a_family_is_found_behind_the_series_that_are_recorded_of_it() -> None:
    made_of = {"a:b:c": {"d:e:f", "one"}, "d:e:f": {"two", "a:b:c"}, "g:h:i": {"three"}}
    assert behind(["a:b:c"], made_of) == {"a:b:c", "d:e:f", "one", "two"}
