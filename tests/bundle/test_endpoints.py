"""Where the parts listen."""

from __future__ import annotations

import pytest

from exporter.bundle.endpoints import Address, Endpoints


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:9464", "127.0.0.1", 9464), ("[::1]:80", "::1", 80), ("gateway.example:1", "gateway.example", 1)],
)
def test_an_address_is_read_and_written_back_the_same(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == Address(host, port)
    assert str(Address(host, port)) == text


@pytest.mark.parametrize("text", ["", "9464", ":9464", "host:", "host:port", "host:0", "host:65536"])
def test_an_address_that_is_none_is_refused_with_its_variable(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        Address.parse(text)
    if text:
        with pytest.raises(ValueError, match=r"^EXAI_PROMETHEUS_LISTEN: "):
            Endpoints.from_environment({"EXAI_PROMETHEUS_LISTEN": text})


def test_every_part_listens_on_loopback_unless_told_otherwise() -> None:
    endpoints = Endpoints.from_environment({})
    assert {part: str(address) for part, address in endpoints.parts().items()} == {
        "exporter": "127.0.0.1:9464",
        "prometheus": "127.0.0.1:9090",
        "alertmanager": "127.0.0.1:9093",
        "grafana": "127.0.0.1:3000",
    }
    assert not endpoints.open_to_others


def test_exai_bind_moves_every_part_that_has_no_address_of_its_own() -> None:
    endpoints = Endpoints.from_environment({"EXAI_BIND": "0.0.0.0", "EXAI_LISTEN": "127.0.0.1:1"})
    assert str(endpoints.exporter) == "127.0.0.1:1"
    assert str(endpoints.grafana) == "0.0.0.0:3000"
    assert endpoints.grafana.url == "http://127.0.0.1:3000"
    assert endpoints.open_to_others
