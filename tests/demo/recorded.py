"""What a real gateway's call sites wrote to Redis (see tests/data/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"

WRITES: list[dict[str, Any]] = [json.loads(line) for line in (DATA / "own_calls_redis.jsonl").read_text().splitlines()]
"""`{"key": …, "score": …, "member": …}` each, the member byte for byte."""

MEMBERS: list[dict[str, Any]] = [json.loads(write["member"]) for write in WRITES]


def canonical(member: dict[str, Any]) -> dict[str, Any]:
    """Return the canonical event of a recorded member."""
    event = {"kind": "connection", "script_name": member["script"], "function_name": member["function"]}
    same = ("connection_type", "direction", "timestamp", "data_size_bytes", "response_time_ms", "error", "metadata")
    return {**event, **{name: member[name] for name in same}}


Shape = tuple[tuple[str, str], ...]


def site(member: dict[str, Any]) -> tuple[str, str, str]:
    """Return what tells the call sites apart; the class of a storage does not."""
    function = member["function"].replace("InMemoryStorage", "RedisStorage")
    return member["connection_type"], member["direction"], function


def shape(member: dict[str, Any]) -> tuple[Shape, Shape, Shape]:
    """Return the names and types in a member, in their order, its metadata's and totals' too."""
    return _shape(member), _shape(member["metadata"]), _shape(member["stats"])


def _shape(part: dict[str, Any]) -> Shape:
    return tuple((name, type(value).__name__) for name, value in part.items())
