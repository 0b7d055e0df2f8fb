"""Everything that can be set, in one frozen object; `exporter.read_settings` reads it once.

`docs/settings.md` is held to this module by a test.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from exporter.timeout_settings import TimeoutSettings
from exporter.types import ModelCalls

Seconds = Annotated[float, Meta(gt=0, le=86_400 * 30)]
Size = Annotated[int, Meta(gt=0, le=2**31)]
EnvironmentName = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{0,63}$")]

DEMO = "demo"
"""The environment of a bundle whose gateway is simulated."""

SOURCES = ("http", "redis_zset", "redis_stream", "postgres")
"""The names that `sources` may give authority to."""


class SettingsError(ValueError):
    """A setting that cannot be used; the message names its key."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How much is taken."""

    body_bytes: Size = 4 * 1024 * 1024
    """Bytes of a request's body, as it comes."""
    inflated_bytes: Size = 8 * 1024 * 1024
    """Bytes of a gzip body once inflated."""
    batch_events: Annotated[int, Meta(ge=1, le=100_000)] = 10_000
    """Events of one batch."""


class GatewaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How a gateway's events are read."""

    model_calls: ModelCalls = "auto"
    """Which model calls count: those in connection `events`, `duration` events, or `auto`, which decides per model."""


class RedisSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How Redis is read."""

    look_back_s: Seconds = 300.0
    """Seconds behind the newest event in which late events still count."""
    poll_interval_s: Annotated[float, Meta(ge=0.05, le=60)] = 1.0
    """Seconds between two looks at the sorted sets."""
    first_contact_s: Seconds = 86_400.0
    """Seconds of history that a first contact folds."""
    stream: str = ""
    """Key of the Redis Stream that applications write events to; empty: none is read."""
    group: str = "exai-exporter"
    """The stream's consumer group."""


class PostgresSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How PostgreSQL is read, and what is kept there."""

    poll_interval_s: Annotated[float, Meta(ge=0.05, le=60)] = 1.0
    """Seconds between two looks at the tables where no notification comes: behind a pooler none does."""
    first_contact_s: Seconds = 86_400.0
    """Seconds of history that a first contact folds."""
    statement_timeout_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0
    """Seconds after which a statement is given up."""
    pool_size: Annotated[int, Meta(ge=2, le=50)] = 4
    """Connections at most, beside the one that listens."""
    spool_events: Annotated[int, Meta(ge=0, le=10_000_000)] = 20_000
    """Errors and traces that wait on disk while PostgreSQL is away, before more are dropped; 0: none are kept."""
    spool_calls: Annotated[int, Meta(ge=0, le=10_000_000)] = 50_000
    """Model calls that wait on disk while PostgreSQL is away, and as many failed ones; 0: none are kept."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set. Names of environment variables are `EXAI_` and the key in capitals."""

    listen: str = "127.0.0.1:9464"
    """Address and port to serve on, host:port."""
    state_dir: str = "~/.local/state/exai"
    """Directory of the store, the tokens and the lock."""
    environment: EnvironmentName = ""
    """Name of the environment, such as staging: a label of everything that is scraped, shown in every message."""
    redis_url: str = ""
    """Redis of the gateway, redis://…; empty: none is read. May hold a password: prefer the environment."""
    database_url: str = ""
    """PostgreSQL, postgresql://…: the gateway's tables are read; rows of errors, traces and calls are kept."""
    token_file: str = ""
    """File of the push token; empty: `push-token` in the state directory, made by the first serve."""
    admin_token_file: str = ""
    """File of the admin token; empty: `admin-token` in the state directory, made by the first serve."""
    thresholds_file: str = ""
    """File of the thresholds that alerts compare with; empty: the shipped `config/thresholds.yml`."""
    prices_file: str = ""
    """File of what tokens cost; empty: the shipped `config/prices.yml`."""
    alertmanager_url: str = "http://127.0.0.1:9093"
    """Where the exporter finds Alertmanager, for silences; `EXAI_ALERTMANAGER_URL` where browsers need another."""
    alert_console: bool = False
    """Whether each alert that begins or ends is a line on standard output."""
    alert_file: str = ""
    """File that each alert that begins or ends is added to, as a line of JSON; empty: none."""
    external_url: str = "http://127.0.0.1:9464"
    """Where a browser finds this exporter: the base of the runbook links in messages."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may be addressed to, beside loopback and the host of `listen`."""
    threads: Annotated[int, Meta(ge=2, le=256)] = 16
    """Threads that serve HTTP: more than pushes per second times seconds of a commit."""
    gauge_ttl_s: Seconds = 300.0
    """Seconds of silence after which a gauge of a subject is retracted."""
    checkpoint_interval_s: Annotated[float, Meta(ge=0.05, le=300)] = 5.0
    """Seconds between two checkpoints."""
    log_level: str = "info"
    """debug, info, warning or error."""
    limits: Limits = Limits()
    """How much is taken."""
    gateway: GatewaySettings = GatewaySettings()
    """How a gateway's events are read."""
    redis: RedisSettings = RedisSettings()
    """How Redis is read."""
    postgres: PostgresSettings = PostgresSettings()
    """How PostgreSQL is read, and what is kept there."""
    timeouts: TimeoutSettings = TimeoutSettings()
    """How long calls of models may take."""
    sources: dict[str, str] = {}
    """The one source that counts for a kind, where several bring it: `connection: redis_zset`."""
    budgets: dict[str, Size] = {}
    """Label sets that a family keeps apart, where that differs from the catalogue."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def state_path(self) -> Path:
        """The state directory."""
        return Path(self.state_dir).expanduser()

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the exporter."""
        host = self.address[0]
        with suppress(ValueError):
            return ip_address(host).is_loopback
        return host == "localhost"


ENVIRONMENT = {"ALERTMANAGER_URL": "alertmanager_url"} | {
    f"EXAI_{key.upper()}": key
    for key in (
        "listen", "state_dir", "environment", "redis_url", "database_url", "token_file", "admin_token_file",
        "thresholds_file", "prices_file", "alertmanager_url", "alert_console", "alert_file", "external_url",
        "allowed_hosts", "threads", "gauge_ttl_s", "checkpoint_interval_s", "log_level",
    )
}  # fmt: skip
