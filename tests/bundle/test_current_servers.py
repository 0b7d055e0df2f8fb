"""The servers that are built from Go modules: the versions of the images, each built once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import current_servers
from tests.servers import ROOT

GO = """#!/bin/sh
case "$1" in
env) echo {version} ;;
build)
  echo "$PWD" >> {log}
  while [ "$1" != -o ]; do shift; done
  out=$2; shift 2
  for program in "$@"; do echo ok > "$out$(basename "$program")"; done ;;
esac
"""
"""A Go that builds nothing: it notes where it was asked to."""


def fake_go(tmp_path: Path, version: str = "go1.26.0") -> dict[str, str]:
    """The environment in which it is the only Go, with a cache of its own."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/go"
    script.write_text(GO.format(version=version, log=tmp_path / "log"))
    script.chmod(0o755)
    return {**os.environ, "PATH": f"{script.parent}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(tmp_path / "cache")}


def start(env: dict[str, str]) -> subprocess.Popen[str]:
    """A build in a process of its own."""
    argv = [sys.executable, "-m", "tests.current_servers"]
    return subprocess.Popen(argv, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_they_have_the_versions_of_the_images() -> None:
    pinned = dict(re.findall(r"image: prom/(\w+):v([\d.]+)", (ROOT / "docker-compose.yml").read_text()))
    assert {server.name: server.version for server in current_servers.SERVERS}.items() <= pinned.items()


def test_two_builds_at_once_build_once_and_a_third_finds_it(tmp_path: Path) -> None:
    env = fake_go(tmp_path)
    printed = [process.communicate()[0].strip() for process in (start(env), start(env))]
    printed.append(start(env).communicate()[0].strip())
    (directory,) = map(Path, set(printed))
    assert {path.name for path in directory.iterdir()} == {"prometheus", "promtool", "alertmanager", "amtool"}
    assert directory.parent == tmp_path / "cache/exai-tests"
    assert len((tmp_path / "log").read_text().splitlines()) == len(current_servers.SERVERS)
    assert [path.suffix for path in directory.parent.iterdir() if path != directory] == [".lock"]


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    env = fake_go(tmp_path)
    (tmp_path / "bin/go").write_text((tmp_path / "bin/go").read_text().replace('echo "$PWD" >>', "exit 1;"))
    process = start(env)
    process.communicate()
    assert process.returncode == 1
    assert [path.suffix for path in (tmp_path / "cache/exai-tests").iterdir()] == [".lock"]


@pytest.mark.parametrize(("version", "used"), [("go1.25.8", True), ("go1.26.0", True), ("go1.19.8", False)])
def test_a_go_that_is_too_old_is_not_used(tmp_path: Path, version: str, used: bool) -> None:
    fake_go(tmp_path, version)
    assert (current_servers._version(str(tmp_path / "bin/go")) >= current_servers.OLDEST_GO) is used
