"""Writes the events that an exporter counts to a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Raw

from exporter.tailing.recent import COUNTED, entry_of
from exporter.tailing.recording_file import RecordingFile


class Recorder:
    """Appends counted events to a file and counts the others by their outcome."""

    def __init__(self, file: RecordingFile) -> None:
        self.written = 0
        self.left_out: Counter[str] = Counter()
        self._file = file

    def take(self, shown: Sequence[Raw]) -> None:
        """Write what was counted.

        Raises:
            OSError: there is no room, or the file cannot be written.
        """
        entries = list(map(entry_of, shown))
        counted = [bytes(entry.event) for entry in entries if entry.outcome == COUNTED]
        if counted:
            self._file.append(counted)
        self.written += len(counted)
        self.left_out.update(entry.outcome for entry in entries if entry.outcome != COUNTED)
