"""The constructors: what a board cannot get wrong, because they do not let it."""

from __future__ import annotations

import pytest

from grafana.panels import Query, layout, line, section, stat, steps, table, timeseries


def test_targets_are_lettered_in_their_order() -> None:
    panel = timeseries("t", "d", [Query("a"), Query("b")], unit="s")
    assert [(target["refId"], target["expr"]) for target in panel["targets"]] == [("A", "a"), ("B", "b")]


def test_a_query_for_a_table_asks_for_now_as_a_table() -> None:
    panel = table("t", "d", [Query("a", table=True)], columns={"Value": "V"}, overrides=[], sort_by="V")
    (target,) = panel["targets"]
    assert (target["format"], target["instant"], target["range"]) == ("table", True, False)


def test_a_query_asks_for_its_exemplars() -> None:
    (target,) = timeseries("t", "d", [Query("a", exemplar=True)], unit="s")["targets"]
    assert target["exemplar"] is True


def test_a_step_is_written_only_where_one_is_given() -> None:
    with_step, without = timeseries("t", "d", [Query("a", step="15s"), Query("b")], unit="s")["targets"]
    assert with_step["interval"] == "15s"
    assert "interval" not in without


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
