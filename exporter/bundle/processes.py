"""The processes of one bundle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

OWNER = "BUNDLE_OWNER"
"""The environment variable that marks every process of a bundle with its state directory."""


def owned_by(state: Path) -> list[psutil.Process]:
    """Every living process that the bundle of this state directory started, orphans too."""
    return [process for process in psutil.process_iter() if _owner(process) == str(state)]


def end(processes: Iterable[psutil.Process], grace_s: float = 60) -> None:
    """SIGTERM, `grace_s` seconds to end in good order, then SIGKILL; returns when all have ended."""
    left = list(processes)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    if not wait_until(lambda: all(map(_has_ended, left)), grace_s):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: all(map(_has_ended, left)), 10)


def wait_until(condition: Callable[[], bool], timeout_s: float, interval_s: float = 0.1) -> bool:
    """Whether `condition` came true within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval_s)
    return True


def _owner(process: psutil.Process) -> str | None:
    with suppress(psutil.Error, OSError):
        return process.environ().get(OWNER)
    return None


def _has_ended(process: psutil.Process) -> bool:
    """A zombie has ended too: in a container nobody may ever collect it."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE) or not process.is_running()
    except psutil.NoSuchProcess:
        return True
