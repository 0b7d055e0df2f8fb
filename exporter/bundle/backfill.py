"""Gives the Prometheus of a demo a past: two weeks to compare with, and incidents to look back on.

It is written as text beside Prometheus' own data; promtool makes blocks of it, which Prometheus finds within a minute.
The text stays as an empty file, so that no past is written twice.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import click
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from exporter.bundle.environment_label import VARIABLE
from exporter.bundle.programs import find_binary
from exporter.demo.past_series import Past, write_past
from exporter.settings import DEMO

Say = Callable[[str], None]

RATE = 20.0
"""Requests a second of the native demo."""

TEXT = "past.om"
ONE_BLOCK = "486h"
"""More than the whole past: promtool reads all of the text again for each block."""

_GATEWAY = "count(last_over_time(connection_type:exai_connection_events:rate5m[40d]))"
_ANSWERS_WITHIN_S = 60.0


@click.command()
@click.option("--prometheus", required=True, metavar="URL", help="Whose past it is.")
@click.option(
    "--output", required=True, type=click.Path(file_okay=False, exists=True, path_type=Path), help="Its data directory."
)
@click.option("--rate", default=RATE, show_default=True, type=click.FloatRange(0.1, 2000), help="Requests a second.")
def past(prometheus: str, output: Path, rate: float) -> None:
    """Write the weeks before a demo to past.om in Prometheus' data directory, for promtool to make blocks of.

    Nothing is written where Prometheus has ever seen a gateway, or where it has been written before. A bundle whose
    EXAI_ENVIRONMENT is not demo is refused: real and simulated series could not be told apart.
    """
    if os.environ.get(VARIABLE) != DEMO:
        raise click.ClickException(f"no past is simulated in a real bundle: {VARIABLE} is not {DEMO}")
    write(prometheus, output, rate, click.echo)


def backfill(prometheus: str, data: Path, say: Say) -> None:
    """Write the past and make blocks of it; what hinders it is said, and the demo goes on without."""
    promtool = find_binary("promtool")
    if not promtool:
        say("  past          there is none: promtool, which comes with Prometheus, is not installed")
        return
    started = time.monotonic()
    write(prometheus, data, RATE, say)
    text = data / TEXT
    if not text.exists() or not text.stat().st_size:
        return
    command = (promtool, "tsdb", "create-blocks-from", "--quiet", f"--max-block-duration={ONE_BLOCK}", "openmetrics")
    done = subprocess.run((*command, str(text), str(data)), capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"  past          there is none: promtool says {done.stderr.strip()}")
        return
    text.write_text("")
    say(f"  past          is there after {time.monotonic() - started:.1f} s; Prometheus finds it within a minute")


def has_past(data: Path) -> bool:
    """Whether a demo has written one."""
    return (data / TEXT).exists()


def write(prometheus: str, data: Path, rate: float, say: Say) -> None:
    """Write the past of a Prometheus into its data directory, unless it has one."""
    text = data / TEXT
    if has_past(data):
        return
    try:
        until = _first_sample(prometheus)
        if _knows_a_gateway(prometheus):
            say("  past          is left alone: Prometheus has seen a gateway before")
            return
        draft = text.with_suffix(".draft")
        now = time.time()
        with draft.open("w") as file:
            samples = write_past(file, Past(min(until, now), now, rate, Random()))  # noqa: S311
        draft.rename(text)
    except OSError as problem:
        say(f"  past          there is none: {problem}")
        return
    say(f"  past          {samples:,} samples of the weeks before")


def _first_sample(prometheus: str) -> float:
    """When Prometheus' own data begins, which nothing may overlap: a restart would forget what it has since then."""
    patiently = Retrying(
        retry=retry_if_exception_type(OSError),
        wait=wait_fixed(1),
        stop=stop_after_delay(_ANSWERS_WITHIN_S),
        reraise=True,
    )
    milliseconds = patiently(_ask, prometheus, "status/tsdb")["headStats"]["minTime"]
    return float(milliseconds) / 1000


def _knows_a_gateway(prometheus: str) -> bool:
    return bool(_ask(prometheus, "query", query=_GATEWAY)["result"])


def _ask(prometheus: str, what: str, **parameters: str) -> Any:
    url = f"{prometheus}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=30) as reply:  # noqa: S310
        return json.load(reply)["data"]
