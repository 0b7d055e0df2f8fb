"""Namespaces of our own: mounts, processes and a network that has nothing but its loopback and Docker's bridges.

`enter` runs a command within them. Everything that the command leaves running ends with it, for the kernel ends a
namespace's processes with its first one, and mounts and bridges with the last.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.servers import ROOT

MARK = "EXAI_TESTS_NAMESPACE"
_UNSHARE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def refusal() -> str | None:
    """Return why namespaces cannot be had here, None when they can."""
    for program in ("unshare", "apt-get", "dpkg-deb"):
        if not shutil.which(program):
            return f"{program} is not installed"
    done = subprocess.run((*_UNSHARE, "true"), capture_output=True, text=True, check=False)
    if done.returncode:
        return f"namespaces are refused ({done.stderr.strip()}); an engine needs root with CAP_SYS_ADMIN"
    return None


def inside() -> bool:
    """Whether this process runs within the namespaces."""
    return bool(os.environ.get(MARK))


def enter(command: Sequence[str], tools: Path, environment: Mapping[str, str]) -> int:
    """Run a command within namespaces of its own, with the programs of `tools` first; its exit status."""
    own = (
        "setpriv",
        "--pdeathsig",
        "KILL",
        *_UNSHARE,
        "--",
        sys.executable,
        "-m",
        "tests.docker.namespace",
        str(tools),
        *command,
    )
    with subprocess.Popen(own, cwd=ROOT, env={**os.environ, **environment, MARK: str(os.getpid())}) as child:
        # Ctrl-C reaches the child as well, which ends its tests in good order; SIGTERM ends it here.
        previous = {
            signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
            signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: child.kill()),
        }
        try:
            return child.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            _remove_cgroups(cgroup(os.getpid()))


def cgroup(pid: int | None = None) -> str:
    """The name of the control groups of all containers, by the process that called `enter`."""
    return f"exai-tests-{pid or os.environ[MARK]}"


def _remove_cgroups(name: str) -> None:
    for top in Path("/sys/fs/cgroup").glob(f"**/{name}"):
        for directory in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            with suppress(OSError):
                directory.rmdir()
        with suppress(OSError):
            top.rmdir()


def _become_first(tools: Path, command: Sequence[str]) -> None:
    """Prepare the namespaces, and hand this process, the first in them, over to an init and the command."""
    _loopback_up()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"), check=True)
    os.environ["PATH"] = f"{tools}/usr/bin:{tools}/usr/sbin:{os.environ['PATH']}:/usr/sbin:/sbin"
    os.execvpe("tini", ("tini", "--", *command), os.environ)  # noqa: S606


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


if __name__ == "__main__":
    _become_first(Path(sys.argv[1]), sys.argv[2:])
