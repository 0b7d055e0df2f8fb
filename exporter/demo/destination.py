"""Find out whether an exporter belongs to a demo, before anything simulated is sent to it."""

from __future__ import annotations

import json
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from exporter.settings import DEMO

_ANSWERS_WITHIN_S = 60.0
_TIMEOUT_S = 5.0


class NotADemoError(Exception):
    """The exporter counts real events, or cannot be asked; the text says how to go on."""


def check(exporter_url: str) -> None:
    """Return if the exporter's environment is `demo`; one that is not up yet is waited for.

    Raises:
        NotADemoError: its environment is another, or it does not answer.
    """
    retrying = Retrying(
        retry=retry_if_exception_type((OSError, HTTPException)),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(_ANSWERS_WITHIN_S),
        reraise=True,
    )
    try:
        environment = retrying(_environment, exporter_url)
    except (OSError, HTTPException, ValueError) as failure:
        raise NotADemoError(f"the exporter at {exporter_url} does not say whether it is a demo's: {failure}") from None
    if environment != DEMO:
        raise NotADemoError(
            f"the exporter at {exporter_url} is not a demo's (EXAI_ENVIRONMENT), and what is simulated cannot be told "
            f"apart from real events later. `make demo` starts a bundle for it; to send there all the same, add "
            f"--exporter {exporter_url}"
        )


def _environment(exporter_url: str) -> str:
    opener = build_opener(ProxyHandler({}))
    with opener.open(f"{exporter_url}/healthz", timeout=_TIMEOUT_S) as reply:
        health = json.load(reply)
    return str(health.get("environment", "")) if isinstance(health, dict) else ""
