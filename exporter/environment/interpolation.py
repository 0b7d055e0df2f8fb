"""Replace `$NAME`, `${NAME}` and `${NAME:-word}` in a text as Docker Compose does.

Follows the package `template` of compose-go, its oddities included; tests compare it with Compose itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Lookup = Callable[[str], str | None]
"""Return the value of a variable, or None if it is not set."""

_NAME = "[_a-zA-Z][_a-zA-Z0-9]*"
_TOKEN = re.compile(
    r"\$(?:(?P<escaped>\$)"
    rf"|(?P<plain>{_NAME})"
    rf"|\{{(?:(?P<braced>{_NAME})(?:(?P<operator>:?[-+?])(?P<rest>.*))?\}})?)"
)
"""A braced token reaches to the last brace of its line; `_closing_brace` finds where it ends."""


class InterpolationError(ValueError):
    """A text that cannot be interpolated; the message does not quote it, since it may be a password."""


def interpolate(text: str, lookup: Lookup, report_unset: Callable[[str], None]) -> str:
    """Return the text with its variables replaced, and `$$` by `$`.

    A variable that is not set becomes empty. `report_unset` gets its name, unless the text says what holds instead.

    Raises:
        InterpolationError: `${` does not begin a variable, or a variable that the text requires is missing.
    """
    pieces, position = [], 0
    while token := _TOKEN.search(text, position):
        pieces.append(text[position : token.start()])
        position = token.end()
        if token["escaped"]:
            pieces.append("$")
        elif token["operator"]:
            position = token.start() + _closing_brace(token[0]) + 1
            word = text[token.start("rest") : position - 1]
            pieces.append(_choose(token["braced"], token["operator"], word, lookup, report_unset))
        else:
            pieces.append(_value(token["plain"] or token["braced"], lookup, report_unset))
    return "".join((*pieces, text[position:]))


def _value(name: str | None, lookup: Lookup, report_unset: Callable[[str], None]) -> str:
    if not name:
        raise InterpolationError("${ does not begin a variable; write $$ for a dollar sign")
    value = lookup(name)
    if value is None:
        report_unset(name)
    return value or ""


def _choose(name: str, operator: str, word: str, lookup: Lookup, report_unset: Callable[[str], None]) -> str:
    """Return the value of a variable or the word after its operator, whichever the operator asks for."""
    value = lookup(name)
    counts = value is not None and (value != "" or ":" not in operator)
    if operator.endswith("+"):
        return interpolate(word, lookup, report_unset) if counts else value or ""
    if counts:
        return value or ""
    chosen = interpolate(word, lookup, report_unset)
    if operator.endswith("?"):
        raise InterpolationError(f"the variable {name} is required{f': {chosen}' if chosen else ''}")
    return chosen


def _closing_brace(token: str) -> int:
    """Return the index of the brace that closes a token's first. As in Compose, what follows a brace is skipped."""
    depth = position = 0
    while position < len(token):
        if token[position] == "}":
            depth -= 1
            if not depth:
                return position
        elif token[position] == "{":
            depth += 1
            position += 1
        position += 1
    return len(token) - 1
