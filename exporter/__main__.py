"""Run the command line, as `exai-exporter` or `python -m exporter`.

Imports the standard library alone until the command line is loaded: a plain install has none of its libraries.
"""

from __future__ import annotations

import sys

from exporter import __version__
from exporter.invocation import SCRIPT, command

_ASKS_FOR_VERSION = (["--version"], ["version"])


def main() -> None:
    """Run the command of sys.argv, or say what to install for it."""
    try:
        from exporter.cli import cli
        from exporter.invocation import program

        cli(prog_name=program())
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"", "exporter"} or missing in sys.stdlib_module_names:
            raise
        if sys.argv[1:] not in _ASKS_FOR_VERSION:
            sys.exit(
                f"{command(' '.join(sys.argv[1:2])).rstrip()}: the module {missing} is not installed. "
                f"The client needs no other package, the commands do: pip install '{SCRIPT}[server]'"
            )
        print(f"{SCRIPT} {__version__}")  # noqa: T201


if __name__ == "__main__":
    main()
