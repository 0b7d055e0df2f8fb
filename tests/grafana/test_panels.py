"""The constructors: what a board cannot get wrong, because they do not let it."""

from __future__ import annotations

import pytest

from grafana.panels import (
    POSTGRES,
    Query,
    SqlQuery,
    choice,
    colours,
    dashboard,
    fields,
    heatmap,
    layout,
    line,
    link,
    repeated,
    section,
    stat,
    status_history,
    steps,
    table,
    timeseries,
    words,
    xychart,
)
from tests.grafana.defects import defects


def test_targets_are_lettered_in_their_order() -> None:
    panel = timeseries("t", "d", [Query("a"), Query("b")], unit="s")
    assert [(target["refId"], target["expr"]) for target in panel["targets"]] == [("A", "a"), ("B", "b")]


def test_a_query_for_a_table_asks_for_now_as_a_table() -> None:
    panel = table("t", "d", [Query("a", table=True)], columns={"Value": "V"}, overrides=[], sort_by="V")
    (target,) = panel["targets"]
    assert (target["format"], target["instant"], target["range"]) == ("table", True, False)


def test_a_question_to_postgres_makes_a_panel_of_postgres() -> None:
    panel = table("t", "d", [SqlQuery("select 1 as one")], columns={"one": "One"}, overrides=[])
    (target,) = panel["targets"]
    assert (target["rawSql"], target["format"], target["rawQuery"]) == ("select 1 as one", "table", True)
    assert panel["datasource"] == target["datasource"] == POSTGRES


def test_a_question_to_postgres_over_time_asks_for_series() -> None:
    (target,) = timeseries("t", "d", [SqlQuery("select 1", over_time=True)], unit="s")["targets"]
    assert target["format"] == "time_series"


def test_a_table_keeps_the_order_of_its_query_unless_it_is_told_another() -> None:
    asked = [SqlQuery("select 1 as one")]
    kept, sorted_by = (table("t", "d", asked, columns={}, overrides=[], sort_by=by) for by in ("", "One"))
    assert "sortBy" not in kept["options"] or kept["options"]["sortBy"] == []
    assert sorted_by["options"]["sortBy"] == [{"displayName": "One", "desc": True}]


def test_a_board_has_a_variable_for_each_data_source_that_it_asks() -> None:
    panels = [stat("t", "d", [question], unit="s") for question in (Query("a"), SqlQuery("select 1"))]
    boards = [dashboard("exai-a", "A", "a", layout(line(4, *chosen)), []) for chosen in (panels[:1], panels)]
    sources = [[variable["name"] for variable in board["templating"]["list"]] for board in boards]
    assert sources == [["datasource"], ["datasource", "postgres"]]


def test_the_band_of_an_implementation_is_filled_from_its_upper_edge_to_its_lower_alone() -> None:
    filled = [
        (override["matcher"]["options"], each["value"])
        for override in fields.implementations(filled=True)
        for each in override["properties"]
        if each["id"] == "custom.fillBelowTo"
    ]
    assert filled == [("/^legacy high$/", "legacy low"), ("/^new high$/", "new low")]
    assert "fillBelowTo" not in str(fields.implementations())


def test_a_query_asks_for_its_exemplars() -> None:
    (target,) = timeseries("t", "d", [Query("a", exemplar=True)], unit="s")["targets"]
    assert target["exemplar"] is True


def test_a_step_is_written_only_where_one_is_given() -> None:
    with_step, without = timeseries("t", "d", [Query("a", step="15s"), Query("b")], unit="s")["targets"]
    assert with_step["interval"] == "15s"
    assert "interval" not in without


def test_a_heatmap_asks_for_buckets_named_by_their_edges() -> None:
    panel = heatmap("t", "d", [Query("a", buckets=True)], unit="calls/s", axis_unit="percentunit")
    (target,) = panel["targets"]
    assert (target["format"], target["legendFormat"], target["range"]) == ("heatmap", "{{le}}", True)
    assert defects(panel) == []


def test_a_cell_of_a_status_history_that_is_not_a_number_is_grey_and_says_why() -> None:
    panel = status_history("t", "d", [Query("a", "row")], unit="s", by=steps("green"), unproven="unproven")
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    assert mapping["options"]["match"] == "nan"
    assert mapping["options"]["result"]["text"] == "unproven"
    assert mapping["options"]["result"]["color"] == colours.UNKNOWN
    assert defects(panel) == []


