"""Reads config/thresholds.yml: a default for each threshold, and overrides for some subjects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from exporter.conventions import is_printable
from exporter.decode.validate import refusal
from exporter.events import Amount
from exporter.strict_yaml import read_names
from exporter.types import Refused

ScopeLabel = Literal["service", "provider", "model", "implementation"]
SCOPE: tuple[str, ...] = ("service", "provider", "model", "implementation")
"""The labels that say for which subject a threshold holds; empty: for every one."""

Text = Annotated[str, Meta(max_length=500)]
Value = Annotated[str, Meta(max_length=128)]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,127}")


class Scoped(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that holds for one subject, or for all."""

    service: Value = ""
    provider: Value = ""
    model: Value = ""
    implementation: Value = ""

    @property
    def scope(self) -> tuple[str, ...]:
        """The values of `SCOPE`."""
        return tuple(getattr(self, label) for label in SCOPE)

    @property
    def subject(self) -> dict[str, str]:
        """`SCOPE` with its values."""
        return {label: getattr(self, label) for label in SCOPE}


class Step(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The value that holds while the subject has more than `above` operations a second."""

    above: Annotated[float, Meta(gt=0, le=1e15)]
    value: Amount


Steps = Annotated[tuple[Step, ...], Meta(max_length=10)]


class Override(Scoped, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is different for one subject."""

    value: Amount | None = None
    per_rate: Steps | None = None
    enabled: bool | None = None
    note: Text = ""


class Threshold(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One threshold: its default, the series that rules compare with it, and whom it may be overridden for.

    `scope` maps the labels that an override may name to the labels that `series` has for them. `rate` is the series
    of operations a second that `per_rate` of an override follows; it has the labels of `scope` too.
    """

    value: Amount
    unit: Literal["ratio", "seconds", "bytes", "events", "multiple", "state"]
    severity: Literal["info", "warning", "critical"]
    series: Text
    note: Text
    enabled: bool = True
    rate: Text = ""
    scope: dict[ScopeLabel, str] = {}
    overrides: tuple[Override, ...] = ()


Shipped = Mapping[str, Threshold]
"""Every threshold by its name."""


def read(path: Path) -> dict[str, Threshold]:
    """The thresholds of the file.

    Raises:
        Refused: it cannot be used; names the field.
    """
    return {name: _threshold(name, entry) for name, entry in read_names(path, "thresholds").items()}


def check_value(field: str, value: float, threshold: Threshold) -> None:
    """Raises Refused for a ratio above 1: it was meant in percent."""
    if threshold.unit == "ratio" and value > 1:
        raise Refused(field, "out_of_range", f"{value:g} is above 1: 5 % is written 0.05")


def check_scope(within: str, name: str, scoped: Scoped, threshold: Threshold) -> None:
    """Raises Refused for a subject that the rules do not tell apart, or that no label can name."""
    for label, value in scoped.subject.items():
        if value and label not in threshold.scope:
            known = ", ".join(threshold.scope) or "nothing"
            raise Refused(within + label, "unknown_value", f"{name} is told apart by {known}, not by {label}")
        if not is_printable(value):
            raise Refused(within + label, "unknown_value", f"{value!r} is not printable")


def check_steps(within: str, name: str, steps: Sequence[Step], threshold: Threshold) -> None:
    """Raise Refused unless `threshold` has a rate and the steps ascend; `within` is the path of the field per_rate."""
    if steps and not threshold.rate:
        raise Refused(within, "unknown_value", f"{name} cannot follow load: it has no rate")
    for position, step in enumerate(steps):
        check_value(f"{within}[{position}].value", step.value, threshold)
        if position and step.above <= steps[position - 1].above:
            raise Refused(f"{within}[{position}].above", "out_of_range", "must be greater than that of the step before")


def _threshold(name: str, entry: Any) -> Threshold:
    if not _NAME.fullmatch(name):
        raise Refused(name, "unknown_value", "a name is lower case letters, digits and underscores")
    try:
        threshold = msgspec.convert(entry, Threshold)
    except msgspec.ValidationError as error:
        raise refusal(error, name) from None
    check_value(f"{name}.value", threshold.value, threshold)
    _check_overrides(name, threshold)
    return threshold


def _check_overrides(name: str, threshold: Threshold) -> None:
    seen = set()
    for place, override in enumerate(threshold.overrides):
        within = f"{name}.overrides[{place}]."
        check_scope(within, name, override, threshold)
        check_value(within + "value", override.value or 0, threshold)
        check_steps(within + "per_rate", name, override.per_rate or (), threshold)
        if not any(override.scope):
            raise Refused(within + "service", "missing_field", "an override says for whom it is")
        if override.scope in seen:
            raise Refused(within + "service", "unknown_value", "this subject is overridden twice")
        seen.add(override.scope)
