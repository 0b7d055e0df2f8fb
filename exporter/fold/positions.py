"""Where the sources stand: as they have submitted, and as a checkpoint is to save it."""

from __future__ import annotations

from exporter.types import Move, Position


class Positions:
    """The submitted positions, read by the sources, and the moves that are folded but not saved."""

    def __init__(self, saved: dict[str, dict[str, bytes]]) -> None:
        self._submitted = saved
        self._folded: dict[str, Move] = {}

    def holding(self, part: str) -> set[str]:
        """The sources whose position has that part."""
        return {source for source, parts in self._submitted.items() if part in parts}

    def submitted(self, source: str, move: Move) -> None:
        """Notes a move that was handed over."""
        position = self._submitted.setdefault(source, {})
        for part, value in move.items():
            if value is None:
                position.pop(part, None)
            else:
                position[part] = value

    def of(self, source: str) -> Position:
        """Where the source stands, everything submitted so far included."""
        return dict(self._submitted.get(source, {}))

    def folded(self, source: str, move: Move) -> None:
        """Notes a move whose batch is folded: the next checkpoint saves it."""
        if move:
            self._folded[source] = {**self._folded.get(source, {}), **move}

    def take_folded(self) -> dict[str, Move]:
        """The moves since the last checkpoint; they are the caller's from now on."""
        moves, self._folded = self._folded, {}
        return moves
