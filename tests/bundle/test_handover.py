"""Directories that one user may read, kept equal to what they should hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exporter.bundle import handover
from exporter.bundle.handover import Owner

OURS = Owner(os.geteuid(), os.getegid())
SOMEBODY = Owner(12345, 23456)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


def content(directory: Path) -> dict[str, bytes]:
    """Return the files of a directory, by relative path."""
    return handover.read_tree(directory)


def test_a_directory_holds_exactly_what_was_published(tmp_path: Path) -> None:
    out = tmp_path / "out"
    handover.publish({"a.yml": b"1", "rules/x.yml": b"2", "rules/deep/y.yml": b"3"}, out, OURS)
    assert content(out) == {"a.yml": b"1", "rules/x.yml": b"2", "rules/deep/y.yml": b"3"}
    handover.publish({"a.yml": b"changed", "rules/x.yml": b"2"}, out, OURS)
    assert content(out) == {"a.yml": b"changed", "rules/x.yml": b"2"}
    assert not (out / "rules/deep").exists()


def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    handover.publish({"a": b"1", "b": b"1"}, tmp_path, OURS)
    kept, changed = (tmp_path / "a").stat().st_ino, (tmp_path / "b").stat().st_ino
    handover.publish({"a": b"1", "b": b"2"}, tmp_path, OURS)
    assert (tmp_path / "a").stat().st_ino == kept
    assert (tmp_path / "b").stat().st_ino != changed


def test_a_directory_that_is_missing_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    for read in (handover.read_tree, handover.live_links):
        with pytest.raises(NotADirectoryError, match="nowhere is not a directory"):
            read(tmp_path / "nowhere")


def test_a_draft_that_a_kill_left_behind_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".a.draft").write_bytes(b"half")
    handover.publish({"a": b"whole"}, tmp_path, OURS)
    assert content(tmp_path) == {"a": b"whole"}


def test_nobody_else_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        handover.publish({"below/secret": b"x"}, tmp_path / "out", OURS)
    finally:
        os.umask(before)
    for path in (tmp_path / "out", tmp_path / "out/below", tmp_path / "out/below/secret"):
        assert path.stat().st_mode & 0o077 == 0


@needs_root
def test_everything_belongs_to_the_user_who_reads_it(tmp_path: Path) -> None:
    handover.publish({"below/secret": b"x"}, tmp_path / "out", OURS)
    handover.publish({"below/secret": b"x"}, tmp_path / "out", SOMEBODY)
    for path in (tmp_path / "out", tmp_path / "out/below", tmp_path / "out/below/secret"):
        assert (path.stat().st_uid, path.stat().st_gid) == SOMEBODY


def test_a_file_that_all_may_read_is_linked_and_another_is_copied(tmp_path: Path) -> None:
    clone, out = tmp_path / "config", tmp_path / "out"
    (clone / "below").mkdir(parents=True, mode=0o755)
    for name, mode in {"open.yml": 0o644, "closed.yml": 0o600, "below/open.yml": 0o644}.items():
        (clone / name).write_text("before")
        (clone / name).chmod(mode)
    (clone / "below").chmod(0o700)
    clone.chmod(0o755)
    handover.publish(handover.live_links(clone), out, OURS)
    for name in ("open.yml", "closed.yml", "below/open.yml"):
        (clone / name).write_text("after")
    assert content(out) == {"open.yml": b"after", "closed.yml": b"before", "below/open.yml": b"before"}


def test_a_clone_made_with_umask_077_is_copied_whole(tmp_path: Path) -> None:
    clone = tmp_path / "config"
    clone.mkdir()
    (clone / "thresholds.yml").write_text("x")
    clone.chmod(0o700)
    assert handover.live_links(clone) == {"thresholds.yml": b"x"}


def test_a_link_becomes_a_copy_when_its_file_is_closed(tmp_path: Path) -> None:
    clone, out = tmp_path / "config", tmp_path / "out"
    clone.mkdir(mode=0o755)
    (clone / "a").write_text("x")
    (clone / "a").chmod(0o644)
    clone.chmod(0o755)
    handover.publish(handover.live_links(clone), out, OURS)
    assert (out / "a").is_symlink()
    (clone / "a").chmod(0o600)
    handover.publish(handover.live_links(clone), out, OURS)
    assert not (out / "a").is_symlink()
    assert content(out) == {"a": b"x"}