def test_an_xychart_draws_the_points_of_each_subject_in_a_series_and_an_edge() -> None:
    points, edge = SqlQuery("select 1 as x, 2 as y, 'a' as name"), SqlQuery("select 1 as x, 1 as edge")
    panel = xychart(
        "t", "d", points, edge, across="x", upwards="y", by="name", line="edge", unit="s", overrides=fields.models()
    )
    drawn = [(each["x"]["matcher"]["options"], each["y"]["matcher"]["options"]) for each in panel["options"]["series"]]
    assert drawn == [("x", "y"), ("x", "edge")]
    (split,) = panel["transformations"]
    assert (split["filter"]["options"], split["options"]["fields"]) == (panel["targets"][0]["refId"], ["name"])
    overrides = panel["fieldConfig"]["overrides"]
    lines = [each["matcher"]["options"] for each in overrides if "'lines'" in str(each["properties"])]
    assert lines == ["edge"]
    assert defects(panel) == []


def test_a_link_keeps_time_and_variables_and_may_choose_more() -> None:
    url = link("Compare", "exai-compare", series="a:b_c:rate5m").to_json_data()["url"]
    assert url == "/d/exai-compare?${__url_time_range}&${__all_variables}&var-series=a%3Ab_c%3Arate5m"


def test_a_choice_has_one_value_from_the_beginning() -> None:
    found = choice("series", "Series", "label_values(up, job)", "x")
    assert (found["multi"], found["includeAll"], found["current"]["value"]) == (False, False, "x")


def test_a_repeated_panel_is_placed_as_one() -> None:
    (placed,) = layout(line(4, repeated(stat("$service", "d", [Query("a")], unit="s"), "service")))
    assert (placed["repeat"], placed["repeatDirection"], placed["gridPos"]["w"]) == ("service", "h", 24)


def test_a_text_is_markdown() -> None:
    assert words("t", "d", "**a**")["options"]["content"] == "**a**"


def test_what_is_usual_is_filled_for_the_names_that_are_given_and_is_between_dotted_lines_for_others() -> None:
    filled = {each["matcher"]["options"] for each in fields.bands("kimi") if "fillBelowTo" in str(each)}
    assert filled == {"/^kimi high$/"}
    assert "'fill': 'dot'" in str(fields.bands())


def test_limits_are_drawn_as_lines_and_an_axis_may_begin_near_them() -> None:
    drawn, plain = (
        timeseries("t", "d", [Query("a")], unit="percentunit", limits=steps("transparent", (0.9, "red")), near=0.5),
        timeseries("t", "d", [Query("a")], unit="percentunit"),
    )
    assert drawn["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "dashed"}
    assert drawn["fieldConfig"]["defaults"]["custom"]["axisSoftMin"] == 0.5
    assert "min" not in drawn["fieldConfig"]["defaults"]
    assert plain["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "off"}
    assert plain["fieldConfig"]["defaults"]["min"] == 0


def test_thresholds_are_left_out_where_there_are_none() -> None:
    assert "thresholds" not in stat("t", "d", [Query("a")], unit="s")["fieldConfig"]["defaults"]


def test_thresholds_begin_with_their_base() -> None:
    panel = stat("t", "d", [Query("a")], unit="s", thresholds=steps("green", (0, "red")))
    expected = [{"color": "green", "value": None}, {"color": "red", "value": 0}]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"] == expected


def test_a_decimal_count_of_zero_is_kept() -> None:
    assert stat("t", "d", [Query("a")], unit="s", decimals=0)["fieldConfig"]["defaults"]["decimals"] == 0


def test_lines_stand_below_each_other() -> None:
    panel = stat("t", "d", [Query("a")], unit="s")
    placed = layout(line(4, panel, panel, widths=(16, 8)), section("More"), line(3, panel))
    places = [tuple(each["gridPos"][side] for side in "xywh") for each in placed]
    assert places == [(0, 0, 16, 4), (16, 0, 8, 4), (0, 4, 24, 1), (0, 5, 24, 3)]
    assert [each["id"] for each in placed] == [1, 2, 3, 4]


@pytest.mark.parametrize("widths", [(12, 11), (24,), (12, 12, 0), (12, 13)])
def test_a_line_that_does_not_fill_the_board_is_refused(widths: tuple[int, ...]) -> None:
    panel = stat("t", "d", [Query("a")], unit="s")
    with pytest.raises(ValueError, match="do not fill 24 columns"):
        line(4, panel, panel, widths=widths)


def test_panels_that_cannot_share_a_line_evenly_need_widths() -> None:
    panel = stat("t", "d", [Query("a")], unit="s")
    with pytest.raises(ValueError, match="do not fill 24 columns"):
        line(4, *[panel] * 5)
