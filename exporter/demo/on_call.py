"""Somebody on call, simulated like the gateway, who acknowledges the demo's alerts and nobody else's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import structlog

from exporter.settings import DEMO

log = structlog.get_logger()

WHO = "demo on-call"
_SAYS = {"who": WHO, "note": "An incident of the demo: it ends by itself.", "minutes": 1}
_LOOKS_EVERY_S = 5.0
_SEES_AFTER_S = 60.0
_ANSWERS_WITHIN_S = 5.0
_THE_MACHINE = "host"
"""The service of alerts about CPU, memory and disk of the machine."""
_WAITING = "/auditor/observations?open=true&acknowledged=false&limit=1000"


class OnCall:
    """A thread that acknowledges what has fired for a minute, one alert at a look: the alert is silent for another.

    What only informs gets nobody up. Alerts of another environment, and those of the machine that the demo runs on,
    are real: they are left to real people.
    """

    def __init__(self, exporter_url: str, token_file: Path, clock: Callable[[], float] = time.time) -> None:
        self._url, self._token_file, self._clock = exporter_url.rstrip("/"), token_file, clock
        self._opener = build_opener(ProxyHandler({}))
        self._over = Event()
        self._thread = Thread(target=self._run, name="on-call", daemon=True)

    def __enter__(self) -> OnCall:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """Acknowledge the alert that has waited for longest, if that is long enough.

        Raises:
            OSError, HTTPException, ValueError: the exporter cannot be asked, or refuses; or there is no token.
        """
        first = min(filter(_is_for_us, self._ask(_WAITING)["observations"]), key=_began, default=None)
        if first and self._clock() - _began(first) >= _SEES_AFTER_S:
            self._ask(f"/auditor/observations/{first['id']}/acknowledge", _SAYS)

    def _run(self) -> None:
        while not self._over.wait(_LOOKS_EVERY_S):
            try:
                self.look()
            except (OSError, HTTPException, ValueError) as failure:
                log.warning("on_call_sees_nothing", error=str(failure))

    def _ask(self, path: str, said: dict[str, Any] | None = None) -> Any:
        request = Request(self._url + path)  # noqa: S310 - the exporter's
        if said:
            request.data = json.dumps(said).encode()
            request.headers = {
                "Authorization": f"Bearer {self._token_file.read_text().strip()}", "Content-Type": "application/json",
            }  # fmt: skip
        with self._opener.open(request, timeout=_ANSWERS_WITHIN_S) as reply:
            return json.load(reply)


def _is_for_us(observation: dict[str, Any]) -> bool:
    labels = observation["labels"]
    of_the_demo: bool = labels.get("environment") == DEMO and labels.get("service") != _THE_MACHINE
    return of_the_demo and bool(observation["severity"] != "info")


def _began(observation: dict[str, Any]) -> float:
    return datetime.fromisoformat(observation["started_at"]).timestamp()
