"""Writes the boards as JSON from their code: `python grafana/build.py [--check]`.

Boards that ask Postgres go to `dashboards-postgres/`, which is provisioned only where there is one; the others to
`dashboards/`.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DASHBOARDS, WITH_POSTGRES = "dashboards", "dashboards-postgres"

Files = dict[str, bytes]
"""Contents by the names of their files."""


def boards() -> list[dict[str, Any]]:
    """Every board of `grafana.boards`, in the order of their modules."""
    if str(HERE.parent) not in sys.path:  # run as a script, Python looks beside the script only
        sys.path.insert(0, str(HERE.parent))
    package = import_module("grafana.boards")
    names = (module.name for module in pkgutil.iter_modules(package.__path__))
    return [import_module(f"grafana.boards.{name}").BOARD for name in names]


def rendered(of: Iterable[dict[str, Any]]) -> dict[str, Files]:
    """The files by their directories; ValueError for a uid used twice, which would disable Grafana's provider."""
    files: dict[str, Files] = {DASHBOARDS: {}, WITH_POSTGRES: {}}
    for board in of:
        name = f"{board['uid']}.json"
        if any(name in there for there in files.values()):
            raise ValueError(f"two boards have the uid {board['uid']}")
        text = json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        files[WITH_POSTGRES if _asks_postgres(board) else DASHBOARDS][name] = text.encode()
    return files


def _asks_postgres(board: dict[str, Any]) -> bool:
    return any(variable["name"] == "postgres" for variable in board["templating"]["list"])


def drift(files: Mapping[str, bytes], directory: Path) -> list[str]:
    """What differs in `directory` and below it, a line a file: missing, changed, or made by no board."""
    there = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    missing = [f"missing: {directory / name}" for name in files.keys() - there.keys()]
    stale = [f"made by no board: {directory / name}" for name in there.keys() - files.keys()]
    both = files.keys() & there.keys()
    changed = [f"changed: {directory / name}" for name in both if there[name].read_bytes() != files[name]]
    return sorted(missing + stale + changed)


def write(files: Mapping[str, bytes], directory: Path) -> None:
    """Write `files`, and remove the boards in `directory` that are no longer made."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob("exai-*.json"):
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (directory / name).write_bytes(content)


def main(arguments: list[str] | None = None) -> int:
    """Write the boards, or with --check say what is not as written; returns the exit status."""
    parser = argparse.ArgumentParser(prog="grafana/build.py", description="Writes the boards as JSON from their code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file differs")
    parser.add_argument("--output", type=Path, default=HERE, help="where the directories are; default: grafana")
    options = parser.parse_args(arguments)
    differences = []
    for directory, files in rendered(boards()).items():
        if options.check:
            differences += drift(files, options.output / directory)
        else:
            write(files, options.output / directory)
    sys.stderr.writelines(f"{difference}\n" for difference in differences)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
