"""Directories whose files belong to one user, kept equal to what the bundle says they hold."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Owner(NamedTuple):
    """The numeric user and group that a container runs as."""

    uid: int
    gid: int


Files = Mapping[str, bytes | Path]
"""What a directory holds: the relative path of each file, and its content or the place that it links to."""


def read_tree(directory: Path, *, below: str = "") -> dict[str, bytes]:
    """Return the content of every file under `directory`, each under its relative path, prefixed by `below`."""
    return {str(Path(below, path.relative_to(directory))): path.read_bytes() for path in _files_of(directory)}


def live_links(directory: Path) -> dict[str, bytes | Path]:
    """Return links to the files under `directory`, and the content of those that only some users may read.

    A link shows an edit of the file at once. A copy needs no permission.
    """
    return {
        str(path.relative_to(directory)): path if _everybody_may_read(path, directory) else path.read_bytes()
        for path in _files_of(directory)
    }


def publish(files: Files, directory: Path, owner: Owner) -> None:
    """Make `directory` hold exactly `files`, which `owner` alone may read.

    Each file is replaced in one step. A file that has not changed keeps its inode, so that nobody reloads it.
    """
    _make_directory(directory, owner)
    wanted = {directory / name: content for name, content in files.items()}
    _remove_others(directory, {*wanted, *(parent for path in wanted for parent in path.parents)})
    for path, content in wanted.items():
        for parent in reversed(path.relative_to(directory).parents[:-1]):
            _make_directory(directory / parent, owner)
        if not _holds(path, content, owner):
            _replace(path, content, owner)


def _files_of(directory: Path) -> list[Path]:
    """Return the files below a directory; one that is missing must not look empty, or `publish` removes everything."""
    if not directory.is_dir():
        raise NotADirectoryError(f"{directory} is not a directory")
    return [path for path in sorted(directory.rglob("*")) if path.is_file()]


def _everybody_may_read(path: Path, top: Path) -> bool:
    directories = [parent for parent in path.parents if parent == top or top in parent.parents]
    return bool(path.stat().st_mode & 0o004) and all(parent.stat().st_mode & 0o001 for parent in directories)


def _make_directory(directory: Path, owner: Owner) -> None:
    directory.mkdir(exist_ok=True)
    directory.chmod(0o700)
    os.chown(directory, *owner)


def _remove_others(directory: Path, kept: set[Path]) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            if path in kept:
                _remove_others(path, kept)
            else:
                shutil.rmtree(path)
        elif path not in kept:
            path.unlink()


def _holds(path: Path, content: bytes | Path, owner: Owner) -> bool:
    if path.is_symlink():
        return path.readlink() == content
    return path.is_file() and path.stat().st_uid == owner.uid and path.read_bytes() == content


def _replace(path: Path, content: bytes | Path, owner: Owner) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    if isinstance(content, Path):
        draft.symlink_to(content)
    else:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            os.fchown(file.fileno(), *owner)
    draft.replace(path)
