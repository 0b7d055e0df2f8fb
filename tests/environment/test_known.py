"""Variables that begin with EXAI_: the list of them, and the advice on others."""

from __future__ import annotations

import subprocess

import pytest

from exporter.environment import known
from tests.servers import ROOT

USED_IN = (
    ".env.example", "Dockerfile", "Makefile", "README.md", "alertmanager", "config", "docker-compose.yml", "docs",
    "examples", "exporter", "grafana", "prometheus", "supabase",
)  # fmt: skip
LIST = "exporter/environment/known.py"


def used() -> set[str]:
    """Return every variable that code, configuration or docs name, outside the list."""
    command = ("git", "grep", "--untracked", "-hoE", r"\bEXAI_[A-Z0-9_]*[A-Z0-9]\b", "--", *USED_IN, f":!{LIST}")
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def test_every_variable_that_is_used_is_known_and_no_other() -> None:
    # The exporter's settings have the names that their keys give them.
    named = used() | {name for name in known.ENVIRONMENT if name.startswith(known.PREFIX)}
    assert named == known.KNOWN


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("EXAI_REDIS_ULR", "EXAI_REDIS_ULR is not a setting; did you mean EXAI_REDIS_URL?"),
        ("EXAI_DATABASE", "EXAI_DATABASE is not a setting; did you mean EXAI_DATABASE_URL?"),
        ("EXAI_STATEDIR", "EXAI_STATEDIR is not a setting; did you mean EXAI_STATE_DIR?"),
        ("EXAI_QUUX", "EXAI_QUUX is not a setting and has no effect"),
        (
            "EXAI_REDIS_STREAM",
            "EXAI_REDIS_STREAM is not a setting; set redis.stream in the file that EXAI_CONFIG names",
        ),
        (
            "EXAI_TIMEOUTS_TOKENS_BASE_URL",
            "EXAI_TIMEOUTS_TOKENS_BASE_URL is not a setting; set timeouts.tokens.base_url in the file that EXAI_CONFIG "
            "names",
        ),
    ],
)
def test_advice_says_what_to_set_instead(name: str, advice: str) -> None:
    assert known.is_unknown(name)
    assert known.advice(name) == advice


def test_other_peoples_variables_are_not_looked_at() -> None:
    assert not known.is_unknown("REDIS_ULR")
    assert not any(map(known.is_unknown, known.KNOWN))
