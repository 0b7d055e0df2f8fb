"""Who watches the machine."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest

from exporter.bundle import node, packages
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.layout import Layout


def test_it_listens_where_prometheus_looks(endpoints: Endpoints, layout: Layout) -> None:
    (program,) = node.programs(endpoints, layout, pytest.fail)
    assert f"--web.listen-address={endpoints.node}" in program.command


def test_there_is_no_second_one_where_one_listens_already(endpoints: Endpoints, layout: Layout) -> None:
    with socket.create_server((endpoints.node.host, endpoints.node.port)):
        assert node.programs(endpoints, layout, pytest.fail) == []


def test_the_bundle_goes_without_one_that_cannot_be_installed(
    endpoints: Endpoints, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(names: Sequence[str]) -> None:
        raise packages.MissingPackagesError(f"Run: sudo apt-get install {' '.join(names)}")

    monkeypatch.setattr(node, "find_binary", lambda *_: None)
    monkeypatch.setattr(packages, "ensure", refuse)
    said: list[str] = []
    assert node.programs(endpoints, layout, said.append) == []
    assert said == ["  nothing watches this machine: Run: sudo apt-get install prometheus-node-exporter"]
