"""Which file of the native bundle lies where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.shipped_files import CHECKOUT

ROOT = CHECKOUT
"""The working tree: what ships with the project is read from here."""

_OWN = (
    "bundle", "logs", "prometheus", "prometheus-data", "alertmanager", "alertmanager-data", "grafana-data", "postgres",
    "exporter.sqlite3*", "lock", "thresholds.json", "push-token", "admin-token", "grafana-password",
    "grafana-database-password", "postgres-passfile",
)  # fmt: skip
"""Patterns of the names that the bundle and its exporter give: the user may keep other things beside them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The state directory, the only place that the native bundle writes to."""

    state: Path

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Layout:
        """Take EXAI_STATE_DIR, else `.state` in the working tree."""
        return cls(Path(env.get("EXAI_STATE_DIR") or ROOT / ".state").expanduser().absolute())

    @property
    def demo(self) -> Layout:
        """The layout of this checkout's demo, inside this state directory."""
        return Layout(self.state / "demo")

    @property
    def supervisor(self) -> Path:
        """The directory of supervisord: configuration, socket, pid and log."""
        return self.state / "bundle"

    @property
    def logs(self) -> Path:
        """The directory with one log file a program."""
        return self.state / "logs"

    @property
    def prometheus(self) -> Path:
        """The directory of prometheus.yml, its rules and its targets."""
        return self.state / "prometheus"

    @property
    def alertmanager(self) -> Path:
        """The directory that Alertmanager's rendered configuration lies in."""
        return self.state / "alertmanager"

    @property
    def grafana_password(self) -> Path:
        """The file with the password of Grafana's user `admin`."""
        return self.state / "grafana-password"

    @property
    def postgres(self) -> Path:
        """The directory of PostgreSQL's data and socket, all that its user gets to see."""
        return self.state / "postgres"

    def data(self, part: str) -> Path:
        """The directory that a part keeps its own data in."""
        return self.state / f"{part}-data"

    def log(self, part: str) -> Path:
        """The log file of a part."""
        return self.logs / f"{part}.log"

    def own_paths(self) -> list[Path]:
        """Everything in the state directory that the bundle and its exporter have written."""
        return sorted(path for pattern in _OWN for path in self.state.glob(pattern))

    def make_directories(self) -> None:
        """Create what the bundle writes to, closed to other users."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (self.supervisor, self.logs, self.prometheus, self.alertmanager):
            directory.mkdir(mode=0o700, exist_ok=True)
