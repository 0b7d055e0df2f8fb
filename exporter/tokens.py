"""Tokens and passwords: files of mode 0600 in the state directory, made by the first serve."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from exporter import storage
from exporter.settings import Settings, SettingsError

GRAFANA_PASSWORD = "grafana-password"  # noqa: S105 - a file's name
READER_PASSWORD = "grafana-database-password"  # noqa: S105 - a file's name
"""The file with the password of the login that Grafana reads the database by."""

PASSFILE = "postgres-passfile"
"""The file with the password of the bundle's own PostgreSQL, as libpq's `passfile` has it."""

_BUNDLES = (".state", ".state/demo")
"""State directories of `make up` and `make demo`, seen from the clone."""

_ANY_PLACE = "*:*:*:*:"


def token_path(settings: Settings) -> Path:
    """The file of the push token."""
    return Path(settings.token_file).expanduser() if settings.token_file else settings.state_path / "push-token"


def admin_token_path(settings: Settings) -> Path:
    """The file of the admin token."""
    named = settings.admin_token_file
    return Path(named).expanduser() if named else settings.state_path / "admin-token"


@dataclass(frozen=True, slots=True)
class Token:
    """A token that a command shows to a running exporter; empty where its file does not exist."""

    value: str
    origin: str
    """The file that it was read from, or would have been."""
    name: str = "push token"

    @property
    def headers(self) -> dict[str, str]:
        """The header that shows it."""
        return {"Authorization": f"Bearer {self.value}"} if self.value else {}

    @property
    def refused(self) -> str:
        """Why the exporter refused it, and what to do."""
        if not self.value:
            return f"it needs the {self.name}, and {self.origin} does not exist: name the file with --token-file"
        return f"it refused {self.origin} as its {self.name}: name the right file with --token-file"


def for_command(settings: Settings, path_of: Callable[[Settings], Path], name: str) -> Token:
    """Return the token of an exporter that runs on this machine.

    Where no state directory is configured, that of a bundle in the working directory comes first.

    Raises:
        SettingsError: the file exists but cannot be read.
    """
    path = path_of(settings)
    bundles = _BUNDLES if path.parent == Settings().state_path else ()
    for candidate in (*(Path(bundle) / path.name for bundle in bundles), path):
        if candidate.exists():
            return Token(read(candidate, name), str(candidate), name)
    return Token("", str(path), name)


def make_missing(settings: Settings) -> None:
    """Makes the state directory and whatever secret it lacks; a file that was named must be there.

    Raises:
        SettingsError: the directory or a secret cannot be made.
    """
    try:
        settings.state_path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_missing(settings)
    except OSError as error:
        raise SettingsError(storage.explain(error, settings.state_path, "state_dir")) from error


def _make_missing(settings: Settings) -> None:
    for path, named in (
        (token_path(settings), settings.token_file),
        (admin_token_path(settings), settings.admin_token_file),
        (settings.state_path / GRAFANA_PASSWORD, ""),
    ):
        if not named:
            _create(path)
    if settings.database_url:
        make_for_database(settings.state_path)


def make_for_database(state: Path) -> str:
    """Makes the passwords of the bundle's own PostgreSQL and of Grafana's login that are missing; returns the first."""
    _create(state / READER_PASSWORD)
    _create(state / PASSFILE, _ANY_PLACE)
    return read(state / PASSFILE, "passfile").removeprefix(_ANY_PLACE)


def is_the_bundles(database_url: str) -> bool:
    """Whether the URL leads to the bundle's own PostgreSQL: no other's password is in that file."""
    return f"/{PASSFILE}" in unquote(database_url)


def read(path: Path, key: str) -> str:
    """The secret in the file.

    Raises:
        SettingsError: there is none.
    """
    try:
        value = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{key}: {path} cannot be read: {error.strerror}") from error
    if not value:
        raise SettingsError(f"{key}: {path} is empty")
    return value


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    return re.sub("//.*@", "//***@", url)


def _create(path: Path, before: str = "") -> None:
    """Makes the file of a new secret, unless it is there."""
    if path.exists():
        return
    # Renamed when whole: another process never reads half a token.
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{before}{secrets.token_urlsafe(32)}\n")
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
