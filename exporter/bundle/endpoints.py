"""Where each part of the bundle listens."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace

LOOPBACK = "127.0.0.1"
_ANY = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104


VARIABLES = {
    "exporter": "EXAI_LISTEN",
    "prometheus": "EXAI_PROMETHEUS_LISTEN",
    "alertmanager": "EXAI_ALERTMANAGER_LISTEN",
    "grafana": "EXAI_GRAFANA_LISTEN",
    "node": "EXAI_NODE_LISTEN",
    "postgres_exporter": "EXAI_POSTGRES_EXPORTER_LISTEN",
}
"""Each part and companion, and the variable that says where it listens."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port` or `[ipv6]:port`; ValueError says what is wrong with it."""
        host, _, port = text.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{text!r} is not host:port")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local(self) -> Address:
        """The address by which this machine itself reaches it."""
        return replace(self, host=_ANY.get(self.host, self.host))

    @property
    def url(self) -> str:
        """Its base URL as this machine reaches it, without a slash at its end."""
        return f"http://{self.local}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The address of each part, and of the companions, which only Prometheus asks."""

    exporter: Address
    prometheus: Address
    alertmanager: Address
    grafana: Address
    node: Address
    postgres_exporter: Address

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Endpoints:
        """Read EXAI_LISTEN, EXAI_PROMETHEUS_LISTEN and so on.

        A part without an address of its own listens on EXAI_BIND, a companion on loopback.

        Raises:
            ValueError: an address cannot be used; the message names its variable.
        """
        bind = (env.get("EXAI_BIND") or LOOPBACK).removeprefix("[").removesuffix("]")

        def read(part: str, port: int, host: str = bind) -> Address:
            key = VARIABLES[part]
            try:
                return Address.parse(env[key]) if env.get(key) else Address(host, port)
            except ValueError as problem:
                raise ValueError(f"{key}: {problem}") from None

        return cls(
            exporter=read("exporter", 9464),
            prometheus=read("prometheus", 9090),
            alertmanager=read("alertmanager", 9093),
            grafana=read("grafana", 3000),
            node=read("node", 9100, LOOPBACK),
            postgres_exporter=read("postgres_exporter", 9187, LOOPBACK),
        )

    @property
    def open_to_others(self) -> bool:
        """Whether a part listens where other machines may reach it."""
        return not all(address.is_loopback for address in self.parts().values())

    def parts(self) -> dict[str, Address]:
        """Every part's address by its name, in the order in which they start."""
        return {
            "exporter": self.exporter,
            "prometheus": self.prometheus,
            "alertmanager": self.alertmanager,
            "grafana": self.grafana,
        }
