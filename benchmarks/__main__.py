"""`python -m benchmarks`: each figure against its peer, as a table or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.catalogue import BENCHMARKS
from benchmarks.figures import Figure, as_json, as_table
from benchmarks.scale import FULL, SMOKE, Scale


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "machine_readable", is_flag=True, help="Print a JSON array instead of a table.")
@click.option("--list", "only_list", is_flag=True, help="List the benchmarks and end.")
@click.option("--smoke", is_flag=True, help="Tiny sizes: shows that the harness works, and nothing else.")
def main(names: tuple[str, ...], machine_readable: bool, only_list: bool, smoke: bool) -> None:
    """Measure what the exporter promises, against named peers in the same run.

    Without a NAME, all benchmarks run, which takes some minutes. Everything happens on loopback and in a
    temporary directory (TMPDIR), whose disk the durable figures are for.
    """
    if only_list:
        click.echo("\n".join(f"{name:12} {_about(name)}" for name in BENCHMARKS))
        return
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", param_hint="NAME")
    figures = list(_measure(names or tuple(BENCHMARKS), SMOKE if smoke else FULL))
    click.echo(as_json(figures) if machine_readable else as_table(figures))


def _measure(names: Sequence[str], scale: Scale) -> Iterator[Figure]:
    for name in names:
        click.echo(f"measuring {name}", err=True)
        with TemporaryDirectory(prefix="exai-bench-") as directory:
            yield from BENCHMARKS[name](scale, Path(directory))


def _about(name: str) -> str:
    text = sys.modules[BENCHMARKS[name].__module__].__doc__ or ""
    return text.partition("\n")[0]


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
