"""What was learned survives: the same question has the same answer before a kill and after it."""

from __future__ import annotations

import json
import random
import sqlite3
import urllib.request
from pathlib import Path
from typing import Any

from exporter.state_dir import STORE
from tests.core.harness import running, samples, total
from tests.servers import Server, exporter_server, get_json, wait_until

MODELS = ("kimi-k2-0905-preview", "glm-4.6")
START = 1_700_000_000.0


def post(server: Server, path: str, document: Any) -> Any:
    request = urllib.request.Request(  # noqa: S310
        server.url + path, json.dumps(document).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
        return json.load(reply)


def calls(count: int, seed: int) -> list[dict[str, Any]]:
    """Model calls whose durations depend on their prompts, oldest first."""
    rng = random.Random(seed)
    return [
        {
            "kind": "duration", "model": rng.choice(MODELS), "timestamp": START + seed * 1000 + number,
            "prompt_tokens": (prompt := rng.randint(10, 5000)), "duration_ms": prompt * rng.lognormvariate(0, 0.4),
            "outcome": rng.choices(("ok", "timeout", "error"), (96, 2, 2))[0],
        }
        for number in range(count)
    ]  # fmt: skip


def answers(server: Server) -> list[Any]:
    asked = [{"model": model, "prompt_tokens": tokens} for model in (*MODELS, "new-model") for tokens in (50, 4000)]
    return [post(server, "/api/v1/timeout/estimate", question) for question in asked]


def samples_of_all(server: Server) -> int:
    """How many calls all models together are learned from; unlike a scrape, to ask for it saves nothing."""
    return sum(state["samples"] for state in get_json(f"{server.url}/api/v1/timeout/models")["models"])


def folded(server: Server) -> float:
    """How many calls the fold has taken."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as reply:  # noqa: S310
        return total(samples(reply.read().decode()), "gen_ai_client_operation_duration_seconds_count")


def test_the_answer_before_a_kill_is_the_answer_after_it(tmp_path: Path) -> None:
    with exporter_server(tmp_path) as server:
        post(server, "/api/v1/events", calls(400, seed=1))
        wait_until(lambda: folded(server) == 400, what="the first calls are counted, and so are in a checkpoint")
        # What comes now is in the journal alone when the exporter is killed.
        post(server, "/api/v1/events", calls(300, seed=2))
        ended = sum(call["outcome"] == "ok" for call in calls(400, seed=1) + calls(300, seed=2))
        wait_until(lambda: samples_of_all(server) == ended, what="the last calls are learned")
        before = answers(server)
        server.kill()
        server.start()
        assert answers(server) == before


def test_a_checkpoint_alone_brings_everything_back(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        assert exporter.push(calls(200, seed=3)).status_code == 202
        wait_until(
            lambda: exporter.value("gen_ai_client_operation_duration_seconds_count") == 200, what="all are folded"
        )
        before = exporter.client.get("/api/v1/timeout/models").get_json()
    assert {state["model"] for state in before["models"]} == {"kimi-k2-preview", "glm-4.6"}
    with running(tmp_path) as exporter:
        assert exporter.client.get("/api/v1/timeout/models").get_json() == before


def test_a_state_of_another_version_is_learned_anew(tmp_path: Path) -> None:
    with exporter_server(tmp_path) as server:
        post(server, "/api/v1/events", calls(100, seed=1))
        wait_until(lambda: folded(server) == 100, what="the calls are counted")
    with sqlite3.connect(tmp_path / "state" / STORE) as connection:
        assert connection.execute("UPDATE learned SET value = ?", (b"\x90",)).rowcount
    with exporter_server(tmp_path) as server:
        assert samples_of_all(server) == 0
        assert folded(server) == 100
