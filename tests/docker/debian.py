"""Debian packages without installing them: the engine's programs, and a root file system for the stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests import cache

MIRROR = "http://deb.debian.org/debian"

# The programs of the engine, with those of their libraries that a small Debian lacks.
ENGINE = (
    "docker.io", "containerd", "runc", "tini", "iptables", "libdevmapper1.02.1", "libip4tc2", "libip6tc2", "libmnl0",
    "libnetfilter-conntrack3", "libnfnetlink0", "libnftnl11", "libseccomp2", "libxtables12",
)  # fmt: skip

# The programs of the stand-ins.
STAND_INS = (
    "busybox-static", "ca-certificates", "postgresql-15", "prometheus-node-exporter", "prometheus-postgres-exporter",
    "prometheus-redis-exporter", "python3", "python3-pip", "python3-yaml", "redis-server",
)  # fmt: skip

_CLEAN = """
rm -rf var/cache/apt/* var/lib/apt/lists/* var/log/* usr/share/doc usr/share/man usr/share/locale usr/share/i18n \
  var/lib/postgresql/15 etc/postgresql usr/share/javascript usr/lib/python3.11/EXTERNALLY-MANAGED
find . -xdev -name __pycache__ -prune -exec rm -rf {} +
"""


def engine_programs() -> Path:
    """Return a directory with dockerd, containerd, runc, docker and iptables, unpacked and not installed."""
    return cache.kept("engine", cache.digest(*ENGINE), _unpack_engine)


def base() -> Path:
    """Return a directory with `debian.tar`: a Debian with every program of the stand-ins."""
    return cache.kept("debian", cache.digest(*STAND_INS, _CLEAN), _bootstrap)


def unpack(packages: Sequence[str], target: Path) -> None:
    """Download packages and unpack them below `target`."""
    debs = target / "debs"
    debs.mkdir()
    if os.geteuid() == 0:
        shutil.chown(debs, "_apt")
        subprocess.run(("apt-get", "-qq", "update"), stdout=subprocess.DEVNULL, check=False)
    subprocess.run(("apt-get", "-qq", "download", *packages), cwd=debs, stdout=subprocess.DEVNULL, check=True)
    for deb in debs.glob("*.deb"):
        subprocess.run(("dpkg-deb", "-x", str(deb), str(target)), check=True)
    shutil.rmtree(debs)


def _unpack_engine(target: Path) -> None:
    unpack(ENGINE, target)
    for name in ("iptables", "ip6tables"):
        for action in ("", "-save", "-restore"):
            link = target / "usr/sbin" / f"{name}{action}"
            link.unlink(missing_ok=True)
            link.symlink_to(f"{name}-legacy{action}")


def _bootstrap(target: Path) -> None:
    root, tools = target / "root", target / "tools"
    tools.mkdir()
    unpack(["debootstrap"], tools)
    # Mounts and daemons of the packages' scripts end with the namespaces.
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", str(tools / "usr/sbin/debootstrap")]
    command += ["--variant=minbase", f"--include={','.join(STAND_INS)}", "bookworm", str(root), MIRROR]
    environment = {
        **os.environ,
        "DEBOOTSTRAP_DIR": str(tools / "usr/share/debootstrap"),
        "DEBIAN_FRONTEND": "noninteractive",
    }
    with (target / "debootstrap.log").open("wb") as log:
        subprocess.run(command, env=environment, stdout=log, stderr=log, check=True)
    subprocess.run(("sh", "-euc", _CLEAN), cwd=root, check=True)
    subprocess.run(("tar", "-C", str(root), "-cf", str(target / "debian.tar"), "."), check=True)
    shutil.rmtree(root)
    shutil.rmtree(tools)
