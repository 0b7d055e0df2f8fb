"""Decides which model calls count, so that a call that is both described and recorded counts once.

A gateway describes its model calls in connection events (derived calls). An application may also record the same
calls itself (explicit calls). docs/decisions/2026-11-30-model-calls.md gives the reasons for the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import msgspec
from msgspec import Struct

from exporter.calls import normalised
from exporter.conventions import OTHER
from exporter.events import DurationEvent
from exporter.fold.labels import clean
from exporter.types import ModelCalls

MOST_MODELS = 1000
"""Further models share one entry, as their series share the label `other`."""

Announce = Callable[[str, str], object]
"""Takes a model and the source of its first explicit call."""


class _Known(Struct, array_like=True):
    """The calls of one model so far: the sources of its explicit ones, and the time span of its derived ones."""

    explicit_from: list[str] = []
    first_derived: float = inf
    last_derived: float = -inf


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(_Known)


class CallSelection:
    """Admits each model call once, by what it remembers of the model.

    With `auto`, a model's derived calls count until its first explicit call, and its explicit calls from then on.
    `only_source` is the one source whose calls count: its calls are selected as with `auto`, whatever other sources
    have sent.
    """

    def __init__(
        self,
        which: ModelCalls = "auto",
        *,
        look_back_s: float = 300.0,
        only_source: str = "",
        announce: Announce = lambda *_: None,
    ) -> None:
        self._which = "auto" if only_source else which
        self._look_back_s = look_back_s
        self._only_source = only_source
        self._announce = announce
        self._known: dict[str, _Known] = {}
        self._unsaved: set[str] = set()

    def admits(self, call: DurationEvent, source: str) -> bool:
        """Return whether the call counts, and remember it if it does."""
        model = self._key(call.model)
        known = self._known.get(model) or self._known.setdefault(model, _Known())
        if call.derived:
            return self._admits_derived(known, model, call.timestamp)
        return self._admits_explicit(known, model, call.timestamp, source)

    def take_unsaved(self) -> dict[str, bytes]:
        """Return what has changed since the last call, by model."""
        taken = {model: _encode(self._known[model]) for model in self._unsaved}
        self._unsaved.clear()
        return taken

    def restore(self, model: str, saved: bytes) -> None:
        """Take back what was saved of a model."""
        self._known[model] = _decoder.decode(saved)

    def _admits_derived(self, known: _Known, model: str, timestamp: float) -> bool:
        if self._which == "duration" or (self._which == "auto" and self._has_switched(known)):
            return False
        if not known.first_derived <= timestamp <= known.last_derived:
            known.first_derived = min(known.first_derived, timestamp)
            known.last_derived = max(known.last_derived, timestamp)
            self._unsaved.add(model)
        return True

    def _admits_explicit(self, known: _Known, model: str, timestamp: float, source: str) -> bool:
        if self._which == "events":
            return False
        if source not in known.explicit_from:
            if not known.explicit_from:
                self._announce(model, source)
            known.explicit_from.append(source)
            self._unsaved.add(model)
        # A source may bring hours of history. What the events of that time described has been counted.
        return not known.first_derived <= timestamp < known.last_derived - self._look_back_s

    def _has_switched(self, known: _Known) -> bool:
        return self._only_source in known.explicit_from if self._only_source else bool(known.explicit_from)

    def _key(self, model: str) -> str:
        key = normalised(clean(model))
        return key if key in self._known or len(self._known) < MOST_MODELS else OTHER


def switched_before(labels: Sequence[str]) -> tuple[str, bytes]:
    """Return what to save of a model whose calls 0.1 has counted, by the labels of their series: it has switched."""
    return normalised(labels[2]), _encode(_Known(explicit_from=[""]))
