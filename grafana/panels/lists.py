"""Panels made of lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafanalib import core

from grafana.panels.asking import Json, Question
from grafana.panels.modern import modern

_MOST_IMPORTANT_FIRST = 3

MOMENT = "dateTimeAsIso"
"""The unit of a column of times; without it, how they are written depends on how far they lie apart."""


def table(
    title: str,
    description: str,
    queries: Sequence[Question],
    *,
    columns: Mapping[str, str],
    overrides: Sequence[Json],
    sort_by: str = "",
) -> Json:
    """Table queries merged on their labels; `columns` renames and orders the fields and hides all others.

    The rows with the highest value in `sort_by` come first; without it they keep the order of the query.
    """
    panel = core.Table(
        title=title,
        description=description,
        maxDataPoints=None,
        filterable=False,
        overrides=list(overrides),
        sortBy=[core.TableSortByField(displayName=sort_by, desc=True)] if sort_by else [],
        transformations=[{"id": "merge", "options": {}}, _columns(columns)],
        extraJson={"options": {"cellHeight": "sm"}},
    ).to_json_data()
    # core.Table's `displayMode` is of an older table
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False}
    panel["fieldConfig"]["defaults"] = {"custom": custom, "unit": "short"}
    return modern(panel, queries)


def _columns(columns: Mapping[str, str]) -> Json:
    order = {name: index for index, name in enumerate(columns)}
    shown = dict.fromkeys(columns, True)
    return {
        "id": "organize",
        "options": {"includeByName": shown, "indexByName": order, "renameByName": dict(columns)},
    }


def alert_list(title: str, description: str, *, only: str, most: int = 20) -> Json:
    """The alerts that fire or are about to, worst first; `only` is a label filter such as `{a!="b"}`."""
    shown = dict.fromkeys(("firing", "pending", "error", "recovering"), True)
    options = {
        "viewMode": "list",
        "groupMode": "default",
        "groupBy": [],
        "maxItems": most,
        "sortOrder": _MOST_IMPORTANT_FIRST,
        "dashboardAlerts": False,
        "alertName": "",
        "alertInstanceLabelFilter": only,
        "stateFilter": {**shown, "noData": False, "normal": False},
    }
    panel = core.Panel(title=title, description=description)  # core.AlertList writes an older form
    return modern(panel.panel_json({"type": core.ALERTLIST_TYPE, "options": options}))
