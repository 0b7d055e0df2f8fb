"""A gateway on FastAPI: a chat's way through the layers and its model's answer are visible in Prometheus.

Needs `pip install . fastapi uvicorn`; `make install` brings them too.

    .venv/bin/python examples/fastapi_app.py 8003
    curl -X POST http://127.0.0.1:8003/conversations/c1/messages -d '{"text": "hello"}' \
        -H 'Content-Type: application/json'
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from exporter.client.asgi import AsgiMiddleware
from exporter.client.model_calls import ModelCalls
from exporter.client.process_gauges import ProcessGauges
from exporter.client.request_tracer import RequestTracer
from exporter.client.snapshots import Snapshots
from exporter.client.timeouts import TimeoutClient
from exporter.client.trackers import SessionTracker

SERVICE = "chat-gateway"


class Message(BaseModel):
    """What a user says."""

    text: str


async def create(*, model: str, messages: list[dict[str, str]], timeout: float) -> dict[str, Any]:
    """Stands in for `AsyncOpenAI(…).chat.completions.create`: it says everything again."""
    async with asyncio.timeout(timeout):
        await asyncio.sleep(0.01)
    words = messages[-1]["content"]
    usage = {"prompt_tokens": len(words.split()), "completion_tokens": len(words.split())}
    return {"model": model, "choices": [{"message": {"content": words}, "finish_reason": "stop"}], "usage": usage}


def create_app(client: TimeoutClient) -> FastAPI:
    """The application, which tells the client's exporter what it does."""
    tracer, sessions = RequestTracer(client), SessionTracker(context_limit=128_000)
    call_model = ModelCalls(client).wrap_async(create)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with Snapshots(client, tracer.in_flight, sessions, ProcessGauges(SERVICE)):
            yield

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(AsgiMiddleware, recorder=client, service=SERVICE, in_flight=tracer.in_flight)

    @app.post("/conversations/{conversation}/messages")
    async def say(conversation: str, message: Message) -> dict[str, str]:
        with tracer.trace("chat", conversation_id=conversation):
            sessions.message(conversation, context_tokens=len(message.text))
            with tracer.span("provider_selection"):
                model = "kimi-k2"
            with tracer.span("ai_api"):
                asked = [{"role": "user", "content": message.text}]
                reply = await call_model(model=model, messages=asked)
            return {"answer": reply["choices"][0]["message"]["content"]}

    @app.delete("/conversations/{conversation}")
    async def end(conversation: str) -> None:
        sessions.closed(conversation)

    return app


if __name__ == "__main__":
    with TimeoutClient(os.environ.get("EXAI_EXPORTER_URL", "http://127.0.0.1:9464")) as client:
        uvicorn.run(create_app(client), port=int(sys.argv[1]), log_level="warning")
