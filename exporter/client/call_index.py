"""Which call of its conversation a request is."""

from __future__ import annotations

import threading
from collections import OrderedDict

from exporter.client.forks import begin_in_every_process


class CallIndex:
    """Counts the calls of each conversation, from 1.

    Of more than `most` conversations, the one that was silent for longest is forgotten and begins again at 1.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = max(1, most)
        begin_in_every_process(self)

    def begin(self) -> None:
        """No conversation is known."""
        self._lock = threading.RLock()
        self._calls: OrderedDict[str, int] = OrderedDict()

    def next(self, conversation_id: str) -> int:
        """The number of the call that begins now."""
        with self._lock:
            number = self._calls.pop(conversation_id, 0) + 1
            self._calls[conversation_id] = number
            if len(self._calls) > self._most:
                self._calls.popitem(last=False)
            return number

    def __len__(self) -> int:
        return len(self._calls)
