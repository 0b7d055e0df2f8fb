"""One colour, one meaning: Okabe and Ito's palette, which colour-blind people tell apart too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafanalib import core

from grafana.panels.asking import Json
from grafana.panels.modern import steps

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
SOURCES = {"http": SKY, "redis_zset": ROSE, "redis_stream": YELLOW, "postgres": BLUE, "postgres_writer": SILVER}
NOT_COUNTED = {"rejected": BAD, "duplicate": SKY, "late": WARNING, "missing": ROSE, "compared": SILVER}

BREAKER = {0: ("closed", GOOD), 1: ("half open", WARNING), 2: ("open", BAD)}
FIRING = {0: ("pending", UNKNOWN), 1: ("info", NEUTRAL), 2: ("warning", WARNING), 3: ("critical", BAD)}
VALID = {0: ("refused", BAD), 1: ("valid", GOOD)}
PINGS = {"last": SILVER, "average": BLUE, "send average": ROSE}
MESSAGES = {
    "sent": GOOD, "queued": SKY, "deduplicated": SILVER, "failed": BAD, "expired": WARNING, "dropped": ROSE,
}  # fmt: skip
WEBSOCKETS = {"connected": GOOD, "connection failed": BAD, "timed out": WARNING, "close to timeout": YELLOW}
DIRECTIONS = {"send": SKY, "receive": ROSE, "error": BAD}
RETRIES = {"tried again": SKY, "worked": GOOD, "failed again": BAD}
BREAKS = {"opens": BAD, "half opens": WARNING, "closes": GOOD}
SESSIONS = {"sessions": SKY, "connections": BLUE, "healthy ports": GOOD}
ROWS = {"written/min": GOOD, "dropped/min": BAD, "waiting": SKY}
ALERT_STATES = {"alerts active": WARNING, "alerts suppressed": SILVER, "silences active": SKY}
CHANNELS = {"webhook": SKY, "slack": ROSE, "email": YELLOW}
JOBS = {"exai-exporter": SKY, "prometheus": ROSE, "alertmanager": YELLOW, "node": SILVER}
PROCESSES = {"exai-gateway": SKY, "ml-api": YELLOW, "host": SILVER}
STATUSES = {"/^2/": GOOD, "/^3/": SKY, "/^4/": YELLOW, "/^5/": BAD}
KINDS = {
    "/ connection$/": BLUE, "/ cache$/": YELLOW, "/ duration$/": ROSE, "/ gauge$/": SILVER, "/ http$/": SKY,
    "/ prediction$/": ORANGE, "/ trace$/": GREEN,
}  # fmt: skip
POOLS = {"/^redis/": ROSE, "/^supabase/": YELLOW}
PREDICTORS = {"/^result/": SKY, "/^duration/": YELLOW}
"""Patterns of what is shown by HTTP status, by kind of event, by pool, and by the model that predicts."""

LAYERS = {
    "shim": SLATE, "websocket": BLUE, "tool": ROSE, "provider_selection": SILVER, "ai_api": SKY, "supabase": YELLOW,
}  # fmt: skip
CALLS = {"1": SILVER, "2": YELLOW, "3": ROSE, "4": SKY, "5+": BLUE}
SCRIPTS = {"/ws_|socket/i": BLUE, "/storage|redis/i": ROSE, "/supabase/i": YELLOW, **PROVIDERS}
"""Patterns of scripts' names: a script has the colour of the service that it serves."""

WORST: Mapping[str, str] = {severity: color for severity, (_, color) in SEVERITIES.items()}

IDLE: Json = {"type": "special", "options": {"match": "null+nan", "result": {"text": "idle", "index": 9}}}
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


def models() -> list[Json]:
    """Overrides that colour models by their names, whichever there are: shades for those of one provider."""
    providers = ((pattern, {"mode": "shades", "fixedColor": color}) for pattern, color in PROVIDERS.items())
    kinds = ((pattern, fixed(color)) for pattern, color in MODEL_KINDS.items())
    return [_by_pattern(pattern, {"color": color}) for pattern, color in (*providers, *kinds)]


