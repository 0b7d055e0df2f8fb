"""Whether a server of the bundle can listen on an address, and why not."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from exporter.bundle import processes
from exporter.bundle.endpoints import VARIABLES, Address

_FREE_WITHIN_S = 3
"""A process can be gone in name while its last threads still hold the port."""


class PortError(Exception):
    """A part of the bundle cannot listen on its address; the text says which, why, and what to do."""


def check(addresses: Mapping[str, Address], state: Path | None, variables: Mapping[str, str] = VARIABLES) -> None:
    """Check that each part can listen on its address, or that a process of `state`'s bundle does so already.

    `variables` name the setting of each part's address, where there is one.

    Raises:
        PortError: a part cannot listen.
    """
    for part, address in addresses.items():
        if not processes.wait_until(partial(_is_usable, address, state), _FREE_WITHIN_S):
            reason = _reason(address, variables.get(part, ""))
            raise PortError(f"{part} cannot listen on {address}: {reason}")


def is_free(address: Address) -> bool:
    """Return whether a server can listen on an address now."""
    return _bind_error(address) is None


def is_foreign(address: Address, state: Path) -> bool:
    """Return whether a process listens on an address that is not one of the bundle's of this state directory."""
    return not _is_usable(address, state)


def _is_usable(address: Address, state: Path | None) -> bool:
    if is_free(address) or state is None:
        return is_free(address)
    ours = {process.pid for process in processes.owned_by(state)}
    return bool(ours & set(_listeners(address.port)))


def _bind_error(address: Address) -> OSError | None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            return error
    return None


def _reason(address: Address, variable: str) -> str:
    error = _bind_error(address)
    match error.errno if error else errno.EADDRINUSE:
        case errno.EADDRINUSE:
            elsewhere = f", or set {variable} to another port" if variable else ""
            return f"{_holder(address.port)} is there already. Stop it{elsewhere}"
        case errno.EACCES:
            return f"only root may listen on a port below 1024. Set {variable} to a higher one"
        case errno.EADDRNOTAVAIL:
            return f"this machine has no address {address.host}. Correct {variable or 'EXAI_BIND'}"
    return f"{error}. Correct {variable or 'EXAI_BIND'}"


def _holder(port: int) -> str:
    for pid in _listeners(port):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            return f"{process.name()} (pid {process.pid}, user {process.username()})"
    return "a process of another user"


def _listeners(port: int) -> Iterator[int]:
    """Yield the processes that listen on a TCP port, as far as this user may know."""
    for found in psutil.net_connections("tcp"):
        if found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port and found.pid:
            yield found.pid
