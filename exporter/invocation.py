"""Tell users what to run next, in the form in which they started the program."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

SCRIPT = "exai-exporter"


def program() -> str:
    """Return how the program was started: `exai-exporter`, or a Python with `-m exporter`."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{shlex.quote(sys.orig_argv[0])} -m exporter"
    if started.name != SCRIPT or shutil.which(SCRIPT) == str(started):
        return SCRIPT
    return shlex.quote(str(started))


def command(arguments: str) -> str:
    """Return the command line that runs the program with these arguments."""
    return f"{program()} {arguments}"
