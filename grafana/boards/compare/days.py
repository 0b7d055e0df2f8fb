"""One series on three days: beside each other, by how much they differ, and as figures."""

from __future__ import annotations

from grafana import compare_queries as queries
from grafana.panels import Json, Line, fields, filled_by, line, table, timeseries, words
from grafana.panels.filling import HISTORY

_EXPORT = """\
**From a panel**: its menu → *Inspect* → *Data* → *Download CSV*. *Formatted data* writes what the panel shows; without
it the numbers come as they are, in UTC. The menu opens on the three dots at the right of a panel's title.

**From Prometheus**, the chosen series in this time range, a line each minute:

```sh
curl -sG http://127.0.0.1:9090/api/v1/query_range --data-urlencode 'query=${series}' \\
  -d start=${__from:date:seconds} -d end=${__to:date:seconds} -d step=60 |
  jq -r '.data.result[] | (.metric | del(.__name__) | tostring) as $of | .values[] | [.[0], $of, .[1]] | @csv' \\
  > series.csv
```

`query=${series} offset 1w` writes last week beside it.
"""


def lines() -> list[Line]:
    """The days beside each other; the differences, over time and in a table; and how to take them along."""
    return [
        line(11, _overlay()),
        line(9, filled_by(HISTORY, _changes()), _differences(), widths=(12, 12)),
        line(8, _export()),
    ]


def _overlay() -> Json:
    return timeseries(
        "Now, yesterday and a week ago",
        "The chosen series; dashed the same time yesterday, dotted a week ago. Apart from both: something changed "
        "since, so see what was deployed. Apart from yesterday alone: the day of the week. No dashed line: the bundle "
        "did not run then.",
        queries.OVERLAY,
        unit="short",
        overrides=fields.days(),
    )


def _changes() -> Json:
    return timeseries(
        "Change",
        "By what share the series is above or below that day. Steady around 0: as usual. Rising from one moment on: "
        "look for what happened then, on the other boards at the same time.",
        queries.CHANGES,
        unit="percentunit",
        near=-0.1,
        overrides=fields.days(),
    )


def _differences() -> Json:
    share = {"unit": "percentunit", "decimals": 1, "custom__width": 130}
    mean = {"unit": "short", "decimals": 3, "custom__width": 110}
    return table(
        "Means of this time range",
        "The mean of each line in the time range, and in the same range of the other days. Sort by a change to see who "
        "makes it; a longer range makes chance smaller.",
        queries.DIFFERENCES,
        columns={
            "subject": "Of",
            "Value #A": "Now",
            "Value #B": "Yesterday",
            "Value #C": "A week ago",
            "Value #D": "To yesterday",
            "Value #E": "To last week",
        },
        overrides=[
            *(fields.override(name, **mean) for name in ("Now", "Yesterday", "A week ago")),
            *(fields.override(name, **share) for name in ("To yesterday", "To last week")),
        ],
        sort_by="Now",
    )


def _export() -> Json:
    return words(
        "Take the figures along",
        "How to get the figures of a panel, or of the series itself, as CSV. Choose series and time range above first.",
        _EXPORT,
    )
