"""`exai-exporter demo`: a simulated gateway beside a real exporter."""

from __future__ import annotations

import random
from contextlib import nullcontext
from pathlib import Path

import click

from exporter.demo import destination
from exporter.demo.http_writer import HttpWriter
from exporter.demo.incidents import CALM_FOR_S, FIRST_AFTER_S, INCIDENTS, LASTS_S, Schedule
from exporter.demo.on_call import OnCall
from exporter.demo.outlets import Outlets
from exporter.demo.postgres_writer import PostgresWriter
from exporter.demo.progress import progress
from exporter.demo.redis_writer import RedisWriter
from exporter.demo.rhythm import busy, steady
from exporter.demo.run import Run, stop_on_signals
from exporter.exporter_options import url_of
from exporter.read_settings import load
from exporter.settings import Settings, SettingsError
from exporter.tokens import admin_token_path, is_the_bundles, token_path

_RATE, _SECONDS, _SOME_SECONDS = click.FloatRange(0.1, 2000), click.FloatRange(0), click.FloatRange(1)


@click.command()
@click.option("--exporter", metavar="URL", help="Where events go, a demo's or not.  [default: from EXAI_LISTEN]")
@click.option("--redis", "redis_url", metavar="URL", help="The gateway's Redis.  [default: EXAI_REDIS_URL of a demo]")
@click.option("--database", metavar="URL", help="The cache's PostgreSQL.  [default: that of a demo's bundle]")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Holds the bearer token.  [default: EXAI_TOKEN_FILE, else push-token in EXAI_STATE_DIR]",
)
@click.option("--rate", default=20.0, show_default=True, type=_RATE, help="Requests a second.")
@click.option("--rhythm", is_flag=True, help="Be busier by day (UTC) than by night and at weekends.")
@click.option("--seed", type=int, metavar="NUMBER", help="Tell the same story again.  [default: a new one]")
@click.option("--incident", "incidents", multiple=True, type=click.Choice(list(INCIDENTS)), help="Have it; repeatable.")
@click.option(
    "--incident-after",
    type=_SECONDS,
    help=f"Seconds of calm before the first.  [default: 30; with --rotate {FIRST_AFTER_S}]",
)
@click.option("--incident-for", default=LASTS_S, show_default=True, type=_SOME_SECONDS, help="Seconds that it lasts.")
@click.option(
    "--calm-for",
    default=CALM_FOR_S,
    show_default=True,
    type=_SECONDS,
    help="Seconds of calm between two, with --rotate.",
)
@click.option("--rotate", is_flag=True, help="Have one incident after the other, for ever.")
@click.option("--on-call", is_flag=True, help="Acknowledge the demo's own alerts after a minute.")
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Create FILE once an event has been sent.",
)
@click.option("--for", "for_s", type=_SECONDS, metavar="SECONDS", help="Stop by itself.")
def demo(
    exporter: str | None,
    redis_url: str | None,
    database: str | None,
    token_file: Path | None,
    rate: float,
    rhythm: bool,
    seed: int | None,
    incidents: tuple[str, ...],
    incident_after: float | None,
    incident_for: float,
    calm_for: float,
    rotate: bool,
    on_call: bool,
    ready_file: Path | None,
    for_s: float | None,
) -> None:
    """Simulate a gateway, so that every series and board has something to show.

    \b
    A request comes in over a WebSocket, asks Redis and the semantic cache, calls
    a model of kimi or glm where the cache has no answer, and is remembered in
    Supabase. Beside it an ML API answers requests and makes predictions.

    \b
    WHERE EVENTS GO
      To an exporter whose EXAI_ENVIRONMENT is demo, which `make demo` starts. Any
      other is refused unless --exporter names it; EXAI_REDIS_URL and the bundle's
      PostgreSQL are then left alone unless --redis and --database name them.
      With a Redis, connection events and finished model calls are written there,
      exactly as the gateway's ConnectionMonitor writes them, and nowhere else;
      all other kinds are pushed to the exporter, and so are the model calls of
      clients that asked for a timeout. Without one, all is pushed.
      Redis keeps 24 hours: about 0.5 GB an hour at the default rate. A Redis that
      holds a real gateway's events is left alone. --redis "" pushes all.
      With a PostgreSQL, the cache's operations become rows there and are not pushed,
      and errors come with tracebacks. An empty one first gets two weeks of hours,
      baselines and an observation; one with a real cache's rows is left alone.

    \b
    INCIDENTS
      redis-down   nearly every exchange with Redis fails to connect
      error-burst  about 40 % of kimi's events are errors (429 rate limited)
      third-call-slow
                   Supabase takes five times as long from a conversation's third call on
      slow-kimi    kimi's models take six times as long; many calls time out
      model-drift  glm-4.6 takes six times as long; its timeouts are too short
      Without --incident and --rotate nothing unusual happens. With --rotate they
      happen one after the other, the named ones or all: the first after 15
      minutes, the next every two hours.

    \b
    WHEN THE EXPORTER IS AWAY
      The demo keeps trying. 20,000 events wait for the exporter and 1,000 for
      Redis; what comes on top is dropped and counted. SIGTERM and Ctrl-C end it
      in good order.

    \b
    EXAMPLES
      EXAI_ENVIRONMENT=demo EXAI_STATE_DIR=/tmp/demo exai-exporter serve
      EXAI_STATE_DIR=/tmp/demo exai-exporter demo --rotate
      exai-exporter demo --exporter http://127.0.0.1:9464 --incident error-burst --for 300
    """
    settings = _settings()
    beside = not exporter
    exporter = exporter or _checked_exporter(settings)
    redis_url = (settings.redis_url if beside else "") if redis_url is None else redis_url
    database = (_own_database(settings) if beside else "") if database is None else database
    names = incidents or (tuple(INCIDENTS) if rotate else ())
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    http = HttpWriter(exporter, token_file or token_path(settings))
    redis, rng = (RedisWriter(redis_url) if redis_url else None), random.Random(seed)  # noqa: S311
    outlets = Outlets(http, redis, PostgresWriter(database, random.Random(seed), rate) if database else None)  # noqa: S311
    after_s = (FIRST_AFTER_S if rotate else 30) if incident_after is None else incident_after
    schedule = Schedule(names, after_s, incident_for, rotate, calm_for)
    watch = OnCall(exporter, admin_token_path(settings)) if on_call else nullcontext()
    click.echo(f"simulated gateway: seed {seed}, {rate:g} requests/s to {exporter}")
    with watch:
        Run(outlets, schedule, progress(ready_file), stop_on_signals(), for_s, busy if rhythm else steady).play(
            rng, rate
        )
    for outlet, tally in outlets.tallies().items():
        why = f" ({tally.trouble})" if tally.trouble else ""
        click.echo(f"{outlet}: {tally.sent} sent, {tally.dropped} dropped, {tally.refused} refused{why}")


def _settings() -> Settings:
    try:
        return load()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _own_database(settings: Settings) -> str:
    return settings.database_url if is_the_bundles(settings.database_url) else ""


def _checked_exporter(settings: Settings) -> str:
    url = url_of(settings)
    try:
        destination.check(url)
    except destination.NotADemoError as error:
        raise click.ClickException(str(error)) from None
    return url
