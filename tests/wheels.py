"""The wheels of requirements.lock, and of what builds and draws, for installations without a registry."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

from tests import cache
from tests.servers import ROOT

_LOCK = ROOT / "requirements.lock"
_OLD = ("python-dotenv==1.2.4",)
"""Also in the lock of 0.1.0, whose code and image the tests of upgrades run."""
_OTHERS = re.compile(r"^(setuptools|pillow)==\S+", re.MULTILINE)


def wheelhouse(python: str = f"{sys.version_info.major}.{sys.version_info.minor}") -> Path:
    """Return a directory with the wheels for a version of Python, downloaded once."""
    others = [match[0] for match in _OTHERS.finditer((ROOT / "requirements-dev.lock").read_text())] + [*_OLD]
    key = f"{python}-{cache.digest(_LOCK.read_bytes(), ' '.join(others))}"
    return cache.kept("wheels", key, partial(_download, python, others))


def _download(python: str, others: list[str], target: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-version", python, "--dest", str(target)]
    subprocess.run([*command, "--require-hashes", "-r", str(_LOCK)], check=True)
    subprocess.run([*command, *others], check=True)
