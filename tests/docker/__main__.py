"""Run the tests of this directory in an engine of their own, or a shell.

`python -m tests.docker [PYTEST-ARGUMENTS]`
`python -m tests.docker shell [COMMAND…]`
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.docker import engine, namespace, prepare, session


def main(arguments: list[str]) -> int:
    """Prepare, run pytest or a shell within namespaces, remove the engine's data, and return the status."""
    refused = namespace.refusal()
    if refused:
        print(f"docker tests: skipped, {refused}")  # noqa: T201
        return 0
    prepared = prepare.Prepared.made()
    home = prepare.home()
    module = "tests.docker" if arguments[:1] == ["shell"] else "pytest"
    try:
        command = (sys.executable, "-m", module, *(arguments or ["tests/docker"]))
        return namespace.enter(command, prepared.tools, {**prepared.environment(), session.HOME: str(home)})
    finally:
        engine.remove(home)


def shell(command: list[str]) -> int:
    """Run a command, or a shell, beside the engine; docker has Compose 5 as its plugin."""
    with session.running() as running:
        environment = {**os.environ, "DOCKER_CONFIG": str(session.config(running, plugin=True))}
        return subprocess.run(command or [os.environ.get("SHELL", "sh")], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(shell(sys.argv[2:]) if namespace.inside() else main(sys.argv[1:]))
