"""Find the files that ship with the program: configuration, rules, runbooks, templates and migrations.

A wheel has them inside the package, where setup.py puts them. A checkout and the Docker image have them beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "_shipped"

CHECKOUT = _PACKAGE.parent
"""The root of the checkout, where the program runs from one: see `checkout`."""

HOME = _IN_WHEEL if _IN_WHEEL.is_dir() else CHECKOUT
"""The directory that has `config`, `prometheus/rules`, `alertmanager`, `supabase` and `docs`."""


class ShippedFilesError(Exception):
    """Files that the program needs are not there; the text says which and what to do."""


class MissingFileError(ShippedFilesError):
    """A shipped file is not there."""

    def __init__(self, path: Path) -> None:
        hint = ": this installation is incomplete, install exai-exporter again" if HOME in path.parents else ""
        super().__init__(f"{path} is missing{hint}")


class NeedsCheckoutError(ShippedFilesError):
    """A command was run from an installed package, and needs files that only a checkout has."""


def path(name: str) -> Path:
    """Return where a shipped file or directory is, by its path in a checkout. It may be missing."""
    return HOME / name


def read(file: Path) -> str:
    """Return the text of a shipped file.

    Raises:
        MissingFileError: there is no such file.
    """
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingFileError(file) from None


def matching(directory: Path, pattern: str) -> list[Path]:
    """Return the files of a directory whose names match, sorted.

    Raises:
        MissingFileError: there is none. An empty result would look like a success.
    """
    found = sorted(directory.glob(pattern))
    if not found:
        raise MissingFileError(directory / pattern)
    return found


def checkout() -> Path:
    """Return the root of the checkout that the program runs from.

    Raises:
        NeedsCheckoutError: it runs from an installed package.
    """
    if not (CHECKOUT / "docker-compose.yml").is_file():
        raise NeedsCheckoutError(
            "`bundle` needs a checkout, for docker-compose.yml, Grafana's dashboards and Prometheus' configuration: "
            "git clone the repository of exai-exporter, and run `make up` in it"
        )
    return CHECKOUT
