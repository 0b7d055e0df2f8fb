"""Single calls against the timeouts that were predicted for them."""

from __future__ import annotations

from grafana import call_sql as queries
from grafana.panels import Json, Line, fields, line, xychart


def lines() -> list[Line]:
    """One chart."""
    return [line(12, _predicted_and_actual())]


def _predicted_and_actual() -> Json:
    return xychart(
        "Predicted against actual, call by call",
        "A point for a call: across, the timeout that was learned for it; upwards, how long it took. At most 600 "
        "calls: the last three in each 200th of this time range. Just below the line is best. Above it calls are cut "
        "off, or would be; far below, a call that hangs is waited for too long. Calls that ended early are left out.",
        queries.PREDICTED,
        queries.CUT_OFF,
        across="predicted",
        upwards="took",
        by="model",
        line="cut off above",
        unit="suffix:s",
        overrides=fields.models(shades=False),
    )
