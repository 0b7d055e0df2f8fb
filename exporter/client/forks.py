"""Objects that a forked child begins anew with: its parent's locks may be held, and its counts are not the child's."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Begins(Protocol):
    """Something with a state of its own process."""

    def begin(self) -> None:
        """Sets the state of a process that has only just begun."""


_living: weakref.WeakSet[Begins] = weakref.WeakSet()


def begin_in_every_process(subject: Begins) -> None:
    """Calls `begin` now, and again in each child that this process forks while the object lives."""
    subject.begin()
    _living.add(subject)


def _begin_all() -> None:
    for subject in list(_living):
        subject.begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all)
