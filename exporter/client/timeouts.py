"""Asks the exporter how long a call of a model may take, and tells it how long the call took.

    client = TimeoutClient("http://127.0.0.1:9464")
    with client.timeout_for("kimi-k2", messages) as t:
        reply = openai.chat.completions.create(…, timeout=t.seconds)
        t.completed(completion_tokens=reply.usage.completion_tokens)

Nothing here raises into the application because of the exporter: without it, the last known or a fixed timeout holds.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from exporter.calls import USUAL_REQUEST_TYPE
from exporter.client.http_peer import Answered, AwayError, HttpPeer
from exporter.client.patience import Breaker
from exporter.client.plain_data import name
from exporter.client.timed_call import Estimated, TimedCall
from exporter.client.transport import Transport

log = logging.getLogger(__name__)

Messages = Sequence[Mapping[str, Any]]

PATH = "/api/v1/timeout/estimate"
MOST_ASKED = 2 << 20
"""Bytes of a question; messages that make it larger stay at home."""

_MOST_REMEMBERED = 1000
_LIMIT_S, _LIMIT_WITH_TOKEN_S = 1.0, 6.0


class TimeoutClient:
    """Asks one exporter. Usable from any thread; `close` pushes what is left.

    `fallback_s` holds for a model of which nothing was ever heard. Only with a `token` may the exporter ask the
    provider for a prompt's tokens. A question takes `limit_s` seconds at most, looking up the exporter's name not
    counted: 1 if left out, 6 with a token, because the exporter may wait 5 for the provider.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:9464",
        token: str | None = None,
        fallback_s: float = 180.0,
        limit_s: float | None = None,
    ) -> None:
        peer = HttpPeer(url, {"Authorization": f"Bearer {token}"} if token else None)
        self.transport = Transport(peer)
        self.record_later: Callable[[Callable[[], Mapping[str, Any]]], None] = self.transport.leave
        """Leaves an event to be made by the thread that pushes it, of what does not change any more."""
        self._peer, self._fallback_s = peer, fallback_s
        self._limit_s = limit_s or (_LIMIT_WITH_TOKEN_S if token else _LIMIT_S)
        self._breaker = Breaker()
        self._last: dict[tuple[str, str], Estimated] = {}
        self._warned: set[int] = set()

    def timeout_for(
        self,
        model: str,
        messages: Messages | None = None,
        *,
        request_type: str = USUAL_REQUEST_TYPE,
        prompt_tokens: int | None = None,
        max_tokens: int | None = None,
        quantile: float | None = None,
    ) -> TimedCall:
        """The call that the block makes; `with` and `async with` both do."""
        question = {
            "model": model,
            "messages": messages,
            "request_type": request_type,
            "prompt_tokens": prompt_tokens,
            "max_tokens": max_tokens,
            "quantile": quantile,
        }
        return TimedCall(self, {key: value for key, value in question.items() if value is not None})

    def estimate(self, question: Mapping[str, Any]) -> Estimated:
        """The exporter's answer, else the last one for such a call, else `fallback_s`."""
        subject = (name(question.get("model")), name(question.get("request_type")))
        estimated = self._asked(question)
        if estimated:
            self._remember(subject, estimated)
            return estimated
        last = self._last.get(subject)
        return Estimated(last.seconds if last else self._fallback_s)

    def record(self, event: Mapping[str, Any]) -> None:
        """Leaves an event to be pushed."""
        self.transport.put(event)

    def flush(self, within_s: float = 5.0) -> bool:
        """Waits until everything recorded has been pushed; False when that takes longer."""
        return self.transport.flush(within_s)

    def close(self, within_s: float = 2.0) -> None:
        """Pushes what is left, for so many seconds at most."""
        self.transport.close(within_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _asked(self, question: Mapping[str, Any]) -> Estimated | None:
        body = _written(question)
        if body is None or not self._breaker.allows():
            return None
        try:
            answer = self._peer.post(PATH, body, self._limit_s)
        except AwayError:
            self._breaker.failed()
            return None
        if answer.status >= 500:
            self._breaker.failed()
            return None
        self._breaker.succeeded()
        if answer.status == 200:
            return _read(answer.body)
        self._warn(answer)
        return None

    def _warn(self, answer: Answered) -> None:
        if answer.status not in self._warned:
            self._warned.add(answer.status)
            log.warning("the exporter gives no timeout: HTTP %d %.200r", answer.status, answer.body)

    def _remember(self, subject: tuple[str, str], estimated: Estimated) -> None:
        if len(self._last) >= _MOST_REMEMBERED:
            self._last.clear()
        self._last[subject] = estimated


def _written(question: Mapping[str, Any]) -> bytes | None:
    """The question as JSON, without messages that are too large or no JSON."""
    for asked in (question, {key: value for key, value in question.items() if key != "messages"}):
        with suppress(Exception):
            body = json.dumps(asked, default=_plain, allow_nan=False).encode()
            if len(body) <= MOST_ASKED:
                return body
    return None


def _plain(value: Any) -> Any:
    """A message as libraries hand it out: their models tell what they hold."""
    return value.model_dump(exclude_none=True)


def _read(body: bytes) -> Estimated | None:
    try:
        answer = json.loads(body)
        seconds, confidence = float(answer["timeout"]), float(answer["confidence"])
        tokens = answer["metadata"]["estimated_tokens"]
        if not (math.isfinite(seconds) and seconds > 0):
            return None
        return Estimated(seconds, confidence, str(answer["source"]), tokens if isinstance(tokens, int) else None)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
