"""What every board must have, so that a person at three in the morning reads it right."""

from __future__ import annotations

import re
from itertools import product

import pytest

from exporter.thresholds.shipped import read
from grafana.panels import colours
from tests.grafana.shipped import BOARDS, POSTGRES, WITH_POSTGRES, Json, drawn, every, panels
from tests.servers import ROOT

pytestmark = pytest.mark.parametrize("board", BOARDS, ids=[board["uid"] for board in BOARDS])

SEVERAL_SERIES = {"timeseries", "barchart"}
ONE_VALUE = {"series"}
"""Variables of which a board is about one value at a time."""
ORDER = ["datasource", "postgres", "service", "error_type", "provider", "model"]
NARROWED_BY = {"error_type": "service", "provider": "service", "model": "provider", "predictor": "api"}
"""How variables follow each other, and which one's choice leaves the next fewer values."""
SHIPPED = {threshold.value for threshold in read(ROOT / "config/thresholds.yml").values()}
HEX = re.compile(r"#[0-9A-Fa-f]{6}")
PALETTE = {value for value in vars(colours).values() if isinstance(value, str) and HEX.fullmatch(value)}
COLOURED = ("color", "fixedColor", "iconColor")


def test_the_uid_is_one_that_grafana_takes(board: Json) -> None:
    assert re.fullmatch(r"exai-[a-z0-9-]{1,35}", board["uid"])


def test_its_title_is_its_own_and_it_says_what_it_is_for(board: Json) -> None:
    assert [other["uid"] for other in BOARDS if other["title"] == board["title"]] == [board["uid"]]
    assert board["description"].endswith((".", "?"))


def test_it_opens_on_the_last_quarter_of_an_hour_or_on_the_last_day_of_tables_and_is_soon_renewed(board: Json) -> None:
    assert board["time"] == {"from": "now-24h" if board in WITH_POSTGRES else "now-15m", "to": "now"}
    assert board["refresh"] == "5s"
    assert board["timepicker"]["refresh_intervals"][0] == "5s"


def test_the_crosshair_is_shared(board: Json) -> None:
    assert board["graphTooltip"] == 1


def test_firing_alerts_are_its_annotations(board: Json) -> None:
    (alerts,) = board["annotations"]["list"]
    assert alerts["enable"]
    assert alerts["target"]["expr"] == (
        'count by (alertname, severity) (ALERTS{alertstate="firing", alertname!="Watchdog"})'
    )
    assert "expr" not in alerts


def test_it_leads_to_the_other_boards_with_its_time_and_its_variables(board: Json) -> None:
    (link,) = board["links"]
    assert (link["type"], link["keepTime"], link["includeVars"]) == ("dashboards", True, True)
    assert all(set(link["tags"]) <= set(other["tags"]) for other in BOARDS)


def test_a_link_leads_to_a_shipped_board(board: Json) -> None:
    urls = [str(part["url"]) for part in every(board) if str(part.get("url")).startswith("/d/")]
    assert {re.split(r"[/?]", url)[2] for url in urls} <= {other["uid"] for other in BOARDS}
    assert all("${__url_time_range}" in url for url in urls)


def test_variables_of_one_name_are_alike_on_every_board(board: Json) -> None:
    """Except that a board which asks for no service narrows nothing by it."""
    mine, narrowed = board["templating"]["list"], narrows(board)
    shared = {
        each["name"]: each for other in BOARDS if narrows(other) == narrowed for each in other["templating"]["list"]
    }
    assert all(variable == shared[variable["name"]] for variable in mine)


def narrows(board: Json) -> bool:
    return any(variable["name"] == "service" for variable in board["templating"]["list"])


def test_the_data_sources_are_variables_everywhere(board: Json) -> None:
    sources = [variable for variable in board["templating"]["list"] if variable["type"] == "datasource"]
    kinds = ["prometheus", POSTGRES] if board in WITH_POSTGRES else ["prometheus"]
    assert [source["query"] for source in sources] == kinds
    assert [source["name"] for source in sources] == ["datasource", "postgres"][: len(kinds)]
    named = {str(part["datasource"]) for part in every(board) if "datasource" in part}
    expected = zip(kinds, sources, strict=True)
    assert named == {str({"type": kind, "uid": f"${{{source['name']}}}"}) for kind, source in expected}


