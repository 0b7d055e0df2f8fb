"""The thresholds in force: read again when their file changes, changed by whom the API lets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import msgspec
import structlog

from exporter.thresholds.asked import Asked, read_changes
from exporter.thresholds.effective import Settings, settings, steps_over
from exporter.thresholds.overlay import Audited, Change, Overlay, load, save
from exporter.thresholds.shipped import Shipped, read
from exporter.types import Clock, Refused

log = structlog.get_logger()

_Signature = tuple[int, int, int] | None


class NotSaved(RuntimeError):
    """A change could not be written; nothing was changed."""


@dataclass(frozen=True, slots=True)
class View:
    """What holds at one moment. `problem` says what is wrong with the file, or with the overlay."""

    shipped: Shipped = field(default_factory=dict)
    overlay: Overlay = field(default_factory=Overlay)
    settings: Settings = field(default_factory=dict)
    problem: str = ""
    refusals: int = 0


class Thresholds:
    """Holds the thresholds of one exporter; a file that cannot be used leaves the values as they were."""

    def __init__(self, file: Path, overlay: Path, clock: Clock) -> None:
        self.file = file
        self._overlay_file, self._clock = overlay, clock
        self._lock = Lock()
        self._signature: _Signature | int = 0
        self._shipped: Shipped = {}
        self._overlay = Overlay()
        self._file_problem = self._overlay_problem = ""
        self._refusals = 0
        try:
            self._overlay = load(overlay)
        except ValueError as error:
            self._overlay_problem = str(error)
            log.error("thresholds_overlay_refused", error=str(error))
        self._reload()

    def view(self) -> View:
        """What holds now; looks whether the file has changed since."""
        with self._lock:
            self._reload()
            return self._view()

    def configure(self, body: bytes, address: str) -> View:
        """Makes the changes that the body asks for, all or none; `address` is whose request it was.

        Raises:
            Refused: the body cannot be used; names the field.
            NotSaved: the overlay cannot be written, or could not be read.
        """
        with self._lock:
            self._reload()
            if self._overlay_problem:
                raise NotSaved(self._overlay_problem)
            self._change(read_changes(body, self._shipped), address)
            return self._view()

    def _view(self) -> View:
        changed = settings(self._shipped, self._overlay.changes)
        problem = self._file_problem or self._overlay_problem
        return View(self._shipped, self._overlay, changed, problem, self._refusals)

    def _reload(self) -> None:
        signature = _signature(self.file)
        if signature == self._signature:
            return
        self._signature = signature
        try:
            self._shipped = read(self.file)
        except Refused as error:
            self._refusals += 1
            self._file_problem = f"{error.field}: {error}" if error.field else str(error)
            log.error("thresholds_refused", file=str(self.file), field=error.field, error=str(error))
        else:
            self._file_problem = ""
            log.info("thresholds_read", file=str(self.file), thresholds=len(self._shipped))

    def _change(self, asked: Sequence[Asked], address: str) -> None:
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")
        changes = [_change(each, self._overlay, at) for each in asked if not each.reset]
        dropped = {(each.name, each.scope) for each in asked if each.reset}
        old = settings(self._shipped, self._overlay.changes)
        new = settings(self._shipped, self._overlay.with_(changes, dropped, ()).changes)
        audit = [_audited(each, old, new, at, address) for each in asked]
        overlay = self._overlay.with_(changes, dropped, audit)
        try:
            save(self._overlay_file, overlay)
        except OSError as error:
            raise NotSaved(f"{self._overlay_file} cannot be written: {error.strerror}") from error
        self._overlay = overlay
        for entry in audit:
            log.info("threshold_changed", **_told(entry))


def _change(asked: Asked, overlay: Overlay, at: str) -> Change:
    """What is asked for over what was changed before: switching off keeps a changed value."""
    key = (asked.name, asked.scope)
    before = next((change for change in overlay.changes if change.key == key), Change(name=asked.name))
    return Change(
        name=asked.name,
        value=before.value if asked.value is None else asked.value,
        per_rate=steps_over(before.per_rate, asked.value, asked.per_rate),
        enabled=before.enabled if asked.enabled is None else asked.enabled,
        note=asked.note,
        who=asked.who,
        at=at,
        **asked.subject,
    )


def _audited(asked: Asked, old: Settings, new: Settings, at: str, address: str) -> Audited:
    key = (asked.name, asked.scope)
    return Audited(
        name=asked.name,
        at=at,
        who=asked.who,
        address=address,
        note=asked.note,
        old=old.get(key),
        new=new.get(key),
        **asked.subject,
    )


def _told(entry: Audited) -> dict[str, object]:
    said = {when: msgspec.to_builtins(getattr(entry, when)) for when in ("old", "new")}
    scope = {label: value for label, value in entry.subject.items() if value}
    return {"name": entry.name, **scope, **said, "who": entry.who, "address": entry.address, "note": entry.note}


def _signature(path: Path) -> _Signature:
    with suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino
    return None
