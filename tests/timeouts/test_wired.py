"""The estimate of a whole exporter, with the provider's counter beside it."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tests.servers import Server, exporter_server
from tests.timeouts.moonshot import KEY, Moonshot

QUESTION = {"model": "kimi-k2", "messages": [{"role": "user", "content": "Hello"}], "request_type": "text"}


def ask(server: Server, **headers: str) -> Any:
    request = urllib.request.Request(  # noqa: S310
        f"{server.url}/api/v1/timeout/estimate",
        json.dumps(QUESTION).encode(),
        {"Content-Type": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        return json.load(reply)


def with_counter(tmp_path: Path, provider: Moonshot, **timeouts: Any) -> dict[str, str]:
    config = tmp_path / "exai.yml"
    config.write_text(yaml.safe_dump({"timeouts": {"tokens": {"base_url": provider.url}, **timeouts}}))
    return {"EXAI_CONFIG": str(config), "MOONSHOT_API_KEY": KEY}


def test_the_provider_counts_for_a_caller_with_the_token_and_for_nobody_else(
    tmp_path: Path, provider: Moonshot
) -> None:
    with exporter_server(tmp_path, with_counter(tmp_path, provider)) as server:
        stranger = ask(server)
        assert (stranger["source"], stranger["metadata"]["reason"]) == ("fallback", "no_token")
        assert provider.asked == []
        token = (tmp_path / "state" / "push-token").read_text().strip()
        known = ask(server, Authorization=f"Bearer {token}")
        assert (known["source"], known["metadata"]["estimated_tokens"]) == ("estimate", 1500)
        assert provider.authorizations == [f"Bearer {KEY}"]
        assert known["timeout"] == 300
        assert KEY not in server.log.read_text()


def test_an_override_of_the_settings_is_served_without_asking_anybody(tmp_path: Path, provider: Moonshot) -> None:
    with exporter_server(tmp_path, with_counter(tmp_path, provider, emergency_s={"KIMI": 45})) as server:
        answer = ask(server)
        assert (answer["source"], answer["timeout"]) == ("emergency", 45)
        assert provider.asked == []
