"""What every panel and target of grafanalib 0.7.1 needs, to be what Grafana 12.3.3 writes itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from string import ascii_uppercase

from grafana.panels.asking import DATASOURCE, Json, Question

PLUGIN_VERSION = "12.3.3"
"""Stands on every panel, so that Grafana does not migrate it from an older form."""

_PANEL_KEYS = ("type", "title", "description", "fieldConfig", "options", "transformations")


def plain(emitted: object) -> Json:
    """What grafanalib emits, with the objects that it leaves inside turned into JSON too."""
    return dict(json.loads(json.dumps(emitted, default=lambda part: part.to_json_data())))


def modern(panel: object, queries: Sequence[Question] = ()) -> Json:
    """A panel of grafanalib without what Grafana no longer reads, asking `queries`."""
    emitted = plain(panel)
    kept = {key: emitted[key] for key in _PANEL_KEYS if emitted.get(key)}
    kept["fieldConfig"] = _field_config(kept["fieldConfig"])
    if queries:
        kept["targets"] = [query.target(ascii_uppercase[place]) for place, query in enumerate(queries)]
    asked = queries[0].datasource if queries else DATASOURCE
    return {**kept, "datasource": asked, "pluginVersion": PLUGIN_VERSION}


def steps(base: str, *above: tuple[float, str]) -> list[Json]:
    """Threshold steps: the colour `base`, and from each value on another."""
    return [{"color": base, "value": None}, *({"color": color, "value": value} for value, color in above)]


def _field_config(emitted: Json) -> Json:
    defaults = _present(emitted["defaults"])
    if not defaults.get("thresholds", {}).get("steps"):
        defaults.pop("thresholds", None)  # an empty list paints a panel grey
    if "custom" in defaults:
        defaults["custom"] = _present(defaults["custom"])
    return {"defaults": defaults, "overrides": emitted.get("overrides", [])}


def _present(values: Json) -> Json:
    return {key: value for key, value in values.items() if value not in (None, "", {}, [])}
