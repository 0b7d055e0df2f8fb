"""The processes of one bundle, and whoever holds a port."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from exporter.bundle.endpoints import Address

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


def is_free(address: Address) -> bool:
    """Whether a server can listen on an address now."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError:
            return False
    return True


def is_foreign(address: Address, state: Path) -> bool:
    """Whether a process listens on an address that is none of the bundle's of this state directory."""
    return not is_free(address) and not {process.pid for process in owned_by(state)} & set(_listeners(address.port))


def holder(port: int) -> str:
    """Who listens on a TCP port, in words."""
    for pid in _listeners(port):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            return f"{process.name()} (pid {process.pid}, user {process.username()})"
    return "a process of another user"


def _listeners(port: int) -> Iterator[int]:
    """The processes that listen on a TCP port, as far as this user may know."""
    for found in psutil.net_connections("tcp"):
        if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port and found.pid:
            yield found.pid


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
