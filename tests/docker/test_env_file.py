"""Compose 5 and our parser agree on `.env` files: on those that are recorded, and on generated ones."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import env_files
from tests.docker.prepare import Prepared

FILES = 250
PARTS = (
    "$", "$$", "${", "{", "}", '"', "'", "\\", "#", " #", " ", "=", ":", "\n", "\r\n", "\t", "A", "B", "NONE", "x",
    "\u00e9", "A=", "\nA=", "\nC=", "export ", ":-", "-", ":?", "?", ":+", "+", "0", "0101", "n", "$A", "${B}",
    "${NONE:-", "${C:+",
)  # fmt: skip
"""The pieces that generated files consist of."""


@pytest.fixture(scope="module")
def compose() -> Path:
    """The program Docker Compose 5."""
    return Prepared.from_environment().compose


def generated(seed: int) -> str:
    """Return a file of some lines."""
    chance = random.Random(seed)
    return "".join(chance.choice(("A=", "A=1\nC=", ""))) + "".join(chance.choices(PARTS, k=chance.randint(1, 14)))


def differing(compose: Path, texts: list[str]) -> list[str]:
    """Return the files that Compose and our parser read differently."""
    with ThreadPoolExecutor() as threads:
        answers = threads.map(lambda text: env_files.ask(compose, text), texts)
        return [text for text, answer in zip(texts, answers, strict=True) if env_files.parsed(text) != answer]


def test_the_recording_is_what_compose_answers(compose: Path) -> None:
    cases = env_files.recorded()
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda case: env_files.ask(compose, case.text), cases))
    assert answers == [case.values for case in cases]


def test_generated_files_have_the_same_values(compose: Path) -> None:
    start = random.SystemRandom().randrange(2**32)
    texts = [generated(seed) for seed in range(start, start + FILES)]
    assert sum(env_files.parsed(text) is not None for text in texts) > FILES / 5, "nearly all files are refused"
    assert differing(compose, texts) == []
