"""What a service's process uses, from the standard library and /proc."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from exporter.client.forks import begin_in_every_process


class ProcessGauges:
    """Uptime (seconds), CPU (share of the CPUs it may use), memory (bytes), disk (share in use, where `path` is)."""

    subject = "process"

    def __init__(self, service: str, path: str | Path = "/") -> None:
        self._service, self._path = service, path
        begin_in_every_process(self)

    def begin(self) -> None:
        """The process has only just begun."""
        self._before = (time.monotonic(), time.process_time())
        self._began = time.monotonic() - (_age_s() or 0.0)

    def values(self) -> dict[str, Any]:
        """Since they were last taken, as to the CPU; what the system does not tell is left out."""
        measured = {
            "uptime_seconds": time.monotonic() - self._began,
            "cpu_ratio": self._cpu_ratio(),
            "memory_bytes": _memory_bytes(),
            "disk_used_ratio": _disk_used_ratio(self._path),
        }
        return {"service": self._service, **{key: value for key, value in measured.items() if value is not None}}

    def _cpu_ratio(self) -> float | None:
        wall, used = time.monotonic(), time.process_time()
        (wall_before, used_before), self._before = self._before, (wall, used)
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        available = (wall - wall_before) * cpus
        return max(0.0, used - used_before) / available if available > 0 else None


def _age_s() -> float | None:
    """Seconds since the process began, by the kernel's clock."""
    with suppress(OSError, ValueError, IndexError):
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        up_s = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, up_s - ticks / os.sysconf("SC_CLK_TCK"))
    return None


def _memory_bytes() -> int | None:
    """Resident now; the most that ever was, where /proc is missing."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    with suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return None


def _disk_used_ratio(path: str | Path) -> float | None:
    """As df counts it: of what is not kept for root."""
    with suppress(OSError):
        usage = shutil.disk_usage(path)
        return usage.used / (usage.used + usage.free) if usage.used + usage.free else None
    return None
