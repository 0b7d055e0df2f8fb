"""What holds for each subject: the shipped file with the overlay on top."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.thresholds.overlay import Change, Key, Setting
from exporter.thresholds.shipped import SCOPE, Override, Shipped, Step, Threshold

Settings = dict[Key, Setting]

EVERYBODY = ("",) * len(SCOPE)
"""The scope of a default."""


def settings(shipped: Shipped, changes: Iterable[Change] = ()) -> Settings:
    """Every threshold's default and overrides; a change of what is not shipped any more counts for nothing."""
    usable = {change.key: change for change in changes if is_known(change, shipped)}
    found: Settings = {}
    for name, threshold in shipped.items():
        default = _over(Setting(value=threshold.value, enabled=threshold.enabled), usable.get((name, EVERYBODY)))
        found[name, EVERYBODY] = default
        own = {(name, override.scope): override for override in threshold.overrides}
        for key in (*own, *(key for key in usable if key[0] == name and key[1] != EVERYBODY)):
            found[key] = _over(_over(default, own.get(key)), usable.get(key))
    return found


def is_known(change: Change, shipped: Shipped) -> bool:
    """Whether there is such a threshold, told apart by what the change names."""
    threshold = shipped.get(change.name)
    return threshold is not None and _tells_apart(threshold, change)


def steps_over(
    below: tuple[Step, ...] | None, value: float | None, steps: tuple[Step, ...] | None
) -> tuple[Step, ...] | None:
    """Return the steps that hold once `value` and `steps` are set over `below`; a value alone holds at every rate."""
    return below if value is None and steps is None else steps


def _tells_apart(threshold: Threshold, change: Change) -> bool:
    return all(label in threshold.scope for label, value in change.subject.items() if value)


def _over(below: Setting, above: Override | Change | None) -> Setting:
    if above is None:
        return below
    return Setting(
        value=below.value if above.value is None else above.value,
        per_rate=steps_over(below.per_rate, above.value, above.per_rate) or (),
        enabled=below.enabled if above.enabled is None else above.enabled,
    )
