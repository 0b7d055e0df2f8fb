"""An engine with all that the tests expect in it: stand-ins, wheels, and a Compose of either kind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docker import engine as engines
from tests.docker import images, wheels
from tests.docker.engine import Engine
from tests.docker.prepare import Prepared
from tests.servers import ROOT

HOME = "EXAI_TESTS_HOME"
"""The variable that names the directory of the engine's data."""


def config(engine: Engine, plugin: bool) -> Path:
    """Return a DOCKER_CONFIG with which docker has Compose 5 as its plugin, or none."""
    return engine.home / ("with-compose" if plugin else "without-compose")


@contextmanager
def running() -> Iterator[Engine]:
    """Run the engine of this session, within the namespaces."""
    prepared = Prepared.from_environment()
    with engines.running(Path(os.environ[HOME]), prepared.tools) as engine, wheels.served(prepared.wheels):
        engine.docker("load", "--quiet", "--input", str(prepared.images))
        images.tag(engine, images.pinned(ROOT))
        plugins = config(engine, plugin=True) / "cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(prepared.compose)
        config(engine, plugin=False).mkdir()
        yield engine
