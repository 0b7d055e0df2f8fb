"""Addresses of servers, as containers see them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

HOST = "host.docker.internal"
"""The name by which a container of the bundle reaches the machine that it runs on."""

_READ_IN_CONTAINERS = ("EXAI_REDIS_URL", "EXAI_DATABASE_URL")


def refuse_loopback(environ: Mapping[str, str]) -> None:
    """Refuse a URL that would lead a container to itself.

    Raises:
        ValueError: a URL names loopback; the message says which variable it is and what to write instead.
    """
    for variable in _READ_IN_CONTAINERS:
        host = _host(environ.get(variable, ""))
        if _is_loopback(host):
            raise ValueError(
                f"{variable}: in a container, {host} is the container itself. Write {HOST} for this machine, and let "
                f"that server listen on the address of Docker's bridge, not on {host} alone"
            )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # The settings' own check says what is wrong with it.
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
