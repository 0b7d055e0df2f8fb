"""Panels made of lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafanalib import core

from grafana.panels.asking import Json, Question, SqlQuery
from grafana.panels.modern import modern

_MOST_IMPORTANT_FIRST = 3

_EMPTY_CELLS: Json = {"matcher": {"id": "byRegexp", "options": "/.*/"}, "properties": [{"id": "noValue", "value": ""}]}
"""Keeps the text of an empty table out of the cells without a value."""

MOMENT_AGO = "dateTimeFromNow"
"""The unit of a Unix time in milliseconds that is told as how long ago it was."""
WORDS = "string"
"""The unit of a column of texts that may consist of digits, such as a hash; without it, they are shown as numbers."""
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
    upwards: bool = False,
    empty: str = "",
) -> Json:
    """Table queries merged on their labels; `columns` renames and orders the fields and hides all others.

    The rows with the highest value in `sort_by` come first, or those with the lowest where it goes `upwards`;
    without it they keep the order of the query. A table without rows says what is in `empty`.
    """
    panel = core.Table(
        title=title,
        description=description,
        maxDataPoints=None,
        filterable=False,
        overrides=[*overrides, _EMPTY_CELLS] if empty else list(overrides),
        sortBy=[core.TableSortByField(displayName=sort_by, desc=not upwards)] if sort_by else [],
        transformations=[{"id": "merge", "options": {}}, _columns(columns)],
        extraJson={"options": {"cellHeight": "sm"}},
    ).to_json_data()
    # core.Table's `displayMode` is of an older table
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False}
    panel["fieldConfig"]["defaults"] = {"custom": custom, "unit": "short", **({"noValue": empty} if empty else {})}
    return modern(panel, queries)


def _columns(columns: Mapping[str, str]) -> Json:
    order = {name: index for index, name in enumerate(columns)}
    shown = dict.fromkeys(columns, True)
    return {
        "id": "organize",
        "options": {"includeByName": shown, "indexByName": order, "renameByName": dict(columns)},
    }


def logs(title: str, description: str, query: SqlQuery) -> Json:
    """Long texts with their lines as they were written: rows of a time and a text, the newest first."""
    options = {
        "showTime": True,
        "showLabels": False,
        "wrapLogMessage": True,
        "prettifyLogMessage": False,
        "enableLogDetails": False,
        "showControls": False,
        "dedupStrategy": "none",
        "sortOrder": "Descending",
    }
    panel = core.Panel(title=title, description=description)  # core.Logs lacks the newer options
    config = {"defaults": {"unit": "none"}}
    return modern(panel.panel_json({"type": core.LOGS_TYPE, "fieldConfig": config, "options": options}), [query])


def words(title: str, description: str, markdown: str) -> Json:
    """A text in Markdown."""
    panel = core.Panel(title=title, description=description)  # core.Text writes an older form
    options = {"mode": "markdown", "content": markdown, "code": {"language": "plaintext"}}
    return modern(panel.panel_json({"type": core.TEXT_TYPE, "options": options}))


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
