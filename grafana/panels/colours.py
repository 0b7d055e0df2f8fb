"""One colour, one meaning: Okabe and Ito's palette, which colour-blind people tell apart too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafanalib import core

from grafana.panels.asking import Json

SKY, BLUE, GREEN, YELLOW = "#56B4E9", "#0072B2", "#009E73", "#F0E442"
ORANGE, VERMILLION, ROSE, SILVER, SLATE = "#E69F00", "#D55E00", "#CC79A7", "#C8C8C8", "#6B7684"

GOOD, WARNING, BAD, UNKNOWN, NEUTRAL = GREEN, ORANGE, VERMILLION, SLATE, SKY
CLEAR = "transparent"

SERVICES = {"websocket": BLUE, "redis": ROSE, "supabase": YELLOW, "kimi": SKY, "glm": SILVER}
OUTCOMES = {"ok": GOOD, "error": BAD}
PROVIDERS = {"/kimi|k2|moonshot/i": SKY, "/glm|zhipu/i": SILVER}
MODEL_KINDS = {"/turbo/i": ROSE, "/flash|air/i": YELLOW, "/thinking/i": BLUE}
"""Patterns of models' names: a plain model has its provider's colour, a special one that of its kind."""
QUANTILES = {"p50": BLUE, "p95": SKY, "p99": YELLOW}
TOKENS = {"input": SKY, "output": ROSE}
STATES = {0: ("unknown", UNKNOWN), 1: ("up", GOOD), 2: ("degraded", WARNING), 3: ("down", BAD)}
REACHED = {0: ("down", BAD), 1: ("up", GOOD)}
TIMEOUT_SOURCES = {
    "adaptive": BLUE, "estimate": SKY, "static": SILVER, "fallback": YELLOW, "emergency": VERMILLION, "shadow": ROSE,
}  # fmt: skip
GIVEN_AND_TAKEN = {"given p50": YELLOW, "given p95": ORANGE, "taken p50": BLUE, "taken p95": SKY, "taken p99": SILVER}
PREDICTIONS = {"median call": BLUE, "slowest in 100": SKY, "cut off above": ORANGE}
IMPLEMENTATIONS = {"legacy": YELLOW, "new": SKY}
CACHE_OPERATIONS = {"hit": GOOD, "miss": SILVER, "set": BLUE, "evict": ROSE, "error": BAD}
ERROR_KINDS = {
    "/connect/i": BAD,
    "/timeout|timed/i": WARNING,
    "/serial|decod|json|pickle/i": ROSE,
    "/status|limit/i": YELLOW,
}
SEVERITIES = {"critical": ("critical", BAD), "warning": ("warning", WARNING), "info": ("info", NEUTRAL)}
SOURCES = {"http": SKY, "redis_zset": ROSE, "redis_stream": YELLOW}
NOT_COUNTED = {"rejected": BAD, "duplicate": SKY, "late": WARNING, "missing": ROSE}

IDLE: Json = {"type": "special", "options": {"match": "null+nan", "result": {"text": "idle", "index": 9}}}
"""A ratio or quantile of nothing, said in a word; for such fields alone, since it would hide missing data."""


def mapping(texts: Mapping[int, tuple[str, str]] | Mapping[str, tuple[str, str]]) -> Json:
    """A value mapping from `{value: (text, colour)}`."""
    items = (core.StatValueMappingItem(text, str(value), color, index=value) for value, (text, color) in texts.items())
    return dict(core.StatValueMappings(*items).to_json_data())


def override(name: str, **properties: object) -> Json:
    """An override for the field called `name`; a key's `__` stands for a dot (`custom__width`)."""
    listed = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": listed}


def models() -> list[Json]:
    """Overrides that colour models by their names, whichever there are: shades for those of one provider."""
    providers = ((pattern, {"mode": "shades", "fixedColor": color}) for pattern, color in PROVIDERS.items())
    kinds = ((pattern, fixed(color)) for pattern, color in MODEL_KINDS.items())
    return [
        {"matcher": {"id": "byRegexp", "options": pattern}, "properties": [{"id": "color", "value": color}]}
        for pattern, color in (*providers, *kinds)
    ]


def implementations(*, filled: bool = False) -> list[Json]:
    """Overrides that colour the lines of a cache's implementations, whatever follows the name.

    What is normal, and what was a week ago, is dashed. `filled` paints the band between `… low` and `… high`.
    """
    names = {f"/^{name}( |$)/": {"color": fixed(color)} for name, color in IMPLEMENTATIONS.items()}
    lines = {"/ (baseline|a week ago|miss)$/": _DASHED, "/ (low|high)$/": _EDGE}
    below = {name: {"custom.fillBelowTo": f"{name} low", "custom.fillOpacity": 16} for name in IMPLEMENTATIONS}
    bands = {f"/^{name} high$/": filling for name, filling in below.items() if filled}
    return [
        {
            "matcher": {"id": "byRegexp", "options": pattern},
            "properties": [{"id": key, "value": value} for key, value in properties.items()],
        }
        for pattern, properties in {**names, **lines, **bands}.items()
    ]


_DASHED: Json = {"custom.lineStyle": {"fill": "dash", "dash": [6, 6]}, "custom.lineWidth": 1}
_EDGE: Json = {
    "custom.lineWidth": 0,
    "custom.hideFrom": {"legend": True, "tooltip": False, "viz": False},
}


def errors() -> list[Json]:
    """Overrides that colour errors by what their names say; the others are shades of grey."""
    kinds = {"/.*/": {"mode": "shades", "fixedColor": SLATE}, **{kind: fixed(it) for kind, it in ERROR_KINDS.items()}}
    return [
        {"matcher": {"id": "byRegexp", "options": pattern}, "properties": [{"id": "color", "value": color}]}
        for pattern, color in kinds.items()
    ]


def text(by: Sequence[Json]) -> Json:
    """What an override of a table's column needs so that its text is coloured by threshold steps."""
    return {
        "thresholds": {"mode": "absolute", "steps": list(by)},
        "color": {"mode": "thresholds"},
        "custom__cellOptions": {"type": "color-text"},
    }


def named(texts: Mapping[str, tuple[str, str]], *, filled: bool = False) -> Json:
    """The same for a column of words, each of which has its colour: of the text, or of the cell if `filled`."""
    kind = {"type": "color-background", "mode": "basic"} if filled else {"type": "color-text"}
    return {"mappings": [mapping(texts)], "custom__cellOptions": kind}


def fixed(color: str) -> Json:
    """The colour setting of a field that has always the same one."""
    return {"mode": "fixed", "fixedColor": color}


def painted(colors: Mapping[str, str]) -> list[Json]:
    """Overrides that give each named series its colour."""
    return [override(name, color=fixed(color)) for name, color in colors.items()]
