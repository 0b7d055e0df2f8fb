"""One colour, one meaning: Okabe and Ito's palette, which colour-blind people tell apart too."""

from __future__ import annotations

from collections.abc import Mapping

from grafanalib import core

from grafana.panels.modern import Json

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
SOURCES = {"http": SKY, "redis_zset": ROSE, "redis_stream": YELLOW}
NOT_COUNTED = {"rejected": BAD, "duplicate": SKY, "late": WARNING, "missing": ROSE}

IDLE: Json = {"type": "special", "options": {"match": "null+nan", "result": {"text": "idle", "index": 9}}}
"""A ratio or quantile of nothing, said in a word; for such fields alone, since it would hide missing data."""


def mapping(texts: Mapping[int, tuple[str, str]]) -> Json:
    """A value mapping from `{number: (text, colour)}`."""
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


def fixed(color: str) -> Json:
    """The colour setting of a field that has always the same one."""
    return {"mode": "fixed", "fixedColor": color}


def painted(colors: Mapping[str, str]) -> list[Json]:
    """Overrides that give each named series its colour."""
    return [override(name, color=fixed(color)) for name, color in colors.items()]
