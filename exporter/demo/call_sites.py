"""The places in the gateway's code that record connection events, and the metadata that each of them writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zlib import crc32

GATEWAY_ZONE = timezone(timedelta(hours=11), "AEDT")
"""The zone of the recorded gateway's display times."""

Metadata = dict[str, Any]

_TRACEBACK = """Traceback (most recent call last):
  File "/app/src/{script}", line {line}, in {function}
    return self._client.{method}(*args, **kwargs)
{error}"""


@dataclass(frozen=True, slots=True)
class CallSite:
    """One place; where `captures_errors`, the metadata of a failure has its type, message and traceback."""

    connection_type: str
    script: str
    function: str
    captures_errors: bool = True


SERVE = CallSite("websocket", "ws_server.py", "serve_connection")
HANDLE = CallSite("websocket", "ws_server.py", "_handle_message")
SEND = CallSite("websocket", "ws_server.py", "_safe_send")
GET = CallSite("redis", "storage_backend.py", "RedisStorage.get")
SET = CallSite("redis", "storage_backend.py", "RedisStorage.set_with_ttl")
LOAD = CallSite("supabase", "supabase_client.py", "SupabaseStorageManager.get_conversation")
SAVE = CallSite("supabase", "supabase_client.py", "SupabaseStorageManager.save_message")
ASK = CallSite("kimi", "kimi_chat.py", "ask")
KIMI_CHAT = CallSite("kimi", "kimi_provider", "kimi_chat.chat_completions_create", captures_errors=False)
OPENAI_COMPATIBLE = CallSite("kimi", "kimi_provider", "openai_compatible.generate_content", captures_errors=False)
GLM = CallSite("glm", "glm_provider", "glm_provider.generate_content", captures_errors=False)

MODEL_CALLS = {"kimi": (KIMI_CHAT, OPENAI_COMPATIBLE), "glm": (GLM,)}
"""Where the calls of a provider's models are recorded."""


def shown(timestamp: float) -> str:
    """Return a time as the gateway writes it into metadata."""
    return datetime.fromtimestamp(timestamp, UTC).astimezone(GATEWAY_ZONE).strftime("%Y-%m-%d %H:%M:%S %Z")


def model_call(site: CallSite, model: str, tokens: int, conversation_id: str, *, failed: bool, at: float) -> Metadata:
    """Return the metadata of a model call. The GLM provider never knows the tokens, and writes 0."""
    if site is GLM:
        more = {"streamed": False, "timestamp": shown(at), "session_id": conversation_id}
        return {"model": model, "tokens": 0, **more}
    if site is OPENAI_COMPATIBLE:
        return {"model": model, "tokens": tokens, "timestamp": shown(at), "continuation_id": conversation_id}
    ended = {"cache_hit": False, "finish_reason": None if failed else "stop"}
    return {"model": model, "tokens": tokens, **ended, "timestamp": shown(at)}


def failure(site: CallSite, error: str) -> Metadata:
    """Return what the metadata of a failure begins with."""
    kind, separator, message = error.partition(": ")
    return {
        "error_type": kind if separator else "Exception",
        "error_message": message or error,
        "error_traceback": traceback_of(error, site),
    }


def traceback_of(error: str, site: CallSite) -> str:
    """Return what Python shows of an error in a function, at the same line each time."""
    line = 40 + crc32(f"{site.script}:{site.function}".encode()) % 400
    method = site.function.rpartition(".")[2]
    script = f"{site.script.removesuffix('.py')}.py"
    return _TRACEBACK.format(script=script, line=line, function=site.function, method=method, error=error)
