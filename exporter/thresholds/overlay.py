"""What the API changed, and who did when: one file in the state directory, replaced as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from exporter.thresholds.shipped import Scoped, Step

MOST_AUDITED = 1000
"""Changes that the file remembers; the log has all."""

Key = tuple[str, tuple[str, ...]]
"""A threshold's name and the values of its scope."""


class Setting(Struct, frozen=True, kw_only=True):
    """What holds for a subject."""

    value: float
    enabled: bool
    per_rate: tuple[Step, ...] = ()


class Change(Scoped, frozen=True, kw_only=True):
    """One subject's own value; what is None stays as it is shipped. `at` is RFC 3339."""

    name: str
    value: float | None = None
    per_rate: tuple[Step, ...] | None = None
    enabled: bool | None = None
    note: str = ""
    who: str = ""
    at: str = ""

    @property
    def key(self) -> Key:
        """Which threshold it changes, for whom."""
        return self.name, self.scope


class Audited(Scoped, frozen=True, kw_only=True):
    """Who changed what, from which address; None: no such override was there, or is there any more."""

    name: str
    at: str
    who: str
    address: str
    note: str
    old: Setting | None
    new: Setting | None


class Overlay(Struct, frozen=True):
    """The changes in force, and the last ones that were made, newest last."""

    changes: tuple[Change, ...] = ()
    audit: tuple[Audited, ...] = ()

    def with_(self, changes: Iterable[Change], dropped: set[Key], audit: Iterable[Audited]) -> Overlay:
        """The same with these changes made."""
        made = {change.key: change for change in (*self.changes, *changes)}
        kept = tuple(change for key, change in made.items() if key not in dropped)
        return Overlay(kept, (*self.audit, *audit)[-MOST_AUDITED:])


def load(path: Path) -> Overlay:
    """What the file holds, nothing where there is none.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Overlay)
    except FileNotFoundError:
        return Overlay()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def save(path: Path, overlay: Overlay) -> None:
    """Replaces the file, so that a crash leaves the old one or the new one. OSError: the old one stays."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(overlay), indent=1))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
