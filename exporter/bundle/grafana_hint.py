"""How to get a Grafana for this system, where there is none."""

from __future__ import annotations

import os
import platform
from contextlib import suppress

_DOWNLOAD = "https://grafana.com/grafana/download?edition=oss"
_REPOSITORY = "https://apt.grafana.com"
_KEY = "/etc/apt/keyrings/grafana.asc"
_LIST = "/etc/apt/sources.list.d/grafana.list"
_ARM = ("aarch64", "arm64")


def grafana_hint(again: str) -> str:
    """Return two lines: what is missing, and the command or the download that brings it to this system.

    `again` is the make target that starts the new Grafana.
    """
    names, pretty = _system()
    first = (
        f"Grafana is not installed, so there are no boards yet. To get it on {pretty}, then run `make {again}` again:"
    )
    if "debian" not in names:
        return f"{first}\n  unpack {_DOWNLOAD}&platform={_platform()}, and set GRAFANA_HOME to its directory"
    sudo = "" if os.geteuid() == 0 else "sudo "
    line = f"deb [signed-by={_KEY}] {_REPOSITORY} stable main"
    steps = (
        f"{sudo}curl -fsSL --create-dirs -o {_KEY} {_REPOSITORY}/gpg.key",
        f"echo '{line}' | {sudo}tee {_LIST}",
        f"{sudo}apt-get update",
        f"{sudo}apt-get install -y grafana",
    )
    return f"{first}\n  {' && '.join(steps)}"


def _system() -> tuple[frozenset[str], str]:
    """Return the names of this distribution and of those that it is like, and how it calls itself."""
    with suppress(OSError):
        release = platform.freedesktop_os_release()
        names = frozenset((release["ID"], *release.get("ID_LIKE", "").split()))
        return names, f"{release.get('PRETTY_NAME', release['ID'])} ({platform.machine()})"
    return frozenset(), f"{platform.system()} ({platform.machine()})"


def _platform() -> str:
    if platform.system() == "Darwin":
        return "mac"
    return "arm" if platform.machine() in _ARM else "linux"