def test_the_other_variables_take_several_values_or_all(board: Json) -> None:
    for variable in board["templating"]["list"]:
        if variable["type"] != "query" or variable["name"] in ONE_VALUE:
            continue
        assert variable["multi"]
        assert variable["includeAll"]
        assert variable["current"]["value"] == ["$__all"]
        assert variable["allValue"] == ".*"
        assert variable["label"]


def test_variables_are_chained(board: Json) -> None:
    queries = {each["name"]: str(each["query"]) for each in board["templating"]["list"]}
    assert [name for name in queries if name in ORDER] == [name for name in ORDER if name in queries]
    for name, narrower in NARROWED_BY.items():
        free = name == "provider" and narrower not in queries
        assert free or name not in queries or f'=~"${narrower}"' in queries[name]


def test_it_has_thirty_panels_at_most(board: Json) -> None:
    assert 0 < len(panels(board)) <= 30


def test_a_repeated_panel_comes_once_for_each_value_of_a_variable_side_by_side_in_a_line_of_its_own(
    board: Json,
) -> None:
    names = {variable["name"] for variable in board["templating"]["list"] if variable.get("multi")}
    for panel in panels(board):
        repetition = {key: panel[key] for key in ("repeat", "repeatDirection", "maxPerRow") if key in panel}
        if repetition:
            assert repetition.pop("repeat") in names
            assert repetition == {"repeatDirection": "h", "maxPerRow": 6}
            assert panel["gridPos"]["w"] == 24


def test_ids_are_unique(board: Json) -> None:
    ids = [panel["id"] for panel in panels(board)]
    assert len(set(ids)) == len(ids)


def test_panels_fill_the_grid_without_overlap_or_hole(board: Json) -> None:
    cells: list[tuple[int, int]] = []
    for panel in board["panels"]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        cells += product(columns, range(place["y"], place["y"] + place["h"]))
    bottom = max(row for _, row in cells) + 1
    assert sorted(cells) == sorted(product(range(24), range(bottom)))


def test_every_panel_has_a_title_of_its_own(board: Json) -> None:
    titles = [panel["title"] for panel in panels(board)]
    assert all(titles)
    assert len(set(titles)) == len(titles)


def test_no_panel_is_drawn_twice(board: Json) -> None:
    asked = [
        (panel["type"], [target.get("expr") or target["rawSql"] for target in panel["targets"]])
        for panel in drawn(board)
        if panel.get("targets")
    ]
    assert [each for place, each in enumerate(asked) if each in asked[:place]] == []


def test_every_panel_says_what_to_do(board: Json) -> None:
    for panel in drawn(board):
        assert len(panel["description"].split(". ")) >= 2, panel["title"]
        assert panel["description"].endswith((".", "?")), panel["title"]


def test_every_number_has_a_unit(board: Json) -> None:
    for panel in drawn(board):
        if panel.get("targets"):
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_several_lines_have_a_table_on_the_right_as_their_legend(board: Json) -> None:
    for panel in drawn(board):
        if panel["type"] in SEVERAL_SERIES:
            legend = panel["options"]["legend"]
            assert (legend["displayMode"], legend["placement"], legend["showLegend"]) == ("table", "right", True)
            assert legend["calcs"] or panel["type"] == "barchart"


def test_no_line_across_is_a_threshold_that_is_written_down_once_more(board: Json) -> None:
    for panel in drawn(board):
        defaults = panel["fieldConfig"]["defaults"]
        if defaults.get("custom", {}).get("thresholdsStyle", {}).get("mode", "off") != "off":
            assert not SHIPPED & {step["value"] for step in defaults["thresholds"]["steps"]}, panel["title"]


def test_every_colour_is_of_the_palette(board: Json) -> None:
    written = {found for part in every(board) for value in part.values() for found in HEX.findall(str(value))}
    named = {part[key] for part in every(board) for key in COLOURED if isinstance(part.get(key), str)}
    assert written | named <= PALETTE | {colours.CLEAR}


def test_a_name_has_the_same_colour_on_every_panel(board: Json) -> None:
    seen: dict[str, set[str]] = {}
    for part in every(board):
        if part.get("matcher", {}).get("id") == "byName":
            painted = [each["value"] for each in part.get("properties", []) if each["id"] == "color"]
            for color in painted:
                seen.setdefault(part["matcher"]["options"], set()).add(str(color))
    assert {name: found for name, found in seen.items() if len(found) > 1} == {}
