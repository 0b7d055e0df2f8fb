"""Waits until every part of the bundle answers, and shows that it waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from exporter.bundle.endpoints import Address, Endpoints

READY_PATHS = {
    "exporter": "/readyz",
    "prometheus": "/-/ready",
    "alertmanager": "/-/healthy",
    "grafana": "/api/health",
}
"""What to ask each part for."""

_REMIND_AFTER_S = 5.0

Say = Callable[[str], None]
"""Shows one line to the user."""


class NotReadyError(Exception):
    """A part did not become ready; the text says which, and why as far as it is known."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(f"{part} {text}")
        self.part = part


@dataclass(frozen=True, slots=True)
class Answer:
    """What a part said when asked whether it is ready."""

    ready: bool
    text: str


def ask(part: str, address: Address) -> Answer:
    """Ask a part once whether it is ready."""
    local = address.local
    connection = HTTPConnection(local.host, local.port, timeout=3)
    try:
        connection.request("GET", READY_PATHS[part])
        reply = connection.getresponse()
        return Answer(reply.status == 200, reply.read(2000).decode(errors="replace").strip())
    except (OSError, HTTPException) as problem:
        return Answer(ready=False, text=str(problem) or type(problem).__name__)
    finally:
        connection.close()


def addresses(endpoints: Endpoints, parts: list[str]) -> dict[str, Address]:
    """The addresses of some parts."""
    return {part: address for part, address in endpoints.parts().items() if part in parts}


def wait_for(
    waiting: Mapping[str, Address],
    say: Say,
    timeout_s: float,
    failed: Callable[[str], str | None] = lambda _: None,
) -> None:
    """Return once every part is ready; `failed` tells why a part will never be."""
    left, started = dict(waiting), time.monotonic()
    reminder = _REMIND_AFTER_S
    while left:
        for part, address in list(left.items()):
            answer = ask(part, address)
            elapsed = time.monotonic() - started
            if answer.ready:
                say(f"  {part:<13} ready after {elapsed:.1f} s")
                del left[part]
            elif reason := failed(part):
                raise NotReadyError(part, f"keeps ending.\n{reason}")
            elif elapsed > timeout_s:
                raise NotReadyError(part, f"is not ready after {timeout_s:.0f} s: {answer.text}")
        if left and time.monotonic() - started > reminder:
            say(f"  waiting for {', '.join(left)} ({reminder:.0f} s)")
            reminder += _REMIND_AFTER_S
        time.sleep(0.1 if left else 0)
