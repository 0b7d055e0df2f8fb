"""What is usual, for the boards to draw: the learned bands of prometheus/rules/bands.yml."""

from __future__ import annotations

from grafana.panels import Query


def band(name: str, where: str, subject: str) -> list[Query]:
    """The edges of the band `name`, of each `subject` (a label of the band) that `where` selects: `… low`, `… high`.

    There is none before there are some days to learn from.
    """
    selected = f'{{band="{name}", {where}, {subject}!=""}}'
    return [
        Query(f"max by ({subject}) (subject:exai_band:{side}{selected})", f"{{{{{subject}}}}} {edge}")
        for side, edge in (("lower", "low"), ("upper", "high"))
    ]
