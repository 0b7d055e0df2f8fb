"""Fixtures: one engine for the session, and projects in it. Outside `make test-docker` no test here is collected."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import sinks
from tests.docker import engine as engines
from tests.docker import namespace, session
from tests.docker.engine import Engine
from tests.docker.project import FLAVOURS, Flavour, Project, project
from tests.servers import ROOT

if not namespace.inside():
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A Docker engine with the stand-ins under the names of the pinned images, and the wheels within reach."""
    with session.running() as engine:
        yield engine


@pytest.fixture(scope="session")
def exporter_image(engine: Engine) -> str:
    """The exporter's image, built from the Dockerfile; later builds find its layers."""
    engine.docker("build", "--tag", "exai-exporter:test", str(ROOT))
    return "exai-exporter:test"


@pytest.fixture(params=FLAVOURS, ids=lambda flavour: flavour.name)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Each Compose in turn; a test that needs one names it: `parametrize("flavour", […], indirect=True)`."""
    chosen = request.param
    return chosen if isinstance(chosen, Flavour) else next(known for known in FLAVOURS if known.name == chosen)


@pytest.fixture
def bundle(engine: Engine, exporter_image: str, flavour: Flavour) -> Iterator[Project]:
    """A copy of the working tree that is not up yet; its containers, networks and volumes are removed after."""
    with project(engine, flavour) as made:
        yield made


@pytest.fixture
def http_sink() -> Iterator[sinks.HttpSink]:
    """A stand-in for Slack on the host, as containers see it."""
    with sinks.http_sink(engines.GATEWAY) as sink:
        yield sink


@pytest.fixture
def smtp_sink() -> Iterator[sinks.SmtpSink]:
    """A stand-in for a mail server on the host, as containers see it."""
    with sinks.smtp_sink(engines.GATEWAY) as sink:
        yield sink
