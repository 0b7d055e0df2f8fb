"""What Grafana 12.3.3 makes of grafanalib 0.7.1, measured: one test a rule, on every board that is shipped."""

from __future__ import annotations

import re

import pytest

from tests.grafana.defects import defects
from tests.grafana.shipped import BOARDS, POSTGRES, Json, drawn, every, panels, sql_targets, targets

PANELS = [panel for board in BOARDS for panel in drawn(board)]
TARGETS = [target.json for target in targets()]
SQL_TARGETS = [target.json for target in sql_targets()]

JUNK_OF_TARGETS = {"intervalFactor", "step", "metric", "target", "query"}
JUNK_OF_PANELS = {
    "cacheTimeout", "editable", "error", "height", "hideTimeOverride", "interval", "links", "maxDataPoints",
    "minSpan", "span", "timeFrom", "timeShift", "color", "columns",
    "fontSize", "mappings", "limit", "dashboardTags", "nameFilter", "onlyAlertsOnDashboard", "show", "sortOrder",
    "stateFilter",
}  # fmt: skip
JUNK_OF_BOARDS = {
    "__inputs", "gnetId", "hideControls", "style", "sharedCrosshair", "rows", "dashboard", "id", "version"
}  # fmt: skip
DEAD_PANELS = {"graph", "singlestat", "grafana-piechart-panel", "flant-statusmap-panel", "natel-discrete-panel"}


def of_type(*types: str) -> list[Json]:
    found = [panel for panel in PANELS if panel["type"] in types]
    assert found
    return found


def test_no_target_carries_what_grafana_ignores_or_misreads() -> None:
    asked = [*TARGETS, *SQL_TARGETS]
    assert [sorted(JUNK_OF_TARGETS & target.keys()) for target in asked if JUNK_OF_TARGETS & target.keys()] == []


def test_no_panel_carries_what_grafana_ignores_or_misreads() -> None:
    assert {panel["title"]: found for panel in PANELS if (found := JUNK_OF_PANELS & panel.keys())} == {}


def test_no_board_carries_what_grafana_ignores_or_misreads() -> None:
    for board in BOARDS:
        assert not JUNK_OF_BOARDS & board.keys()
        assert "nowDelay" not in board["timepicker"]


def test_the_schema_version_is_41() -> None:
    assert {board["schemaVersion"] for board in BOARDS} == {41}


def test_every_panel_and_target_names_the_data_source_as_an_object() -> None:
    prometheus = {"type": "prometheus", "uid": "${datasource}"}
    postgres = {"type": POSTGRES, "uid": "${postgres}"}
    assert all(target["datasource"] == prometheus for target in TARGETS)
    assert all(target["datasource"] == postgres for target in SQL_TARGETS)
    assert all(panel["datasource"] in (prometheus, postgres) for panel in PANELS)


def test_a_panel_asks_one_data_source() -> None:
    assert all(target["datasource"] == panel["datasource"] for panel in PANELS for target in panel.get("targets", []))


def test_sql_is_written_as_code_for_a_table_or_a_time_series() -> None:
    assert SQL_TARGETS
    for target in SQL_TARGETS:
        assert (target["rawQuery"], target["editorMode"]) == (True, "code")
        assert target["format"] in {"table", "time_series"}


def test_ref_ids_are_set_and_unique_in_their_panel() -> None:
    for panel in PANELS:
        ids = [target["refId"] for target in panel.get("targets", [])]
        assert all(ids)
        assert len(set(ids)) == len(ids), panel["title"]


def test_no_threshold_list_is_empty_and_the_lowest_step_has_no_value() -> None:
    for part in every(BOARDS):
        if isinstance(part.get("thresholds"), dict):
            assert part["thresholds"]["steps"][0]["value"] is None
            assert all(step.keys() == {"color", "value"} for step in part["thresholds"]["steps"])


def test_every_panel_has_the_plugin_version_of_the_modern_form() -> None:
    assert {panel["pluginVersion"] for panel in PANELS} == {"12.3.3"}


def test_a_question_is_instant_or_ranged_and_a_table_is_instant() -> None:
    assert all(target["instant"] is not target["range"] for target in TARGETS)
    assert all(target["instant"] for target in TARGETS if target["format"] == "table")


def test_exemplars_are_asked_for_or_not_but_never_left_to_guess() -> None:
    assert all(isinstance(target["exemplar"], bool) for target in TARGETS)


def test_rows_are_panels_with_a_place() -> None:
    for board in BOARDS:
        for row in (panel for panel in panels(board) if panel["type"] == "row"):
            assert row["gridPos"]["w"] == 24
            assert row["collapsed"] or row["panels"] == []


