"""The first calls of the newest conversations: how long each layer took, and which provider answered.

Later calls of a conversation are compared with its first. Conversations are kept by a hash of their id, and each
entry has a bounded size.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

import msgspec

MOST_CONVERSATIONS = 10_000
_DIGEST_BYTES = 16

LayerSeconds = Mapping[str, float]


class FirstCall(msgspec.Struct, array_like=True, frozen=True):
    """The first call of a conversation."""

    provider: str
    seconds: dict[str, float]
    """Seconds in each layer, all of its spans added up."""


class FirstCallRow(NamedTuple):
    """The saved form of a first call; both of the bytes are empty where it was deleted.

    Conversations are numbered in the order in which they began.
    """

    slot: int
    number: int
    conversation: bytes
    value: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(FirstCall).decode


class FirstCalls:
    """Remembers the first call of at most `most` conversations; the one that began first is forgotten first.

    The entries are a ring: a new conversation takes the slot of the oldest one, in memory and on disk.
    """

    def __init__(self, most: int = MOST_CONVERSATIONS) -> None:
        self._most = most
        self._next_number = 0
        self._conversations: dict[int, bytes] = {}
        self._rows: dict[bytes, FirstCallRow] = {}
        self._unsaved: dict[int, FirstCallRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, conversation: str, call: FirstCall) -> None:
        """Remember a conversation's first call, unless one is known."""
        digest = _digest(conversation)
        if digest in self._rows:
            return
        row = FirstCallRow(self._next_number % self._most, self._next_number, digest, _encode(call))
        self._put(row)
        self._unsaved[row.slot] = row

    def get(self, conversation: str) -> FirstCall | None:
        """Return the first call of a conversation, None if it was not seen or is forgotten."""
        row = self._rows.get(_digest(conversation))
        return _decode(row.value) if row else None

    def delete(self, conversation: str) -> None:
        """Forget a conversation."""
        row = self._rows.pop(_digest(conversation), None)
        if row:
            del self._conversations[row.slot]
            self._unsaved[row.slot] = row._replace(conversation=b"", value=b"")

    def take_unsaved(self) -> list[FirstCallRow]:
        """Return the rows that have changed since the last call."""
        rows, self._unsaved = list(self._unsaved.values()), {}
        return rows

    def restore(self, row: FirstCallRow) -> None:
        """Restore a saved row; rows come in the order of their numbers."""
        if row.conversation:
            self._put(row)
        self._next_number = row.number + 1

    def _put(self, row: FirstCallRow) -> None:
        oldest = self._conversations.get(row.slot)
        if oldest is not None:
            del self._rows[oldest]
        self._conversations[row.slot] = row.conversation
        self._rows[row.conversation] = row
        self._next_number = row.number + 1


def _digest(conversation: str) -> bytes:
    return blake2b(conversation.encode(errors="replace"), digest_size=_DIGEST_BYTES).digest()
