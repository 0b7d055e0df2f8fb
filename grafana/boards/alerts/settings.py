"""What alerts compare with, and who is told of them."""

from __future__ import annotations

from grafana import alert_queries as queries
from grafana.panels import Json, Line, colours, fields, line, section, steps, table

_ENABLED = {0: ("off", colours.WARNING), 1: ("on", colours.GOOD)}


def lines() -> list[Line]:
    """A heading, the thresholds, and the channels."""
    return [section("Thresholds and channels"), line(12, _thresholds(), _channels(), widths=(16, 8))]


def _thresholds() -> Json:
    return table(
        "Thresholds",
        "What alerts compare with now, by config/thresholds.yml, its overlay and, where a value follows load, the "
        "traffic; without a subject: the default. "
        "A deviation is a share of what is normal. Off: that alert never fires; find out who switched it off.",
        queries.THRESHOLDS,
        columns={
            "name": "Threshold",
            "Value #A": "Value",
            "unit": "Unit",
            "Value #B": "Alert",
            "service": "Service",
            "provider": "Provider",
            "model": "Model",
            "implementation": "Cache",
        },
        overrides=[
            fields.override("Value", unit="none", custom__width=80),
            fields.override("Unit", custom__width=85),
            fields.override("Alert", custom__width=70, **fields.named(_ENABLED)),
        ],
        sort_by="Threshold",
        upwards=True,
    )


def _channels() -> Json:
    failed = steps(colours.GOOD, (1, colours.BAD))
    return table(
        "Messages by channel",
        "What Alertmanager sent in this time range; the exporter's webhook is one. Failed: somebody was not told; "
        "check address and secret, then `exai-exporter alerts test`. None sent: nothing fired.",
        queries.CHANNELS,
        columns={"integration": "Channel", "Value #A": "Sent", "Value #B": "Failed"},
        overrides=[
            fields.override("Sent", unit="none", decimals=0),
            fields.override("Failed", unit="none", decimals=0, **fields.text(failed)),
        ],
    )
