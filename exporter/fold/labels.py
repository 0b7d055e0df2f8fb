"""What may stand in a label, and how many values it may take."""

from __future__ import annotations

import re

from exporter.conventions import INVALID, LABEL_VALUE_BUDGETS, OTHER, UNKNOWN, Family

LONGEST = 128
"""Characters of a label value."""

_IDENTIFIER = re.compile(r"\s*([A-Za-z_][\w.]{0,127})\s*:")


def clean(value: str | None) -> str:
    """The value as a label may show it: itself, `unknown` if there is none, `invalid` if unprintable."""
    if not value:
        return UNKNOWN
    return value if len(value) <= LONGEST and value.isprintable() else INVALID


def error_type(text: str | None) -> str:
    """The identifier before the first colon of an error's text, else `unknown`."""
    found = _IDENTIFIER.match(text) if text else None
    return found.group(1) if found else UNKNOWN


class LabelBudget:
    """Admits label sets of one family until its budget is spent, then turns values into `other`.

    A label with a budget of its own (conventions.LABEL_VALUE_BUDGETS) keeps its value when only the
    family's is spent, so a flood of functions leaves the counts by connection type right.
    """

    def __init__(self, family: Family, budget: int) -> None:
        self.budget = budget
        self._limits = tuple(LABEL_VALUE_BUDGETS.get(label) for label in family.labels)
        self._seen: tuple[set[str], ...] = tuple(set() for _ in family.labels)

    def admit(self, values: tuple[str, ...], held: int) -> tuple[str, ...]:
        """The label set to count under, while `held` label sets exist."""
        admitted = tuple(map(self._within_limit, values, self._limits, self._seen))
        if held >= self.budget:
            admitted = tuple(
                OTHER if limit is None else value for value, limit in zip(admitted, self._limits, strict=True)
            )
        self.remember(admitted)
        return admitted

    def remember(self, values: tuple[str, ...]) -> None:
        """Counts values that are in use against their labels' budgets."""
        for value, limit, seen in zip(values, self._limits, self._seen, strict=True):
            if limit is not None and value != OTHER:
                seen.add(value)

    @staticmethod
    def _within_limit(value: str, limit: int | None, seen: set[str]) -> str:
        return value if limit is None or value in seen or len(seen) < limit else OTHER
