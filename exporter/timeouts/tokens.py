"""Asks the provider how many tokens a prompt has. That costs money, and waits for somebody else's server."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import structlog
from cachetools import LRUCache
from msgspec import Meta, Struct
from pybreaker import CircuitBreaker, CircuitBreakerError

from exporter.client.http_peer import Answered, AwayError, HttpPeer
from exporter.timeout_settings import TokenEstimates

log = structlog.get_logger()

Messages = Sequence[Mapping[str, Any]]

KEY_VARIABLE = "MOONSHOT_API_KEY"
PATH = "/tokenizers/estimate-token-count"
MOST_AT_ONCE = 4
"""Questions under way; more are not asked, so that a slow provider holds few of our threads."""
MOST_KNOWN = 10_000
"""Prompts whose tokens are remembered."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_THE_CALLERS_FAULT = {400, 404, 413, 422}


class NotCounted(Exception):
    """The provider has not counted; the text is a word that says why.

    `no_token`, `no_key`, `not_its_model`: it was not asked for want of those. `busy`, `broken`: nor was it, while too
    many ask, or while it fails. `failed`: it did not answer in time, or made no sense. `refused`: it will not count it.
    """


class _Data(Struct):
    total_tokens: Annotated[int, Meta(ge=0, le=1_000_000_000)]


class _Counted(Struct):
    data: _Data


def api_key(settings: TokenEstimates, environ: Mapping[str, str]) -> str:
    """The provider's key, empty if there is none.

    Raises:
        ValueError: the named file cannot be read, or what it holds is no key; the key itself is not told.
    """
    source = "timeouts.tokens.key_file" if settings.key_file else KEY_VARIABLE
    try:
        key = Path(settings.key_file).expanduser().read_text() if settings.key_file else environ.get(KEY_VARIABLE, "")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{source}: {settings.key_file} cannot be read: {type(error).__name__}") from None
    key = key.strip()
    if not (key.isascii() and key.isprintable()) or " " in key or (settings.key_file and not key):
        raise ValueError(f"{source}: holds no key")
    return key


class TokenCounter:
    """Counts by asking, from any thread, once for a prompt; nothing is tried again in the caller's time.

    Raises:
        ValueError: the base URL is none, or would send the key in the clear to another machine.
    """

    def __init__(self, settings: TokenEstimates, key: str, *, opens_after: int = 3, opens_for_s: float = 30.0) -> None:
        self._providers, self._limit_s = settings.providers, settings.timeout_s
        self._peer = _peer(settings.base_url, key)
        self._has_key = bool(key)
        self._breaker = CircuitBreaker(opens_after, opens_for_s, throw_new_error_on_trip=False)
        self._known: LRUCache[bytes, int] = LRUCache(MOST_KNOWN)
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._workers = ThreadPoolExecutor(MOST_AT_ONCE, "token-count")

    def count(self, provider: str, model: str, messages: Messages) -> int:
        """The prompt's tokens, after `timeout_s` at most.

        Raises:
            NotCounted: there is no answer.
        """
        if provider not in self._providers:
            raise NotCounted("not_its_model")
        if not self._has_key:
            raise NotCounted("no_key")
        try:
            body = msgspec.json.encode({"model": model, "messages": messages})
        except (TypeError, ValueError, RecursionError):
            raise NotCounted("refused") from None
        digest = hashlib.blake2b(body, digest_size=16).digest()
        with self._lock:
            known = self._known.get(digest)
        return self._asked(body, digest) if known is None else known

    def close(self) -> None:
        """Asks no more."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _asked(self, body: bytes, digest: bytes) -> int:
        if not self._places.acquire(blocking=False):
            raise NotCounted("busy")
        try:
            # In another thread, because looking up the provider's name cannot be given a limit.
            asking = self._workers.submit(self._exchange, body, digest)
        except RuntimeError:
            self._places.release()
            raise NotCounted("busy") from None
        try:
            return asking.result(self._limit_s)
        except TimeoutError:
            raise NotCounted("failed") from None

    def _exchange(self, body: bytes, digest: bytes) -> int:
        try:
            # `calling` holds no lock of the breaker meanwhile, as its `call` would: questions do not wait in line.
            with self._breaker.calling():
                answer = self._peer.post(PATH, body, self._limit_s)
                tokens = None if answer.status in _THE_CALLERS_FAULT else _total(answer)
        except CircuitBreakerError:
            raise NotCounted("broken") from None
        except AwayError as failure:
            log.warning("token count failed", error=str(failure))
            raise NotCounted("failed") from None
        finally:
            self._places.release()
        if tokens is None:
            raise NotCounted("refused")
        with self._lock:
            self._known[digest] = tokens
        return tokens


def _peer(base_url: str, key: str) -> HttpPeer:
    if base_url.startswith("http://") and urlsplit(base_url).hostname not in _LOOPBACK:
        raise ValueError("timeouts.tokens.base_url: the key is sent over https:// only")
    try:
        # A connection that is kept may be found closed, and then the question had to be sent again: none is kept.
        return HttpPeer(base_url, {"Authorization": f"Bearer {key}"}, keeps=0)
    except ValueError as error:
        raise ValueError(f"timeouts.tokens.base_url: {error}") from None


def _total(answer: Answered) -> int:
    if answer.status != 200:
        raise AwayError(f"HTTP {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=_Counted).data.total_tokens
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AwayError("an answer that is no token count") from None