def semaphores() -> list[Json]:
    """Overrides that colour semaphores by their names: those of a port, and those of its providers."""
    return [_by_pattern("/^[0-9]+$/", {"color": fixed(BLUE)}), *models()]


def implementations(*, filled: bool = False) -> list[Json]:
    """Overrides that colour the lines of a cache's implementations, whatever follows the name.

    What is normal, and what was a week ago, is dashed. `filled` paints the band between `… low` and `… high`.
    """
    names = {f"/^{name}( |$)/": {"color": fixed(color)} for name, color in IMPLEMENTATIONS.items()}
    lines = {"/ (baseline|a week ago|miss)$/": _DASHED, "/ (low|high)$/": _EDGE}
    below = {name: {"custom.fillBelowTo": f"{name} low", "custom.fillOpacity": 16} for name in IMPLEMENTATIONS}
    bands = {f"/^{name} high$/": filling for name, filling in below.items() if filled}
    return [_by_pattern(*each) for each in {**names, **lines, **bands}.items()]


_DASHED: Json = {"custom.lineStyle": {"fill": "dash", "dash": [6, 6]}, "custom.lineWidth": 1}
_DOTTED: Json = {"custom.lineStyle": {"fill": "dot", "dash": [2, 6]}, "custom.lineWidth": 1}
_UNNAMED: Json = {"custom.hideFrom": {"legend": True, "tooltip": False, "viz": False}}
_EDGE: Json = {**_UNNAMED, "custom.lineWidth": 0}


def by_pattern(patterns: Mapping[str, str]) -> list[Json]:
    """Overrides that colour what is called so in shades of one colour; what follows a name ` baseline` is dashed."""
    shades = {pattern: {"color": {"mode": "shades", "fixedColor": color}} for pattern, color in patterns.items()}
    return [_by_pattern(*each) for each in {**shades, "/ baseline$/": _DASHED}.items()]


def bands(*names: str) -> list[Json]:
    """Overrides of what is usual, between `… low` and `… high`: filled for these names, for others two dotted lines."""
    dotted = {"/ (low|high)$/": {**_UNNAMED, **_DOTTED}}
    edges = {f"/^{name} (low|high)$/": {**_EDGE, "color": fixed(SERVICES[name])} for name in names}
    below = {f"/^{name} high$/": {"custom.fillBelowTo": f"{name} low", "custom.fillOpacity": 12} for name in names}
    return [_by_pattern(*each) for each in {**dotted, **edges, **below}.items()]


def days() -> list[Json]:
    """Overrides of a series on several days: shades of whom it is of, yesterday dashed, a week ago dotted."""
    named = {f"/(^| ){name}( |$)/": color for name, color in {**SERVICES, **IMPLEMENTATIONS}.items()}
    before = {"/ yesterday$/": _DASHED, "/ (a week ago|last week)$/": _DOTTED}
    return [
        *by_pattern({"/.*/": SLATE, **named}),
        *models(),
        *(_by_pattern(*each) for each in before.items()),
    ]


def limits() -> list[Json]:
    """The override of what cannot be passed, called `limit` or `… limit`."""
    return [_by_pattern("/(^| )limit$/", {"color": fixed(SILVER), **_DASHED})]


def alerts() -> list[Json]:
    """The override of the lines where alerts begin, called `alert` or `… alert`; they never add up with others."""
    apart = {"custom.stacking": {"mode": "none", "group": "A"}, "custom.fillOpacity": 0}
    return [_by_pattern("/(^| )alert$/", {"color": fixed(WARNING), **_DASHED, **apart})]


def errors() -> list[Json]:
    """Overrides that colour errors by what their names say; the others are shades of grey."""
    kinds = {"/.*/": {"mode": "shades", "fixedColor": SLATE}, **{kind: fixed(it) for kind, it in ERROR_KINDS.items()}}
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
