"""Stand-ins for the images that the bundle pins: built once into a tar, then tagged as the files name them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import yaml

from tests import cache
from tests.docker.engine import Engine

DOCKERFILES = Path(__file__).parent / "dockerfiles"

# Repository and flavour, which is what follows the version in the tag, and the directory of the stand-in.
STAND_INS = {
    "grafana/grafana": "grafana",
    "oliver006/redis_exporter": "redis-exporter",
    "oliver006/redis_exporter-alpine": "redis-exporter",
    "postgres-alpine": "postgres",
    "prom/alertmanager": "alertmanager",
    "prom/node-exporter": "node-exporter",
    "prom/prometheus": "prometheus",
    "prometheuscommunity/postgres-exporter": "postgres-exporter",
    "python-slim-bookworm": "python",
    "redis-alpine": "redis",
}


class NoStandInError(Exception):
    """An image is pinned for which there is no stand-in; the text says what to do."""


def pinned(tree: Path) -> set[str]:
    """Return the images that a tree's docker-compose.yml and Dockerfile take from a registry."""
    services = yaml.safe_load((tree / "docker-compose.yml").read_text())["services"].values()
    own = {service["image"] for service in services if "build" in service and "image" in service}
    bases = re.findall(r"(?m)^FROM (\S+)", (tree / "Dockerfile").read_text())
    return {service["image"] for service in services if "image" in service} - own | set(bases)


def stand_in(image: str) -> str:
    """Return the name of an image's stand-in, whatever its version; NoStandInError when there is none."""
    key = re.sub(r":v?[0-9.]+", "", image)
    if key not in STAND_INS:
        raise NoStandInError(f"{image} has no stand-in: add {key!r} to STAND_INS of {__file__}, and a Dockerfile")
    return f"exai-tests/{STAND_INS[key]}"


def tag(engine: Engine, images: Iterable[str]) -> None:
    """Give the stand-ins the names of these images."""
    for image in images:
        engine.docker("tag", stand_in(image), image)


def build(engine: Engine, bases: Iterable[Path], target: Path) -> None:
    """Build every stand-in on root file systems (NAME.tar), and save them all to `target`."""
    for base in bases:
        engine.docker("import", str(base), f"exai-tests/{base.stem}")
    names = ["busybox", *sorted(set(STAND_INS.values()))]
    for name in names:
        context = target.parent / "context"
        shutil.copytree(DOCKERFILES / name, context)
        for file in context.iterdir():  # A clone made with umask 077 has files that no other user may read.
            file.chmod(0o755)
        engine.docker("build", "--tag", f"exai-tests/{name}", str(context), env={"DOCKER_BUILDKIT": "0"})
        shutil.rmtree(context)
    engine.docker("save", "--output", str(target), *(f"exai-tests/{name}" for name in names))


def key(*sources: str | bytes | Path) -> str:
    """Return a hash of what the stand-ins are made of."""
    return cache.digest(DOCKERFILES, *sources)