def test_no_legend_is_hidden_by_its_display_mode() -> None:
    found = [panel.get("options", {}).get("legend", {}) for panel in PANELS]
    legends = [legend for legend in found if "showLegend" in legend]
    assert legends
    assert all(legend["displayMode"] in {"list", "table"} for legend in legends)
    assert all(isinstance(legend["showLegend"], bool) for legend in legends)


def test_a_stat_shows_the_last_value_and_never_hides_that_there_is_none() -> None:
    for panel in of_type("stat"):
        assert panel["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]
        assert panel["fieldConfig"]["defaults"].get("noValue", "Needs ").startswith("Needs ")
        mappings = panel["fieldConfig"]["defaults"].get("mappings", [])
        assert all(mapping["type"] == "value" for mapping in mappings)


def test_no_line_is_drawn_where_there_is_no_value() -> None:
    """Grafana draws the text for no value in gaps if JavaScript makes a number of it, which it does of an empty one."""
    for panel in of_type("timeseries"):
        texts = [part["value"] for part in every(panel["fieldConfig"]) if part.get("id") == "noValue"]
        assert not [text for text in texts if not re.search(r"[^\s\d.]", text)], panel["title"]


def test_what_shows_a_state_of_now_asks_for_now() -> None:
    for panel in of_type("stat", "bargauge", "gauge"):
        assert all(target.get("instant") or target["format"] == "table" for target in panel["targets"]), panel["title"]


def test_a_gauge_keeps_its_unit_and_its_calculation() -> None:
    for panel in of_type("bargauge", "gauge"):
        assert "fieldOptions" not in panel["options"]
        assert panel["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_a_table_chooses_its_cells_by_cell_options() -> None:
    for panel in of_type("table"):
        custom = panel["fieldConfig"]["defaults"]["custom"]
        assert custom["cellOptions"]["type"]
        assert "displayMode" not in custom


def test_an_alert_list_has_every_option_that_grafana_reads() -> None:
    needed = {
        "viewMode", "groupMode", "groupBy", "maxItems", "sortOrder", "dashboardAlerts", "alertName",
        "alertInstanceLabelFilter", "stateFilter",
    }  # fmt: skip
    states = {"firing", "pending", "noData", "normal", "error", "recovering"}
    for panel in of_type("alertlist"):
        assert panel["options"].keys() == needed
        assert panel["options"]["stateFilter"].keys() == states


def test_a_state_timeline_is_coloured_by_its_value_mappings() -> None:
    for panel in of_type("state-timeline"):
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["color"]["mode"] == "palette-classic"
        assert "thresholds" not in defaults
        assert defaults["mappings"][0]["type"] == "value"


def test_value_mappings_are_of_a_form_that_grafana_reads() -> None:
    found = [mapping for part in every(BOARDS) for mapping in part.get("mappings", [])]
    assert found
    assert {mapping["type"] for mapping in found} <= {"value", "special"}


def test_no_old_or_dead_panel_is_used() -> None:
    assert not DEAD_PANELS & {panel["type"] for panel in PANELS}


@pytest.mark.parametrize("board", BOARDS, ids=[board["uid"] for board in BOARDS])
def test_a_file_is_the_bare_board(board: Json) -> None:
    assert {"panels", "templating", "uid", "title"} <= board.keys()


def test_no_panel_has_a_defect_of_its_kind() -> None:
    assert {panel["title"]: found for panel in PANELS if (found := defects(panel))} == {}


RANGED: Json = {"refId": "A", "format": "time_series", "legendFormat": "", "instant": False}
TABLE: Json = {"refId": "A", "format": "table", "legendFormat": "", "instant": True}


@pytest.mark.parametrize(
    ("panel", "found"),
    [
        (
            {"type": "heatmap", "targets": [RANGED]},
            [
                "calculates its buckets anew",
                "has no colour mode",
                "has no unit on its axis",
                "does not ask for buckets",
            ],
        ),
        ({"type": "status-history", "fieldConfig": {"defaults": {}}}, ["has no fill", "has no options"]),
        (
            {"type": "xychart", "targets": [RANGED], "options": {"mapping": "manual"}},
            [
                "does not say what is x and what is y",
                "draws one frame of each series",
                "does not ask for tables",
                "does not make a frame for each series",
            ],
        ),
        (
            {"type": "nodeGraph", "targets": [TABLE], "transformations": [{"id": "organize"}]},
            [
                "does not call its queries nodes and edges",
                "renames fields, which it then does not read",
                "does not say which fields are arcs, without which there are none",
            ],
        ),
        (
            {"type": "barchart", "options": {"xField": "call"}},
            ["writes the unit of its bars behind their names"],
        ),
        ({"type": "traces"}, ["reads tags as text, which break it"]),
        (
            {"type": "histogram", "fieldConfig": {"defaults": {"thresholds": {"steps": []}}}},
            ["is painted grey by an empty list of thresholds"],
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_the_defects_of_a_kind_would_be_found(panel: Json, found: list[str]) -> None:
    assert defects(panel) == found
