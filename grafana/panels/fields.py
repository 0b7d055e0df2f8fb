"""How a field is shown: its colour, its words and its line, by the name or the pattern of a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafanalib import core

from grafana.panels import colours
from grafana.panels.asking import Json
from grafana.panels.modern import steps

_DASHED: Json = {"custom.lineStyle": {"fill": "dash", "dash": [6, 6]}, "custom.lineWidth": 1}
_DOTTED: Json = {"custom.lineStyle": {"fill": "dot", "dash": [2, 6]}, "custom.lineWidth": 1}
_UNNAMED: Json = {"custom.hideFrom": {"legend": True, "tooltip": False, "viz": False}}
_EDGE: Json = {**_UNNAMED, "custom.lineWidth": 0}

NONE: Json = {"type": "special", "options": {"match": "null+nan", "result": {"text": "none", "index": 9}}}
"""A ratio or quantile of nothing, said in a word; for such fields alone, since it would hide missing data."""


def mapping(texts: Mapping[int, tuple[str, str]] | Mapping[str, tuple[str, str]]) -> Json:
    """A value mapping from `{value: (text, colour)}`."""
    items = (core.StatValueMappingItem(text, str(value), color, index=value) for value, (text, color) in texts.items())
    return dict(core.StatValueMappings(*items).to_json_data())


def override(name: str, **properties: object) -> Json:
    """An override for the field called `name`; a key's `__` stands for a dot (`custom__width`)."""
    listed = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": listed}


def matching(pattern: str, **properties: object) -> Json:
    """Return an override for the fields whose names match `pattern` (`/…/`)."""
    return {**override("", **properties), "matcher": {"id": "byRegexp", "options": pattern}}


def models(*, shades: bool = True) -> list[Json]:
    """Overrides that colour models by their names, whichever there are: shades for those of one provider.

    Points have no shades: Grafana draws them black.
    """
    mode = "shades" if shades else "fixed"
    providers = ((pattern, {"mode": mode, "fixedColor": color}) for pattern, color in colours.PROVIDERS.items())
    kinds = ((pattern, fixed(color)) for pattern, color in colours.MODEL_KINDS.items())
    return [_by_pattern(pattern, {"color": color}) for pattern, color in (*providers, *kinds)]


def semaphores() -> list[Json]:
    """Overrides that colour semaphores by their names: those of a port, and those of its providers."""
    return [_by_pattern("/^[0-9]+$/", {"color": fixed(colours.BLUE)}), *models()]


def implementations(*, filled: bool = False) -> list[Json]:
    """Overrides that colour the lines of a cache's implementations, whatever follows the name.

    What is normal, and what was a week ago, is dashed. `filled` paints the band between `… low` and `… high`.
    """
    names = {f"/^{name}( |$)/": {"color": fixed(color)} for name, color in colours.IMPLEMENTATIONS.items()}
    lines = {"/ (baseline|a week ago|miss)$/": _DASHED, "/ (low|high)$/": _EDGE}
    below = {name: {"custom.fillBelowTo": f"{name} low", "custom.fillOpacity": 16} for name in colours.IMPLEMENTATIONS}
    bands = {f"/^{name} high$/": filling for name, filling in below.items() if filled}
    return [_by_pattern(*each) for each in {**names, **lines, **bands}.items()]


def by_pattern(patterns: Mapping[str, str]) -> list[Json]:
    """Overrides that colour what is called so in shades of one colour; what follows a name ` baseline` is dashed."""
    shades = {pattern: {"color": {"mode": "shades", "fixedColor": color}} for pattern, color in patterns.items()}
    return [_by_pattern(*each) for each in {**shades, "/ baseline$/": _DASHED}.items()]


def bands(*names: str) -> list[Json]:
    """Overrides of what is usual, between `… low` and `… high`: filled for these names, for others two dotted lines."""
    dotted = {"/ (low|high)$/": {**_UNNAMED, **_DOTTED}}
    edges = {f"/^{name} (low|high)$/": {**_EDGE, "color": fixed(colours.SERVICES[name])} for name in names}
    below = {f"/^{name} high$/": {"custom.fillBelowTo": f"{name} low", "custom.fillOpacity": 12} for name in names}
    return [_by_pattern(*each) for each in {**dotted, **edges, **below}.items()]


def days() -> list[Json]:
    """Overrides of a series on several days: shades of whom it is of, yesterday dashed, a week ago dotted."""
    named = {f"/(^| ){name}( |$)/": color for name, color in {**colours.SERVICES, **colours.IMPLEMENTATIONS}.items()}
    before = {"/ yesterday$/": _DASHED, "/ (a week ago|last week)$/": _DOTTED}
    return [
        *by_pattern({"/.*/": colours.SLATE, **named}),
        *models(),
        *(_by_pattern(*each) for each in before.items()),
    ]


def limits() -> list[Json]:
    """The override of what cannot be passed, called `limit` or `… limit`."""
    return [_by_pattern("/(^| )limit$/", {"color": fixed(colours.SILVER), **_DASHED})]


def alerts() -> list[Json]:
    """The override of the lines where alerts begin, called `alert` or `… alert`; they never add up with others."""
    apart = {"custom.stacking": {"mode": "none", "group": "A"}, "custom.fillOpacity": 0}
    return [_by_pattern("/(^| )alert$/", {"color": fixed(colours.WARNING), **_DASHED, **apart})]


def errors() -> list[Json]:
    """Overrides that colour errors by what their names say; the others are shades of grey."""
    kinds = {
        "/.*/": {"mode": "shades", "fixedColor": colours.SLATE},
        **{kind: fixed(it) for kind, it in colours.ERROR_KINDS.items()},
    }
    return [_by_pattern(pattern, {"color": color}) for pattern, color in kinds.items()]


def counts(colors: Mapping[str, str], none: str) -> list[Json]:
    """Overrides of counts that have their colour from one on, and `none` at zero."""
    by_count = {"color": {"mode": "thresholds"}}
    return [
        override(name, **by_count, thresholds={"mode": "absolute", "steps": steps(none, (1, color))})
        for name, color in colors.items()
    ]


def _by_pattern(pattern: str, properties: Json) -> Json:
    listed = [{"id": key, "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byRegexp", "options": pattern}, "properties": listed}


def text(by: Sequence[Json]) -> Json:
    """What an override of a table's column needs so that its text is coloured by threshold steps."""
    return {
        "thresholds": {"mode": "absolute", "steps": list(by)},
        "color": {"mode": "thresholds"},
        "custom__cellOptions": {"type": "color-text"},
    }


def named(texts: Mapping[int, tuple[str, str]] | Mapping[str, tuple[str, str]], *, filled: bool = False) -> Json:
    """The same for a column of words, each of which has its colour: of the text, or of the cell if `filled`."""
    kind = {"type": "color-background", "mode": "basic"} if filled else {"type": "color-text"}
    return {"mappings": [mapping(texts)], "custom__cellOptions": kind}


def fixed(color: str) -> Json:
    """The colour setting of a field that has always the same one."""
    return {"mode": "fixed", "fixedColor": color}


def painted(colors: Mapping[str, str]) -> list[Json]:
    """Overrides that give each named series its colour."""
    return [override(name, color=fixed(color)) for name, color in colors.items()]
