"""Pushes recorded events to a running exporter."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from exporter.recordings import BadLine, Chunk
from exporter.tokens import Token

_PATIENCE_S = 30


class ReplayError(RuntimeError):
    """The exporter did not take a batch."""


class Away(ReplayError):
    """It may take it later."""


@dataclass(slots=True)
class Tally:
    """Counts of accepted and rejected events, and the lines that are known to be bad."""

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    bad: list[BadLine] = field(default_factory=list)


class Pusher:
    """Pushes batches under keys made of their content: what was pushed once does not count again."""

    def __init__(self, url: str, token: Token) -> None:
        self._url = url.rstrip("/") + "/api/v1/events"
        self._token = token
        self.tally = Tally()

    def push(self, chunk: Chunk) -> None:
        """Pushes some lines and counts what became of them.

        Raises:
            ReplayError: the exporter refused the batch as a whole, or stayed away.
        """
        bad = list(chunk.bad)
        if chunk.rows:
            reply = self._post(b"\n".join(chunk.rows))
            self.tally.accepted += reply["accepted"]
            bad += [_bad_line(chunk, error) for error in reply["errors"]]
            self.tally.rejected["not named"] += reply["rejected"] - len(reply["errors"])
        self.tally.rejected.update(line.reason for line in bad)
        self.tally.bad += sorted(bad)

    @retry(
        retry=retry_if_exception_type(Away),
        stop=stop_after_attempt(8),
        wait=wait_exponential_jitter(multiplier=0.2, max=5),
        reraise=True,
    )
    def _post(self, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": hashlib.sha256(body).hexdigest()}
        headers |= self._token.headers
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310 - the user's own URL
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:  # noqa: S310
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            if error.code == 401:
                raise ReplayError(f"{self._url}: {self._token.refused}") from None
            return _refused(error)
        except OSError as error:
            raise Away(f"{self._url}: {error}") from error


def _bad_line(chunk: Chunk, error: dict[str, Any]) -> BadLine:
    return BadLine(chunk.numbers[error["index"]], error["field"], error["reason"], error["message"])


def _refused(error: urllib.error.HTTPError) -> dict[str, Any]:
    text = error.read()
    if error.code >= 500:
        raise Away(f"the exporter answered {error.code}: {text.decode(errors='replace')}")
    reply = json.loads(text)
    if "errors" not in reply:
        raise ReplayError(f"the exporter answered {error.code}: {reply.get('error')}")
    return dict(reply)
