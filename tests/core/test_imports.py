"""Imports go one way: from the wiring to the words that everybody uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT

PACKAGE = ROOT / "exporter"
WORDS = {"events", "gauge_values", "conventions", "types", "calls", "pseudonyms"}
ORDER: tuple[tuple[str, ...], ...] = (
    ("__init__", "shipped_files", "invocation"),
    ("conventions", "events", "pseudonyms", "masking"),
    ("redaction",),
    ("gauge_values", "types", "calls"),
    ("decode", "sources", "client"),
    ("fold", "recordings"),
    ("timeout_settings",),
    ("settings",),
    ("read_settings", "environment"),
    ("storage",),
    ("tokens", "json_routes", "strict_yaml"),
    ("database", "replay", "exporter_options"),
    ("expose", "timeouts", "thresholds", "auditor", "prices"),
    ("state_dir",),
    ("parts",),
    ("app", "alerts", "preflight", "connections", "tailing", "conversations"),
    ("demo",),
    ("bundle", "server"),
    ("cli",),
    ("__main__",),
)
"""Rooms from the ground up: a room imports from those below it, and from itself."""

RANKS = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
NEEDS_SETTINGS = {
    "app", "parts", "state_dir", "read_settings", "server", "cli", "bundle", "demo", "replay", "alerts", "tokens",
    "settings", "database", "preflight", "environment", "connections", "exporter_options", "tailing", "conversations",
}  # fmt: skip
STANDARD_ONLY = ("conventions", "types", "calls", "pseudonyms")


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)] = path
    return found


def imported(path: Path, whole: bool = True) -> Iterator[str]:
    """The dotted names that a module imports; with `whole`, also inside its functions."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if whole else tree.body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def room(module: str) -> str:
    """The part of `exporter.<part>…` that has a rank; `exporter.__version__` is the package itself."""
    part = module.split(".")[1]
    return part if part in RANKS else "__init__"


INSIDE = [
    (name, target) for name, path in modules().items() for target in imported(path) if target.startswith("exporter.")
]


def test_every_room_has_a_rank() -> None:
    assert {name.split(".")[1] for name in modules()} <= set(RANKS)


@pytest.mark.parametrize("importer", sorted({room(name) for name in modules()}))
def test_a_room_imports_only_from_rooms_below_it(importer: str) -> None:
    wrong = [
        f"{name} imports {target}"
        for name, target in INSIDE
        if room(name) == importer and room(target) != importer and RANKS[room(target)] >= RANKS[importer]
    ]
    assert not wrong


def test_sources_know_nothing_but_the_words_and_each_other() -> None:
    for name, target in INSIDE:
        if room(name) == "sources":
            assert room(target) in WORDS | {"sources"}, f"{name} imports {target}"


def test_settings_are_read_by_the_wiring_alone() -> None:
    wrong = [f"{name} imports {target}" for name, target in INSIDE if room(target) in ("settings", "tokens")
             and room(name) not in NEEDS_SETTINGS]  # fmt: skip
    assert not wrong


@pytest.mark.parametrize("name", STANDARD_ONLY)
def test_what_clients_import_needs_the_standard_library_alone(name: str) -> None:
    import sys

    for target in imported(PACKAGE / f"{name}.py"):
        assert target.split(".")[0] in sys.stdlib_module_names or room(target) in STANDARD_ONLY


def test_there_is_no_cycle_between_modules() -> None:
    known = modules()
    edges = {
        name: {t for target in imported(path) for t in (target, target.rpartition(".")[0]) if t in known and t != name}
        for name, path in known.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail, name))
        if name not in done:
            for target in edges[name]:
                visit(target, (*trail, name))
            done.add(name)

    for name in known:
        visit(name, ())


def test_no_module_is_named_after_a_library() -> None:
    libraries = {"redis", "http", "json", "flask", "logging", "gzip", "sqlite3", "prometheus_client", "msgspec", "yaml"}
    assert not {path.stem for path in PACKAGE.rglob("*.py")} & libraries
