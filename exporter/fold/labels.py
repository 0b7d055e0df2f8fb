"""What may stand in a label, and how many values it may take."""

from __future__ import annotations

import re
from collections import Counter

from exporter.calls import RATE_LIMITED, failure_type
from exporter.conventions import INVALID, LABEL_VALUE_BUDGETS, OTHER, OUTCOME_LABELS, UNKNOWN, Family, is_printable

LONGEST = 128
"""Characters of a label value."""

_IDENTIFIER = re.compile(r"\s*([A-Za-z_][\w.]{0,127})\s*:")
_SAYS_RATE_LIMITED = re.compile(r"429|rate_?limit|too_?many", re.IGNORECASE)


def clean(value: str | None) -> str:
    """The value as a label may show it: itself, `unknown` if there is none, `invalid` if unprintable."""
    if not value:
        return UNKNOWN
    return value if len(value) <= LONGEST and is_printable(value) else INVALID


def error_type(text: str | None) -> str:
    """Return the identifier before the first colon of an error's text, `rate_limited` for a 429, else `unknown`.

    SDKs have one class for all answers that are no success: by its name alone a 429 would not be seen.
    """
    if not text:
        return UNKNOWN
    found = _IDENTIFIER.match(text)
    name = found.group(1) if found else UNKNOWN
    if _SAYS_RATE_LIMITED.search(name):
        return name
    return RATE_LIMITED if failure_type(text) == RATE_LIMITED else name


class LabelBudget:
    """Admits label sets of one family until its budget is spent, then turns values into `other` or `unknown`.

    A label with a budget of its own (conventions.LABEL_VALUE_BUDGETS) keeps its value when only the
    family's is spent, so a flood of functions leaves the counts by connection type right.
    """

    def __init__(self, family: Family, budget: int) -> None:
        self.budget = budget
        self._limits = tuple(LABEL_VALUE_BUDGETS.get(label) for label in family.labels)
        self._overflow = tuple(UNKNOWN if label in OUTCOME_LABELS else OTHER for label in family.labels)
        self._held: tuple[Counter[str], ...] = tuple(Counter() for _ in family.labels)

    def admit(self, values: tuple[str, ...], held: int) -> tuple[str, ...]:
        """The label set to count under, while `held` label sets exist."""
        admitted = tuple(map(_within_limit, values, self._limits, self._held, self._overflow))
        if held < self.budget:
            return admitted
        return tuple(OTHER if limit is None else value for value, limit in zip(admitted, self._limits, strict=True))

    def take(self, values: tuple[str, ...]) -> None:
        """Counts a new label set against its labels' budgets."""
        for value, held, overflow in zip(values, self._held, self._overflow, strict=True):
            if value and value != overflow:
                held[value] += 1

    def give_back(self, values: tuple[str, ...]) -> None:
        """Makes room again: the label set is retracted."""
        for value, held in zip(values, self._held, strict=True):
            held[value] -= 1
            if held[value] <= 0:
                del held[value]


def _within_limit(value: str, limit: int | None, held: Counter[str], overflow: str) -> str:
    return value if not value or limit is None or value in held or len(held) < limit else overflow
