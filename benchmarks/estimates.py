"""How long an estimate of a timeout takes over HTTP, from an exporter that has learned some models."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, Goal, alone, middle, percentile
from benchmarks.load import clients
from benchmarks.processes import exporter
from benchmarks.scale import Scale

_PATH = "/api/v1/timeout/estimate"
_CLIENTS = 4
_MODELS = tuple(f"model-{number}" for number in range(20))
_WORDS = 800


def measure(scale: Scale, directory: Path) -> Iterator[Figure]:
    """Four clients that ask as fast as they are answered, prompts of some kilobytes and all."""
    rng = random.Random(1)
    with exporter(directory) as server, clients() as load:
        load.push_all(server.port, [_calls(rng) for _ in range(scale.batches)])
        times = load.times(server.port, _PATH, [_question(rng) for _ in range(200)], _CLIENTS, scale.window_s)
    yield alone(f"estimate over HTTP, {_CLIENTS} clients, median", middle(times), "ms")
    yield alone(f"estimate over HTTP, {_CLIENTS} clients, p99", percentile(times, 0.99), "ms", Goal(10, "≤"))
    yield alone(f"estimates over HTTP, {_CLIENTS} clients", len(times) / scale.window_s, "estimates/s")


def _calls(rng: random.Random) -> bytes:
    now = time.time()
    events = [
        {
            "kind": "duration", "model": rng.choice(_MODELS), "timestamp": now,
            "prompt_tokens": (prompt := rng.randint(10, 5000)), "duration_ms": prompt * rng.lognormvariate(0, 0.4),
        }
        for _ in range(100)
    ]  # fmt: skip
    return json.dumps(events).encode()


def _question(rng: random.Random) -> bytes:
    text = " ".join(rng.choices(("gateway", "timeout", "model", "the", "answer"), k=_WORDS))
    return json.dumps({"model": rng.choice(_MODELS), "messages": [{"role": "user", "content": text}]}).encode()
