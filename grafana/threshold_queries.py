"""Where alerts begin, for the boards to draw: the thresholds of config/thresholds.yml as they hold now."""

from __future__ import annotations

from grafana.panels import Query


def alert(name: str, where: str = "", subject: str = "") -> Query:
    """The threshold `name` of each `subject` (a label of what the alert compares), else the lowest of those chosen.

    `where` selects subjects by the same labels. No line while the threshold is switched off.
    """
    selected = ", ".join(filter(None, (f'name="{name}"', where)))
    lowest = f"min by ({subject}) " if subject else "min "
    legend = f"{{{{{subject}}}}} alert" if subject else "alert"
    return Query(f"{lowest}(subject:exai_threshold:resolved{{{selected}}})", legend)
