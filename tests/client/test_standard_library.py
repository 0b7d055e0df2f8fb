"""An application that imports the client needs nothing that is not Python's own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers import ROOT

OURS = {"client", "conventions", "types", "calls"}
MODULES = (
    "request_tracer", "otel_in", "otel_out", "wsgi", "asgi", "predictions", "process_gauges", "model_calls", "trackers",
    "semaphore_tracker", "websocket_tracker", "snapshots", "timeouts", "cache_collector",
)  # fmt: skip
MONITOR = "from exporter.client import ConnectionMonitor\nConnectionMonitor('').get_summary()"


@pytest.mark.parametrize("statement", [MONITOR, *(f"import exporter.client.{module}" for module in MODULES)])
def test_the_standard_library_alone_is_needed(statement: str) -> None:
    program = (
        f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = [name.split(".") for name in done.stdout.split()]
    assert {name[0] for name in loaded} - sys.stdlib_module_names == {"exporter"}
    assert {name[1] for name in loaded if name[0] == "exporter" and name[1:]} <= OURS
