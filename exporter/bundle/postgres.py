"""The bundle's own PostgreSQL where there are no containers: Debian's, in the state directory.

It listens on a socket alone, asks everybody for a password, and runs as an ordinary user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from exporter import tokens
from exporter.bundle import packages
from exporter.bundle.layout import Layout
from exporter.bundle.programs import Program

DATABASE = "postgres"
CHOICE = "EXAI_POSTGRES"
_INSTALLED = Path("/usr/lib/postgresql")
_USER = "postgres"
_HANDED_OVER = "/proc/self/fd/3"
"""Where the server finds its directory when it was started as root: open, for it cannot enter the state directory."""

_DROP = f'exec 3<"$0" && cd / && exec setpriv --reuid={_USER} --regid={_USER} --init-groups --no-new-privs -- "$@"'


class PostgresError(Exception):
    """PostgreSQL's data cannot be made; the text says why."""


def is_wanted(env: Mapping[str, str], layout: Layout) -> bool:
    """Whether the bundle runs a PostgreSQL of its own: it was asked for now or before, and no other is named."""
    if env.get(CHOICE) not in (None, "", "native"):
        raise ValueError(f"{CHOICE}: {env[CHOICE]!r} is not native")
    return not env.get("EXAI_DATABASE_URL") and (bool(env.get(CHOICE)) or _is_made(layout))


def url(layout: Layout) -> str:
    """Its address; the password stays in its file."""
    directory, passfile = (quote(str(path), safe="") for path in (layout.postgres, layout.state / tokens.PASSFILE))
    return f"postgresql://postgres@/{DATABASE}?host={directory}&passfile={passfile}"


def make(layout: Layout) -> None:
    """Make its data, unless that is there, and the passwords."""
    password = tokens.make_for_database(layout.state)
    if _is_made(layout):
        return
    layout.postgres.mkdir(mode=0o700, exist_ok=True)
    draft, secret = layout.postgres / "draft", layout.postgres / "password"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        secret.touch(mode=0o600)
        secret.write_text(password)
        _give_away(layout.postgres, secret)
        _initdb(layout)
    finally:
        secret.unlink(missing_ok=True)
    draft.rename(layout.postgres / "data")


def server_program(layout: Layout) -> Program:
    """The server; SIGINT has it hang up on its clients, for whom SIGTERM would wait."""
    home = _home(layout)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": home,
        "unix_socket_permissions": "0700",
        # What Supabase's realtime reads, and a publication asks for.
        "wal_level": "logical",
    }
    settings = (word for key, value in options.items() for word in ("-c", f"{key}={value}"))
    command = (str(_binaries(layout) / "postgres"), "-D", f"{home}/data", *settings)
    return Program("postgres", _as_ordinary_user(layout, command), stop_signal="INT")


def upkeep_program() -> Program:
    """What prepares the database and keeps it."""
    return Program("database", (sys.executable, "-m", "exporter", "bundle", "database"))


def _is_made(layout: Layout) -> bool:
    return (layout.postgres / "data" / "PG_VERSION").exists()


def _initdb(layout: Layout) -> None:
    home = _home(layout)
    options = ("-U", "postgres", "--auth=scram-sha-256", f"--pwfile={home}/password", "-E", "UTF8", "--locale=C.UTF-8")
    command = (str(_binaries(layout) / "initdb"), "-D", f"{home}/draft", *options)
    done = subprocess.run(_as_ordinary_user(layout, command), capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise PostgresError(f"PostgreSQL's data cannot be made: {done.stdout}{done.stderr}")


def _binaries(layout: Layout) -> Path:
    """Where Debian keeps the programs of the version that made the data, else of the newest, installed if need be."""
    if _is_made(layout):
        return _INSTALLED / (layout.postgres / "data" / "PG_VERSION").read_text().strip() / "bin"
    if not any(_INSTALLED.glob("*/bin/initdb")):
        packages.ensure(["postgresql"])
    found = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresError(f"{_INSTALLED} has no PostgreSQL")
    return found[-1].parent


def _home(layout: Layout) -> str:
    """How the server calls its directory."""
    return _HANDED_OVER if os.geteuid() == 0 else str(layout.postgres)


def _as_ordinary_user(layout: Layout, command: tuple[str, ...]) -> tuple[str, ...]:
    """The command, which drops root where we are root, with its directory open."""
    return ("sh", "-c", _DROP, str(layout.postgres), *command) if os.geteuid() == 0 else command


def _give_away(*paths: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(_USER)
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)
