"""What a real gateway's ConnectionMonitor wrote (see tests/data/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"

WRITES: list[dict[str, Any]] = [
    json.loads(line) for line in (DATA / "connection_monitor_redis.jsonl").read_text().splitlines()
]
"""`{"key": …, "score": …, "member": …}` each, the member byte for byte."""

STATS: dict[str, dict[str, str]] = json.loads((DATA / "connection_monitor_stats.json").read_text())
"""The hash of each type, by key, after all writes."""


def canonical(member: dict[str, Any]) -> dict[str, Any]:
    """The canonical event that a recorded member stands for."""
    metadata = member["metadata"]
    if member["direction"] == "duration_recorded":
        return {
            "kind": "duration",
            "model": metadata["model"],
            "provider": member["connection_type"],
            "duration_ms": member["response_time_ms"],
            "timestamp": member["timestamp"],
            "prompt_tokens": metadata["prompt_tokens"],
            "completion_tokens": metadata["completion_tokens"],
            "request_type": metadata["request_type"],
            "outcome": "ok",
            "request_id": metadata["request_id"],
            "metadata": {"conversation_id": metadata["conversation_id"]},
        }
    event = {"kind": "connection", "script_name": member["script"], "function_name": member["function"]}
    same = ("connection_type", "direction", "timestamp", "data_size_bytes", "response_time_ms", "error")
    return {**event, **{name: member[name] for name in same}, "metadata": metadata}
