"""A Prometheus that holds samples which a test has written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import servers


@contextmanager
def prometheus_of(home: Path, samples: Iterable[str]) -> Iterator[servers.Prometheus]:
    """Run a Prometheus over these lines of OpenMetrics, each with its own time in Unix seconds."""
    text = home / "samples.txt"
    with text.open("w") as file:
        file.writelines(f"{line}\n" for line in samples)
        file.write("# EOF\n")
    with servers.prometheus_server(home, {}) as server:
        server.stop()
        make = [servers.binary("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(text)]
        subprocess.run([*make, str(home / "prometheus/data")], check=True, capture_output=True)
        server.start()
        yield server


def at(text: str, now: float) -> Iterator[str]:
    """Yield the samples of a page in Prometheus' text format, as they were at a moment."""
    return (f"{line} {now}" for line in text.splitlines() if line and not line.startswith("#"))
