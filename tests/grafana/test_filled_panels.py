"""A gateway's own events fill a panel, or the panel says what would.

The gateway is the recorded one: its events alone reach a real Redis, exporter, Postgres and Prometheus.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.grafana.live import Live
from tests.grafana.recorded_gateway import watched
from tests.grafana.shipped import BOARDS, Asked, SqlTarget, Target, filler, sql_targets, targets
from tests.servers import ROOT, wait_until

FULL_WITHIN_S = 90
"""An alert fires after a minute, and a panel of alerts is full then."""

EMPTY = {None, 0, "", "not kept"}
"""What a row of Postgres holds where there is nothing."""

PANELS: dict[tuple[str, str], list[Asked]] = defaultdict(list)
for asked in (*targets(), *sql_targets()):
    if not re.search(r"(^| )alert$", asked.json.get("legendFormat", "")):
        PANELS[asked.board["uid"], asked.panel["title"]].append(asked)


DECLARED = {name: filler(asked[0].panel) for name, asked in PANELS.items()}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with watched(tmp_path_factory.mktemp("recorded")) as running:
        yield running


def has_data(live: Live, target: Asked) -> bool:
    if isinstance(target, Target):
        return bool(live.shown(target))
    assert isinstance(target, SqlTarget)
    now = datetime.now(UTC)
    with psycopg.connect(live.database, autocommit=True) as connection:
        rows = connection.execute(target.statement(now - timedelta(minutes=15), now)).fetchall()
    return any(set(row) - EMPTY for row in rows)


def is_full(live: Live, name: tuple[str, str]) -> bool:
    return any(has_data(live, target) for target in PANELS[name])


@pytest.mark.parametrize("name", [name for name in PANELS if not DECLARED[name]], ids=": ".join)
def test_a_panel_that_declares_no_filler_is_full(name: tuple[str, str], live: Live) -> None:
    wait_until(lambda: is_full(live, name), FULL_WITHIN_S, ": ".join(name))


def test_a_panel_that_declares_a_filler_is_not_full_without_it(live: Live) -> None:
    """This comes last, when all that is filled has been."""
    assert [name for name in PANELS if DECLARED[name] and is_full(live, name)] == []


def test_a_filler_is_shown_in_place_of_values_and_is_a_section_of_the_page() -> None:
    page = (ROOT / "docs/boards.md").read_text()
    sections = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", page, re.MULTILINE)}
    assert {section for section in DECLARED.values() if section} == sections
    for name, asked in PANELS.items():
        shown = asked[0].panel["fieldConfig"]["defaults"].get("noValue", "")
        assert shown.startswith("Needs ") == bool(DECLARED[name]), name


def test_the_page_has_a_row_for_each_board_that_names_its_fillers() -> None:
    page = (ROOT / "docs/boards.md").read_text()
    rows = {
        row[0].removesuffix(" (PostgreSQL)"): row[2]
        for row in re.findall(r"^\| (.+?) \|(.*?)\|(.*)\|$", page, re.MULTILINE)
    }
    for board in BOARDS:
        needed = {section for (uid, _), section in DECLARED.items() if uid == board["uid"] and section}
        assert set(re.findall(r"\(#([a-z-]+)\)", rows[board["title"]])) == needed, board["title"]
