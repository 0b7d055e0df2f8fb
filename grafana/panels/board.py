"""A board around its panels: variables, alert annotations, time range."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from grafanalib import core

from grafana.panels import colours
from grafana.panels.asking import DATASOURCE, POSTGRES, Json
from grafana.panels.modern import plain

SCHEMA_VERSION = 41
_TAG = "exai"
_SHARED_CROSSHAIR = 1
_REFRESH_ON_TIME_RANGE = 2
_KEYS = (
    "annotations", "description", "editable", "graphTooltip", "links", "panels", "refresh", "schemaVersion",
    "tags", "templating", "time", "timepicker", "timezone", "title", "uid",
)  # fmt: skip


def _choice(name: str, label: str, kind: str, chosen: Json) -> Json:
    return {"type": "datasource", "name": name, "label": label, "query": kind, "current": chosen, "hide": 0}


_PROMETHEUS = _choice("datasource", "Data source", DATASOURCE["type"], {"text": "Prometheus", "value": "prometheus"})
_POSTGRES = _choice("postgres", "Postgres", POSTGRES["type"], {"text": "EXAI Postgres", "value": "exai-postgres"})


def dashboard(
    uid: str,
    title: str,
    description: str,
    panels: Sequence[Json],
    variables: Sequence[Json],
    *,
    since: str = "now-15m",
) -> Json:
    """A board of the folder EXAI: the last 15 minutes, every 5 seconds anew, firing alerts as annotations.

    It links to all other boards, which open on the same time and with the same variables. A board that asks
    Postgres may choose which.
    """
    asks_postgres = any(panel.get("datasource") == POSTGRES for panel in panels)
    sources = [_PROMETHEUS, _POSTGRES] if asks_postgres else [_PROMETHEUS]
    board = core.Dashboard(
        uid=uid,
        title=title,
        description=description,
        tags=[_TAG],
        schemaVersion=SCHEMA_VERSION,
        graphTooltip=_SHARED_CROSSHAIR,
        refresh="5s",
        timezone="browser",
        time=core.Time(since, "now"),
        timePicker=core.TimePicker(["5s", "10s", "30s", "1m", "5m"], timeOptions=[]),
        annotations=core.Annotations(list=[_firing_alerts()]),
        links=[_other_boards()],
        templating=core.Templating(list=[*sources, *variables]),
        panels=list(panels),
    )
    emitted = plain(board)
    picker = {"refresh_intervals": emitted["timepicker"]["refresh_intervals"]}
    return {**{key: emitted[key] for key in _KEYS}, "timepicker": picker}


def variable(name: str, label: str, query: str) -> Json:
    """A variable with several values or All, filled by a `label_values(…)` query of its data source."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": f"variable-{name}"},
        "definition": query,
        "refresh": _REFRESH_ON_TIME_RANGE,
        "sort": core.SORT_ALPHA_ASC,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def textbox(name: str, label: str) -> Json:
    """A variable that is typed, or set by a link; empty at first."""
    return {
        "type": "textbox",
        "name": name,
        "label": label,
        "query": "",
        "current": {"text": "", "value": ""},
        "options": [{"text": "", "value": "", "selected": True}],
        "hide": 0,
    }


def choice(name: str, label: str, query: str, chosen: str) -> Json:
    """A variable with one value, `chosen` at first, filled by a `label_values(…)` query of its data source."""
    current = {"text": chosen, "value": chosen}
    return {**variable(name, label, query), "multi": False, "includeAll": False, "allValue": None, "current": current}


def link(title: str, uid: str, **chosen: str) -> core.DataLink:
    """A link from a value to a board, with the time and the variables of this one, and with what else is `chosen`."""
    more = "".join(f"&var-{name}={quote(value)}" for name, value in chosen.items())
    return core.DataLink(title=title, linkUrl=f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}{more}")


def _other_boards() -> core.DashboardLink:
    return core.DashboardLink(title="Boards", tags=[_TAG], asDropdown=True, keepTime=True, includeVars=True)


def _firing_alerts() -> Json:
    firing = 'count by (alertname, severity) (ALERTS{alertstate="firing", alertname!="Watchdog"})'
    return {
        "name": "Alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": colours.UNKNOWN,
        "target": {"expr": firing, "interval": "15s", "refId": "alerts"},
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}}",
        "tagKeys": "severity",
    }
