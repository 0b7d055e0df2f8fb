"""Debian packages that must be there, installed without starting the services that they bring.

Standard library only: `python3 -m exporter.bundle.packages NAME…` also runs before `.venv` exists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_POLICY = Path("/usr/sbin/policy-rc.d")
_NO_SERVICES = "#!/bin/sh\n# Written while the exai bundle installs packages, and removed after.\nexit 101\n"
_APT = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=120")


class MissingPackagesError(Exception):
    """Packages are missing and cannot be installed; the text says what to do."""


def ensure(packages: Sequence[str]) -> None:
    """Install what is missing of `packages`, as root or by sudo; MissingPackagesError if neither can."""
    missing = [package for package in packages if not is_installed(package)]
    if not missing:
        return
    names = " ".join(missing)
    if not shutil.which("apt-get"):
        raise MissingPackagesError(f"needed and missing: {names}. Without apt-get, install them by hand")
    if os.geteuid() == 0:
        print(f"installing with apt: {names}", flush=True)  # noqa: T201
        _install(missing)
    elif _sudo_works():
        print(f"installing with sudo and apt: {names}", flush=True)  # noqa: T201
        _run("sudo", "-n", sys.executable, "-B", "-m", "exporter.bundle.packages", *missing)
    else:
        raise MissingPackagesError(f"needed and missing: {names}. Run: sudo apt-get install {names}")


def is_installed(package: str) -> bool:
    """Whether dpkg knows the package as installed."""
    try:
        query = ("dpkg-query", "--show", "--showformat=${db:Status-Status}", package)
        return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"
    except FileNotFoundError:
        return False


def _sudo_works() -> bool:
    if not shutil.which("sudo"):
        return False
    return subprocess.run(("sudo", "-n", "true"), capture_output=True, check=False).returncode == 0


def _install(packages: Sequence[str]) -> None:
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    with _services_held_back():
        subprocess.run((*_APT, "-q", "update"), stdout=subprocess.DEVNULL, check=False)
        _run(*_APT, "-q", "install", "-y", "--no-install-recommends", *packages)
        for package in packages:
            _disable_services(package)


@contextmanager
def _services_held_back() -> Iterator[None]:
    """Keep Debian from starting what it installs: the bundle needs those ports itself."""
    ours = not _POLICY.exists() or _POLICY.read_text() == _NO_SERVICES
    if ours:
        _POLICY.write_text(_NO_SERVICES)
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def _disable_services(package: str) -> None:
    """Keep the services of a package that we brought from starting with the next boot."""
    listed = subprocess.run(("dpkg", "-L", package), capture_output=True, text=True, check=False)
    files = [Path(line) for line in listed.stdout.splitlines() if "/systemd/system/" in line]
    units = [file.name for file in files if not file.stem.endswith("@")]
    if units and shutil.which("systemctl"):
        subprocess.run(("systemctl", "disable", *units), capture_output=True, check=False)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    except subprocess.CalledProcessError as failure:
        raise MissingPackagesError(
            f"`{' '.join(command)}` ended with {failure.returncode}. Run it by hand to see why: "
            "there may be no network, or a mirror that does not know the package"
        ) from None


if __name__ == "__main__":
    try:
        ensure(sys.argv[1:])
    except MissingPackagesError as problem:
        sys.exit(str(problem))
