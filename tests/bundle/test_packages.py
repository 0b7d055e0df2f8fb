"""Debian packages: what is asked of apt, without touching this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.bundle import packages
from tests.servers import ROOT

RECORDER = """#!/bin/sh
echo "$(basename "$0") $*; policy: $(cat "$POLICY" 2>/dev/null | tail -1)" >> "$CALLS"
case "$(basename "$0") $*" in
  "dpkg-query "*) [ -e "$INSTALLED" ] && printf installed || printf not-installed ;;
  "dpkg -L "*) printf '/lib/systemd/system/redis-server.service\\n/lib/systemd/system/redis@.service\\n' ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which stand-ins of apt, dpkg, sudo and systemd write how they were called."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("apt-get", "dpkg", "dpkg-query", "systemctl", "sudo"):
        (tools / name).write_text(RECORDER)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    for variable in ("CALLS", "INSTALLED", "POLICY"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setattr(packages, "_POLICY", tmp_path / "POLICY")
    return tmp_path / "CALLS"


def as_user(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)


def test_what_is_installed_is_left_alone(calls: Path, tmp_path: Path) -> None:
    (tmp_path / "INSTALLED").touch()
    packages.ensure(["redis-server"])
    assert "apt-get" not in calls.read_text()


def test_a_package_is_installed_while_services_are_held_back(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user(monkeypatch, 0)
    packages.ensure(["redis-server"])
    (install,) = [line for line in calls.read_text().splitlines() if " install " in line]
    assert install.startswith("apt-get ")
    assert "--no-install-recommends redis-server;" in install
    assert install.endswith("policy: exit 101")
    assert not (tmp_path / "POLICY").exists()


def test_the_services_of_a_new_package_do_not_start_at_boot(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(monkeypatch, 0)
    packages.ensure(["redis-server"])
    assert "systemctl disable redis-server.service;" in calls.read_text()


def test_a_policy_of_the_machine_itself_is_kept(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "POLICY").write_text("exit 42\n")
    as_user(monkeypatch, 0)
    packages.ensure(["redis-server"])
    assert (tmp_path / "POLICY").read_text() == "exit 42\n"
    assert calls.exists()


def test_a_user_installs_through_sudo(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(monkeypatch, 1000)
    packages.ensure(["redis-server"])
    assert f"sudo -n {sys.executable} -B -m exporter.bundle.packages redis-server;" in calls.read_text()


def test_a_user_without_sudo_is_told_what_to_run(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(monkeypatch, 1000)
    (tmp_path / "tools" / "sudo").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(packages.MissingPackagesError, match="Run: sudo apt-get install redis-server"):
        packages.ensure(["redis-server"])
    assert "apt-get" not in calls.read_text()


def test_it_runs_without_any_library() -> None:
    command = (sys.executable, "-S", "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
               "import exporter.bundle.packages as p; print(p.is_installed('no-such-package'))")  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
