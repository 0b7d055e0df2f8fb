"""The environment variables that begin with EXAI_, and advice on one that is none of them."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import msgspec

from exporter.settings import ENVIRONMENT, Settings

PREFIX = "EXAI_"

_BUNDLE = {
    "EXAI_ALERTMANAGER_LISTEN", "EXAI_BIND", "EXAI_DASHBOARDS_PATH", "EXAI_GRAFANA_LISTEN", "EXAI_NODE_LISTEN",
    "EXAI_POSTGRES", "EXAI_POSTGRES_DASHBOARDS_PATH", "EXAI_POSTGRES_EXPORTER_LISTEN", "EXAI_POSTGRES_PORT",
    "EXAI_PROMETHEUS_LISTEN", "EXAI_REDIS_PORT",
}  # fmt: skip
_ALERTS = {
    "EXAI_ALERTS_TOKEN_FILE", "EXAI_ALERTS_URL", "EXAI_ALERT_ROUTING", "EXAI_NOTIFY", "EXAI_WATCHDOG_URL",
    "EXAI_WATCHDOG_URL_FILE",
}  # fmt: skip
_CLIENT = {"EXAI_EXPORTER_TOKEN", "EXAI_EXPORTER_TOKEN_FILE", "EXAI_EXPORTER_URL"}
_EDGE_FUNCTION = {"EXAI_JWT_SECRET", "EXAI_POOL_SIZE", "EXAI_SERVICE_KEY"}
_FILES = {"EXAI_CONFIG", "EXAI_ENV_FILE"}

KNOWN = frozenset({
    *(name for name in ENVIRONMENT if name.startswith(PREFIX)),
    *_BUNDLE, *_ALERTS, *_CLIENT, *_EDGE_FUNCTION, *_FILES,
})  # fmt: skip
"""Every variable that a part of the project reads. Tests hold it to the code and to the docs."""


def is_unknown(name: str) -> bool:
    """Return whether a variable looks like a setting and is none."""
    return name.startswith(PREFIX) and name not in KNOWN


def advice(name: str) -> str:
    """Return a sentence about an unknown variable: how to set what it seems to mean."""
    key = _FILE_KEYS.get(name)
    if key:
        return f"{name} is not a setting; set {key} in the file that EXAI_CONFIG names"
    close = get_close_matches(name.removeprefix(PREFIX), [known.removeprefix(PREFIX) for known in sorted(KNOWN)], n=1)
    return f"{name} is not a setting" + (f"; did you mean {PREFIX}{close[0]}?" if close else " and has no effect")


def _keys(group: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    """Yield every key of the settings, with dots."""
    for field in msgspec.structs.fields(group):
        if isinstance(field.default, msgspec.Struct):
            yield from _keys(type(field.default), f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


_FILE_KEYS = {PREFIX + key.upper().replace(".", "_"): key for key in _keys(Settings)}
"""The key that each name seems to mean, of those that only the YAML file can set."""
