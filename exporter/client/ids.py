"""Names that no other process gives. They are no secrets; neither `random.seed` nor a fork makes one come again."""

from __future__ import annotations

import os
import random
import socket

from exporter.client.forks import begin_in_every_process


class Ids:
    """Makes them without a call of the system, which would hand the interpreter to another thread."""

    def __init__(self) -> None:
        begin_in_every_process(self)

    def begin(self) -> None:
        """Begins where the system's randomness says."""
        self._bits = random.Random().getrandbits  # noqa: S311

    def hexadecimal(self, digits: int) -> str:
        """So many lower-case digits, not all of them 0."""
        return f"{self._bits(4 * digits) or 1:0{digits}x}"


ids = Ids()


def process_name() -> str:
    """This process, as the `instance` of its gauges names it."""
    return f"{socket.gethostname()}:{os.getpid()}"
