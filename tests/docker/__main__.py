"""Run the tests of this directory, each half in an engine of its own, or a shell.

`python -m tests.docker`
`python -m tests.docker PYTEST-ARGUMENTS…` runs all that is named in one engine.
`python -m tests.docker shell [COMMAND…]`
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.docker import engine, namespace, prepare, session
from tests.servers import ROOT

HALVES = (
    ("test_engine.py", "test_env_file.py", "test_first_start.py", "test_settings.py", "test_upgrade.py"),
    ("test_demo.py", "test_readme.py", "test_recovery.py", "test_stand_ins.py"),
)
"""The files of tests; either half takes as long as the other. Their ports are fixed, so each needs a network."""


def main(arguments: list[str]) -> int:
    """Prepare, run the tests or a shell within namespaces, and return the status."""
    refused = namespace.refusal()
    if refused:
        print(f"docker tests: skipped, {refused}")  # noqa: T201
        return 0
    prepared = prepare.Prepared.made()
    return within(prepared, arguments) if arguments else halves()


def halves() -> int:
    """Run both halves at the same time, print what each printed, and return the higher status."""
    commands = [(sys.executable, "-m", "tests.docker", *(f"tests/docker/{name}" for name in half)) for half in HALVES]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for command in commands
    ]
    with ThreadPoolExecutor() as waiting:
        for printed in waiting.map(lambda half: half.communicate()[0], running):
            print(printed, flush=True)  # noqa: T201
    return max(half.returncode for half in running)


def within(prepared: prepare.Prepared, arguments: list[str]) -> int:
    """Run pytest or a shell within namespaces, and remove the engine's data."""
    home = prepare.home()
    module = "tests.docker" if arguments[:1] == ["shell"] else "pytest"
    try:
        command = (sys.executable, "-m", module, *arguments)
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
