"""One colour, one meaning: Okabe and Ito's palette, which colour-blind people tell apart too."""

from __future__ import annotations

from collections.abc import Mapping

SKY, BLUE, GREEN, YELLOW = "#56B4E9", "#0072B2", "#009E73", "#F0E442"
ORANGE, VERMILLION, ROSE, SILVER, SLATE = "#E69F00", "#D55E00", "#CC79A7", "#C8C8C8", "#6B7684"

GOOD, WARNING, BAD, UNKNOWN, NEUTRAL = GREEN, ORANGE, VERMILLION, SLATE, SKY
CLEAR = "transparent"

SERVICES = {"websocket": BLUE, "redis": ROSE, "supabase": YELLOW, "kimi": SKY, "glm": SILVER}
OUTCOMES = {"ok": GOOD, "error": BAD, "refused": SILVER}
PROVIDERS = {"/kimi|k2|moonshot/i": SKY, "/glm|zhipu/i": SILVER}
MODEL_KINDS = {"/turbo/i": ROSE, "/flash|air/i": YELLOW, "/thinking/i": BLUE}
"""Patterns of models' names: a plain model has its provider's colour, a special one that of its kind."""
QUANTILES = {"p50": BLUE, "p95": SKY, "p99": YELLOW}
TOKENS = {"input": SKY, "output": ROSE, "total": SILVER}
STATES = {0: ("unknown", UNKNOWN), 1: ("up", GOOD), 2: ("degraded", WARNING), 3: ("down", BAD)}
REACHED = {0: ("down", BAD), 1: ("up", GOOD)}
TIMEOUT_SOURCES = {
    "adaptive": BLUE, "estimate": SKY, "static": SILVER, "fallback": YELLOW, "emergency": VERMILLION, "shadow": ROSE,
}  # fmt: skip
GIVEN_AND_TAKEN = {"given p50": YELLOW, "given p95": ORANGE, "taken p50": BLUE, "taken p95": SKY, "taken p99": SILVER}
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
TRANSACTIONS = {"committed": GOOD, "rolled back": BAD}
TRANSACTION_STATES = {"active": SKY, "idle in transaction": WARNING, "idle in transaction (aborted)": BAD}
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
