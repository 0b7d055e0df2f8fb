"""The Dockerfile, read line by line, since no engine is at hand."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.servers import ROOT

TEXT = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
INSTRUCTIONS = [tuple(line.split(maxsplit=1)) for line in TEXT.splitlines() if line and not line.startswith("#")]


def values(instruction: str) -> list[str]:
    """What follows each use of an instruction."""
    return [value for name, value in INSTRUCTIONS if name == instruction]


def sources() -> list[str]:
    """What is copied into the image."""
    return [word for copied in values("COPY") for word in copied.split()[:-1]]


def ignored() -> list[str]:
    """The patterns of .dockerignore."""
    return (ROOT / ".dockerignore").read_text().split()


def test_it_does_not_run_as_root() -> None:
    assert values("USER") == ["10001:10001"]
    after = INSTRUCTIONS[INSTRUCTIONS.index(("USER", "10001:10001")) :]
    assert not [name for name, _ in after if name in {"RUN", "COPY", "ADD"}]


def test_every_library_is_installed_by_its_hash() -> None:
    (install,) = [run for run in values("RUN") if "pip install" in run]
    assert "--require-hashes -r requirements.lock" in install
    assert "--hash=sha256:" in (ROOT / "requirements.lock").read_text()


@pytest.mark.parametrize("source", sources())
def test_what_is_copied_exists_and_is_sent_to_the_engine(source: str) -> None:
    assert (ROOT / source).exists()
    top = source.split("/")[0]
    assert f"!{top}" in ignored()
    assert f"{top}/*" not in ignored() or f"!{source}" in ignored()


def test_nothing_is_sent_to_the_engine_but_what_is_copied() -> None:
    assert ignored()[0] == "*"
    allowed = {pattern.removeprefix("!").split("/")[0] for pattern in ignored() if pattern.startswith("!")}
    assert allowed == {source.split("/")[0] for source in sources()}


def test_a_volume_that_we_write_first_is_covered_by_a_directory_of_its_user() -> None:
    made = {path: owner for owner, path in re.findall(r"install -d -m 0\d+ -o (\d+) -g \d+ (\S+)", TEXT)}
    assert made == {"/var/lib/exai": "10001", "/prometheus": "65534"}
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert services["demo-past"]["user"] == "65534:65534"


def test_a_clone_that_only_its_owner_may_read_makes_an_image_that_all_may_read() -> None:
    copied = [number for number, (name, _) in enumerate(INSTRUCTIONS) if name == "COPY"]
    opened = [number for number, (_, value) in enumerate(INSTRUCTIONS) if "chmod -R a+rX /app" in value]
    assert opened > copied[-1:]
