"""Records state_0.1.0.sqlite3.gz: run it in a checkout of the release, `python record_state.py OUTPUT`.

An exporter of that release counts one event of every kind and ends well. It starts again, begins a first
contact, takes more pushes that it does not checkpoint, and is killed: what it leaves is recorded.
"""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from exporter.decode.canonical import decode
from exporter.state_dir import STORE
from exporter.types import Batch
from tests.core.examples import KINDS, READINGS, T, full, gauge, minimal
from tests.core.harness import running
from tests.servers import wait_until

EVERYTHING = [
    *[full(kind, event_id=None) for kind in KINDS if kind != "gauge"],
    *[gauge(subject, values) for subject, values in READINGS.items()],
]
"""What was counted and saved."""

UNSAVED = [minimal("connection"), minimal("connection", function_name="only in the journal")]
"""What was acknowledged, and is only in the journal."""


def main(output: Path) -> None:
    """Write the recorded store to `output`."""
    with tempfile.TemporaryDirectory() as directory:
        state, killed = Path(directory) / "state", Path(directory) / "killed"
        with running(state, clock=lambda: T) as exporter:
            assert exporter.push(EVERYTHING).get_json()["rejected"] == 0
        with running(state, clock=lambda: T, checkpoint_interval_s=300) as exporter:
            hidden = decode(b'[{"connection_type": "of a first contact", "direction": "send", "timestamp": 1.7e9}]', T)
            exporter.app.loop.submit(Batch("redis_zset", hidden.events, received=T, catching_up=True))
            exporter.samples()
            assert exporter.push(UNSAVED).get_json()["rejected"] == 0
            wait_until(lambda: not exporter.app.loop._waiting, what="all is folded")
            shutil.copytree(state, killed)
        store = sqlite3.connect(killed / STORE)
        store.execute("VACUUM INTO ?", (str(Path(directory) / "whole"),))
        store.close()
        output.write_bytes(gzip.compress((Path(directory) / "whole").read_bytes(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
