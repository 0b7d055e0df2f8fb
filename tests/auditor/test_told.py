"""Every alert that is kept was told, also where the exporter was killed while it told them."""

from __future__ import annotations

import fcntl
import json
import os
import select
import struct
import termios
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.auditor.conftest import WEBHOOK, alert, body
from tests.servers import Server, wait_until

MANY = 300
"""Alerts whose lines do not fit into a pipe that nobody reads."""


class Pipe:
    """Stands in the place of the file: who writes to it waits while it is full."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._read = b""

    def is_full(self) -> bool:
        """Whether no further line fits."""
        size = fcntl.fcntl(self._descriptor, fcntl.F_GETPIPE_SZ)
        waiting = struct.unpack("i", fcntl.ioctl(self._descriptor, termios.FIONREAD, bytes(4)))[0]
        return bool(waiting > size - select.PIPE_BUF)

    def titles(self) -> list[str]:
        """Of all whole lines that were written so far."""
        with suppress(BlockingIOError):
            while found := os.read(self._descriptor, 1 << 16):
                self._read += found
        *lines, _rest = self._read.split(b"\n")
        return [json.loads(line)["title"] for line in lines]

    def close(self) -> None:
        """Lets go of it."""
        os.close(self._descriptor)

    def cut(self) -> None:
        """Forgets the line that a killed writer left unfinished."""
        self._read = self._read[: self._read.rfind(b"\n") + 1]


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    """In the place of the file `alerts`."""
    with closing(Pipe(tmp_path / "alerts")) as pipe:
        yield pipe


def test_what_was_not_told_before_a_kill_is_told_when_it_comes_again(
    exporter_server: Callable[[Mapping[str, str]], Server], tmp_path: Path, pipe: Pipe
) -> None:
    exporter = exporter_server({"EXAI_ALERT_FILE": str(tmp_path / "alerts")})
    alerts = [alert(service=f"s{number}", annotations={"summary": str(number)}) for number in range(MANY)]
    everything = {str(number) for number in range(MANY)}

    def send() -> None:
        content = {"Content-Type": "application/json"}
        request = urllib.request.Request(exporter.url + WEBHOOK, json.dumps(body(*alerts)).encode(), content)  # noqa: S310
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310

    with ThreadPoolExecutor(1) as alertmanager:
        first = alertmanager.submit(send)
        wait_until(pipe.is_full, what="some are told")
        exporter.kill()
        assert isinstance(first.exception(), OSError | HTTPException)
        assert set(pipe.titles()) < everything
        pipe.cut()
        exporter.start()
        again = alertmanager.submit(send)
        wait_until(lambda: set(pipe.titles()) == everything, what="all are told")
        again.result()
