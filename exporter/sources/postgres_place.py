"""Where the Postgres source stands: a moment of a cluster's history, and how far it is with the way to the next."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from exporter.sources.postgres_pages import Choice, Cursor
from exporter.sources.postgres_pool import Database
from exporter.sources.postgres_snapshot import ALL, EVERYTHING, Snapshot, Span, unseen
from exporter.types import Position

READ, PASS = "read", "pass"
"""The parts of the position beside the tables' cursors."""

LOST_AT_MOST_S = 30.0
"""Seconds of commits that a crash can undo (`synchronous_commit = off`), whose numbers are then given again."""

LAGGED_AT_MOST_S = 600.0
"""Seconds that a standby may have lagged behind the primary whose place it took."""

REMEMBERED_S = 3000.0
"""Seconds for which what is read again is known to have been counted, with some to spare."""

_HERE = """
    select concat_ws('/', (select system_identifier from pg_control_system()),
        (select oid from pg_database where datname = current_database())),
      left(pg_walfile_name(pg_current_wal_lsn()), 8), extract(epoch from pg_postmaster_start_time())::text,
      pg_current_snapshot()::text, extract(epoch from clock_timestamp())::float8
"""


class StandbyError(RuntimeError):
    """The server is a standby: it cannot say which transactions run."""


class Place(Struct, frozen=True):
    """A moment: the database, the timeline and the start of its server, what was seen, and the server's Unix time."""

    database: str
    timeline: str
    started: str
    snapshot: str
    at: float

    @property
    def history(self) -> tuple[str, str, str]:
        """What stays the same unless there was a failover, a restore, a restart, or another server."""
        return self.database, self.timeline, self.started

    def numbers_go_on(self, later: Place) -> bool:
        """Whether numbers of transactions that were seen here can be told from those that are given there."""
        ours, theirs = Snapshot.parse(self.snapshot), Snapshot.parse(later.snapshot)
        return self.database == later.database and ours.oldest <= theirs.oldest and ours.next <= theirs.next


class Pass(Struct, frozen=True):
    """A reading of all tables, after which the source stands at `until`: what was not `read`, or what is recent."""

    until: Place
    since: float | None = None
    read: str | None = None
    again: bool = False

    @property
    def choice(self) -> Choice:
        """Which rows it takes."""
        return Choice(self.read, self.since, EVERYTHING if self.again else self.until.snapshot)

    @property
    def spans(self) -> list[Span]:
        """Where they lie."""
        if self.again:
            return [ALL]
        now = Snapshot.parse(self.until.snapshot)
        return unseen(Snapshot.parse(self.read), now) if self.read is not None else [Span(ALL.low, now.next)]


def here(connection: Database) -> Place:
    """The place where the database is now.

    Raises:
        StandbyError: it is a standby.
    """
    standby = connection.execute("select pg_is_in_recovery()").fetchone()
    row = None if standby is None or standby[0] else connection.execute(_HERE).fetchone()
    if row is None:
        raise StandbyError("the database is a standby: EXAI_DATABASE_URL has to name the primary")
    return Place(*row)


def next_pass(read: Place | None, now: Place, first_contact_s: float, *, in_doubt: bool) -> Pass | None:
    """What has to be read to get from one place to the other; None: nothing has ended in between.

    Where the history has changed, or may have, what is recent is read again: the fold knows by its event id what
    it has counted. Then it goes on from where it was, if the numbers of transactions do.
    """
    if read is None:
        return Pass(now, now.at - first_contact_s)
    going_on = read.numbers_go_on(now)
    if read.history == now.history and going_on and not in_doubt:
        return Pass(now, read=read.snapshot) if read.snapshot != now.snapshot else None
    overlap = LOST_AT_MOST_S if read.timeline == now.timeline and going_on else LAGGED_AT_MOST_S
    since = max(read.at - overlap, min(read.at, now.at - REMEMBERED_S))
    until = msgspec.structs.replace(now, snapshot=read.snapshot) if going_on else now
    return Pass(until, since, again=True)


def encode(part: Place | Pass) -> bytes:
    """A part of the position."""
    return msgspec.json.encode(part)


def decode_place(position: Position) -> Place | None:
    """The place up to which everything is read."""
    return msgspec.json.decode(position[READ], type=Place) if READ in position else None


def decode_pass(position: Position) -> Pass | None:
    """The pass that was broken off."""
    return msgspec.json.decode(position[PASS], type=Pass) if PASS in position else None


def encode_cursor(cursor: Cursor) -> bytes:
    """A table's part of the position."""
    return f"{cursor.transaction} {cursor.id}".encode()


def decode_cursors(position: Position) -> Mapping[str, Cursor]:
    """How far a pass that was broken off had read each table."""
    found = {}
    for table, value in position.items():
        if "." in table:
            number, _, row = value.decode().partition(" ")
            found[table] = Cursor(int(number), row)
    return found
