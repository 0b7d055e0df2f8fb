"""What an application imports. Needs the standard library alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exporter.client.connection_monitor import ConnectionMonitor, get_monitor

__all__ = ["ConnectionMonitor", "get_monitor"]

_MODULES = {"ConnectionMonitor": "connection_monitor", "get_monitor": "connection_monitor"}


def __getattr__(name: str) -> Any:
    """What is imported from here is loaded when it is asked for, and nothing else with it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
