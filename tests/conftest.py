"""Fixtures: one real server each, ended when its test ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import servers, sinks

os.environ["EXAI_ENV_FILE"] = os.devnull  # Commands that run in the working tree do not read its `.env`.


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[servers.Redis]:
    """A Redis that writes each command to its disk before it answers."""
    with servers.redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def exporter_server(tmp_path: Path) -> Iterator[Callable[[Mapping[str, str]], servers.Server]]:
    """Starts an exporter: `exporter_server({"EXAI_REDIS_URL": redis_server.url})`."""
    with ExitStack() as stack:
        yield lambda env: stack.enter_context(servers.exporter_server(tmp_path, env))


@pytest.fixture
def http_sink() -> Iterator[sinks.HttpSink]:
    """What stands in the place of Slack."""
    with sinks.http_sink() as sink:
        yield sink


@pytest.fixture
def smtp_sink() -> Iterator[sinks.SmtpSink]:
    """What stands in the place of a mail server."""
    with sinks.smtp_sink() as sink:
        yield sink
