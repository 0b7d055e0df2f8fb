"""Makes data that JSON holds, and that the exporter takes, of whatever an application hands over."""

from __future__ import annotations

from math import isfinite
from typing import Any

MOST_ITEMS = 1000
"""Values of one `metadata`, its insides included."""

LONGEST_TEXT = 4096
LONGEST_NAME = 256

_MOST_DEEP = 20
_LEFT_OUT = "…"
_MOST_COUNTED = 2**53
_MOST_AMOUNT = 1e15


def text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """The value as text that is valid UTF-8, cut at `longest` characters."""
    if type(value) is str and len(value) <= longest and value.isascii():
        return value
    try:
        return str(value)[:longest].encode("utf-8", "replace").decode()
    except Exception:
        return type(value).__name__


def error_text(error: Any) -> str:
    """`Type: message` of an exception, the text of anything else."""
    return text(f"{type(error).__name__}: {text(error)}" if isinstance(error, BaseException) else error)


def name(value: Any) -> str:
    """The value as a name: short text."""
    return text(value, LONGEST_NAME)


def count(value: Any) -> int:
    """The value as a whole number of at least 0; 0 for what is none."""
    try:
        return min(max(0, int(value)), _MOST_COUNTED)
    except Exception:
        return 0


def amount(value: Any) -> float | None:
    """The value as a finite number of at least 0; None for what is none."""
    if value is None:
        return None
    try:
        number = value if type(value) is int else float(value)
        return number if 0 <= number <= _MOST_AMOUNT else None
    except Exception:
        return None


def plain(mapping: Any) -> dict[str, Any]:
    """A copy of a mapping that JSON holds; empty for what is no mapping."""
    if mapping is None:
        return {}
    try:
        return _Copy().of_items(dict(mapping).items(), 0)
    except Exception:
        return {}


class _Copy:
    """Copies values until so many are copied: one that holds itself comes to an end too."""

    def __init__(self) -> None:
        self._left = MOST_ITEMS

    def of_items(self, items: Any, depth: int) -> dict[str, Any]:
        return {text(key): self._of(value, depth + 1) for key, value in items if self._left > 0}

    def _of(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if value is None or type(value) is bool:
            return value
        if type(value) is int and abs(value) <= _MOST_COUNTED:
            return value
        if type(value) is float:
            return value if isfinite(value) else None
        if depth >= _MOST_DEEP or not isinstance(value, (dict, list, tuple, set, frozenset)):
            return text(value) if depth < _MOST_DEEP else _LEFT_OUT
        if isinstance(value, dict):
            return self.of_items(value.items(), depth)
        return [self._of(item, depth + 1) for item in value if self._left > 0]
