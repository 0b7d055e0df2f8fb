"""Seeded traffic of a gateway: connection events of 280 bytes over five connection types.

Which label sets there are follows from the numbers of functions and scripts alone, so every contender
holds the same series. Every sixteenth function fails too: its error type has to be read from a text.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from itertools import product
from random import Random
from typing import NamedTuple

from exporter.conventions import LATENCY_BUCKETS

EVENT_BYTES = 280
_TYPES = ("websocket", "redis", "supabase", "kimi", "glm")
_ERRORS = ("TimeoutError", "ConnectionResetError", "RateLimitError", "ProviderError")
_FAILING_EVERY = 16
_BUSY_EVERY = 7
_TIMED_SHARE = 0.9
_SEED = 3


class LabelSet(NamedTuple):
    """The labels of one child of exai_connection_events_total."""

    connection_type: str
    direction: str
    script: str
    function: str
    error_type: str = ""


def label_sets(functions: int, scripts: int = 1) -> list[LabelSet]:
    """Those of `functions` functions a connection type, each called from `scripts` scripts."""
    found = []
    for kind, number, script in product(_TYPES, range(functions), range(scripts)):
        names = (f"script_{number % 10:02}_{script}.py", f"function_{number:04}")
        found += [LabelSet(kind, "send", *names), LabelSet(kind, "receive", *names)]
        if script == 0 and number % _FAILING_EVERY == 0:
            cause = _ERRORS[number // _FAILING_EVERY % len(_ERRORS)]
            found.append(LabelSet(kind, "error", *names, cause))
    return found


def busy(sets: Sequence[LabelSet]) -> list[LabelSet]:
    """A seventh of the functions, all over the exposition, with every label set of theirs."""
    return [labels for labels in sets if int(labels.function[-4:]) % _BUSY_EVERY == 0]


def children(sets: Sequence[LabelSet]) -> int:
    """How many label sets of all families they feed."""
    return len(sets) + _histograms(sets) + _of_other_families(sets)


def series(sets: Sequence[LabelSet]) -> int:
    """How many series they feed."""
    return len(sets) + _histograms(sets) * (len(LATENCY_BUCKETS) + 3) + _of_other_families(sets)


def _histograms(sets: Sequence[LabelSet]) -> int:
    return len({(labels.connection_type, labels.function) for labels in sets})


def _of_other_families(sets: Sequence[LabelSet]) -> int:
    errors = sum(bool(labels.error_type) for labels in sets)
    operations = _histograms(sets) + errors
    sizes = len({labels[:2] for labels in sets})
    return errors + operations + sizes + len({labels.connection_type for labels in sets})


class Workload:
    """Endless traffic over some label sets, the same in each run but for its times."""

    def __init__(self, sets: Sequence[LabelSet]) -> None:
        self.sets = sets
        self._random = Random(_SEED)
        self._time = time.time() - 3600

    def batches(self, number: int, size: int) -> list[bytes]:
        """JSON arrays of random events."""
        return [self.batch(self._random.choices(self.sets, k=size)) for _ in range(number)]

    def all(self, size: int) -> Iterator[bytes]:
        """Every label set once, in batches: what brings all series forth."""
        for start in range(0, len(self.sets), size):
            yield self.batch(self.sets[start : start + size], timed=True)

    def of_functions(self, number: int) -> bytes:
        """Return a batch that changes the counters and the histogram of `number` functions, drawn anew each time."""
        one_each = {(labels.connection_type, labels.function): labels for labels in self.sets if not labels.error_type}
        return self.batch(self._random.sample(list(one_each.values()), number), timed=True)

    def batch(self, sets: Sequence[LabelSet], *, timed: bool = False) -> bytes:
        """One event of each label set; about a tenth is not timed unless all must be."""
        return b"[" + b",".join([self._event(labels, timed) for labels in sets]) + b"]"

    def _event(self, labels: LabelSet, timed: bool) -> bytes:
        self._time += 1e-4
        event: dict[str, object] = {
            "kind": "connection",
            "connection_type": labels.connection_type,
            "direction": labels.direction,
            "timestamp": round(self._time, 4),
            "script_name": labels.script,
            "function_name": labels.function,
            "data_size_bytes": self._random.randrange(20, 9000),
        }
        if timed or self._random.random() < _TIMED_SHARE:
            event["response_time_ms"] = round(self._random.lognormvariate(3, 1.5), 3)
        if labels.error_type:
            event["error"] = f"{labels.error_type}: no answer"
        return _padded(event)


def _padded(event: dict[str, object]) -> bytes:
    event["metadata"] = {"id": ""}
    missing = EVENT_BYTES - len(json.dumps(event, separators=(",", ":")))
    event["metadata"] = {"id": "c" * missing}
    return json.dumps(event, separators=(",", ":")).encode()
