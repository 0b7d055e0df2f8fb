"""A server that answers as OpenAI's chat completions do, whole or piece by piece."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}
HEAD = {"id": "chatcmpl-1", "created": 1_760_000_000, "model": "kimi-k2"}


def whole(_: Any) -> dict[str, Any]:
    """One answer."""
    message = {"role": "assistant", "content": "hello"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}


def pieces(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same answer in pieces, as OpenAI sends them."""
    head = {**HEAD, "object": "chat.completion.chunk"}
    for delta, reason in (({"role": "assistant", "content": ""}, None), ({"content": "hello"}, None), ({}, "stop")):
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": USAGE}


@dataclass
class Provider:
    """What was asked; `status` makes it refuse, `before_answer` is called first."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    before_answer: Callable[[], object] = lambda: None


@contextmanager
def openai_stub() -> Iterator[Provider]:
    """A provider that always says hello."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            provider.asked.append(asked)
            provider.before_answer()
            if provider.status == 200 and asked.get("stream"):
                parts = [f"data: {json.dumps(part)}\n\n" for part in pieces(asked)]
                self._answer("text/event-stream", "".join((*parts, "data: [DONE]\n\n")).encode())
            else:
                self._answer("application/json", json.dumps(whole(asked)).encode())

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(provider.status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # A caller may not wait for it.
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
