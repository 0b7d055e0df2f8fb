"""The questions of a panel, to Prometheus and to Postgres, as Grafana 12.3.3 writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

Json = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
POSTGRES: Json = {"type": "grafana-postgresql-datasource", "uid": "${postgres}"}


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus, and what its answer is called in the legend.

    `instant` asks for the value now, which is never an old one; `table` is such a question for a table.
    `buckets` asks for a histogram's buckets over time.
    `step` is the shortest step ("15s"); `$__rate_interval` is four of them: a rare event needs a longer one.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False
    buckets: bool = False
    exemplar: bool = False
    step: str = ""

    datasource: ClassVar[Json] = DATASOURCE

    def target(self, ref_id: str) -> Json:
        """The target of a panel that asks this."""
        now = self.instant or self.table
        asked = {
            "expr": self.expr,
            "legendFormat": "{{le}}" if self.buckets else self.legend or "__auto",
            "format": "table" if self.table else "heatmap" if self.buckets else "time_series",
            "instant": now,
            "range": not now,
            "exemplar": self.exemplar,
        }
        step = {"interval": self.step} if self.step else {}
        return {**asked, **step, "refId": ref_id, "editorMode": "code", "datasource": DATASOURCE}


@dataclass(frozen=True, slots=True)
class SqlQuery:
    """One question to Postgres; `over_time` wants rows of `time`, `metric` (the legend) and `value`, by time."""

    sql: str
    over_time: bool = False

    datasource: ClassVar[Json] = POSTGRES

    def target(self, ref_id: str) -> Json:
        """The target of a panel that asks this."""
        asked = {"rawSql": self.sql, "rawQuery": True, "format": "time_series" if self.over_time else "table"}
        return {**asked, "refId": ref_id, "editorMode": "code", "datasource": POSTGRES}


Question = Query | SqlQuery
