"""`exai-exporter timeouts`: what the timeouts would have done to recorded calls."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import click

from exporter import recordings
from exporter.recordings import BadRecording
from exporter.timeouts import trace
from exporter.timeouts.results import BASELINES, results
from exporter.timeouts.trace import Call
from exporter.timeouts.walk import ADAPTIVE, Scored, walk

_COLUMNS = ("model", "timeouts", "events", "coverage", "mean", "p95", "pinball")

_traces = click.argument("traces", nargs=-1, required=True, metavar="TRACE...", type=click.File("rb"))
_quantile = click.option(
    "--quantile",
    default=0.99,
    show_default=True,
    type=click.FloatRange(0.5, 0.9999),
    help="Share of the calls that must end within their timeout.",
)
_warmup = click.option(
    "--warmup", default=50, show_default=True, type=click.IntRange(0), help="Calls of each model that do not count."
)


@click.group()
def timeouts() -> None:
    """Try the adaptive timeouts on recorded calls."""


@timeouts.command()
@_traces
@_quantile
@_warmup
@click.option("--json", "machine_readable", is_flag=True, help="Print a JSON object instead of a table.")
def evaluate(traces: tuple[BinaryIO, ...], quantile: float, warmup: int, machine_readable: bool) -> None:
    """Walk through recorded calls, and say what each timeout would have done.

    TRACE has one event a line: canonical events (NDJSON), as `exai-exporter record` writes them, or
    {"key", "score", "member"} lines recorded from a gateway's Redis; .gz is inflated, - is standard
    input. Kinds other than `duration` are skipped. A call is estimated at its start, from the calls
    that had ended by then. Calls that hung (outcome timeout) or failed (error) are not scored. Times
    are in seconds; pinball is the loss that the true quantile makes least, and hindsight the best
    constant of each model.

    \b
    EXAMPLES
      exai-exporter timeouts evaluate calls.ndjson
      exai-exporter timeouts evaluate monday.ndjson.gz tuesday.ndjson.gz --quantile 0.95 --json
    """
    found = results(_walked(traces, quantile, warmup), quantile)
    click.echo(json.dumps(found, indent=2) if machine_readable else _table(found))


@timeouts.command()
@_traces
@_quantile
@_warmup
@click.option("--output", required=True, metavar="FILE.png", type=click.Path(dir_okay=False, path_type=Path))
def plot(traces: tuple[BinaryIO, ...], quantile: float, warmup: int, output: Path) -> None:
    """Draw the timeouts of recorded calls against how long they took, as a PNG.

    \b
    EXAMPLES
      exai-exporter timeouts plot calls.ndjson --output timeouts.png
    """
    try:
        from exporter.timeouts.picture import draw
    except ImportError as error:
        raise click.ClickException("drawing needs Pillow: pip install 'exai-exporter[plot]'") from error
    models = _walked(traces, quantile, warmup)
    draw({name: (scored.timeouts_s.get(ADAPTIVE, []), scored.durations_s) for name, scored in models.items()}, output)
    click.echo(f"wrote {output}")


def _walked(traces: Sequence[BinaryIO], quantile: float, warmup: int) -> dict[str, Scored]:
    calls = _read(traces)
    with click.progressbar(length=len(calls), label="calls", file=sys.stderr) as bar:
        return walk(calls, quantile, warmup, bar.update)


def _read(traces: Sequence[BinaryIO]) -> list[Call]:
    tell = partial(click.echo, err=True)
    try:
        calls = list(trace.calls(chain.from_iterable(recordings.events(file, time.time, tell) for file in traces)))
    except (BadRecording, OSError) as error:
        raise click.ClickException(str(error)) from error
    if not calls:
        raise click.ClickException("there are no duration events in it")
    return calls


def _table(found: Mapping[str, Any]) -> str:
    rows = [_COLUMNS]
    for name, result in (*found["models"].items(), ("overall", found["overall"])):
        rows.append((name, ADAPTIVE, f"{result['events']:,}", *_cells(result)))
        rows += [("", baseline, "", *_cells(result["baselines"][baseline])) for baseline in BASELINES]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _cells(result: Mapping[str, Any]) -> tuple[str, str, str, str]:
    if result["coverage"] is None:
        return "-", "-", "-", "-"
    times = (f"{result[key]:.4g}" for key in ("mean_timeout_s", "p95_timeout_s", "pinball_s"))
    mean, p95, pinball = times
    return f"{100 * result['coverage']:.2f} %", mean, p95, pinball
