"""Pushes recorded events to a running exporter."""

from __future__ import annotations

import gzip
import hashlib
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any

import msgspec
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from exporter.decode.gateway import decode_member
from exporter.types import Clock, Refused

BATCH = 1000
_PATIENCE_S = 30


class ReplayError(RuntimeError):
    """The exporter did not take a batch."""


class Away(ReplayError):
    """It may take it later."""


@dataclass(slots=True)
class Tally:
    """What became of the lines."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def lines(file: IO[bytes]) -> Iterator[bytes]:
    """The file's lines that are not empty; one whose name ends in .gz is inflated."""
    inflated = gzip.GzipFile(fileobj=file) if str(file.name).endswith(".gz") else file
    return (line.strip() for line in inflated if line.strip())


def batches(recorded: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines by the thousand."""
    remaining = iter(recorded)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def canonical(line: bytes, clock: Clock) -> bytes:
    """The line as canonical NDJSON: itself, or what a recorded `{key, score, member}` of the gateway stands for."""
    if b'"member"' not in line:
        return line
    try:
        member = msgspec.json.decode(line)["member"]
        return b"\n".join(map(msgspec.json.encode, decode_member(member.encode(), clock()).events))
    except (msgspec.DecodeError, KeyError, AttributeError, TypeError, Refused):
        return line


class Pusher:
    """Pushes batches under keys made of their content: what was pushed once does not count again."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/") + "/api/v1/events"
        self._token = token
        self.tally = Tally()

    def push(self, batch: list[bytes]) -> None:
        """Pushes one batch and counts what became of it.

        Raises:
            ReplayError: the exporter refused the batch as a whole, or stayed away.
        """
        reply = self._post(b"\n".join(batch))
        self.tally.accepted += reply.get("accepted", 0)
        self.tally.rejected.update(error["reason"] for error in reply.get("errors", ()))

    @retry(
        retry=retry_if_exception_type(Away),
        stop=stop_after_attempt(8),
        wait=wait_exponential_jitter(multiplier=0.2, max=5),
        reraise=True,
    )
    def _post(self, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": hashlib.sha256(body).hexdigest()}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310 - the user's own URL
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:  # noqa: S310
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            return _refused(error)
        except OSError as error:
            raise Away(f"{self._url}: {error}") from error


def _refused(error: urllib.error.HTTPError) -> dict[str, Any]:
    text = error.read()
    if error.code >= 500:
        raise Away(f"the exporter answered {error.code}: {text.decode(errors='replace')}")
    reply = json.loads(text)
    if "errors" not in reply:
        raise ReplayError(f"the exporter answered {error.code}: {reply.get('error')}")
    return dict(reply)
