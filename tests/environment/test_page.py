"""docs/environment.md says what lines of `.env` mean."""

from __future__ import annotations

import re

import pytest

from exporter.environment.env_file import EnvFileError, parse
from tests.servers import ROOT

PAGE = (ROOT / "docs/environment.md").read_text()
EXAMPLES: dict[str, tuple[str | None, ...]] = {
    "A=$B": ("b", "", ""),
    "A=${B}": ("b", "", ""),
    'A="$B"': ("b", "", ""),
    "A=pa$$word": ("pa$word",) * 3,
    'A="pa\\$word"': ("pa$word",) * 3,
    "A='pa$word'": ("pa$word",) * 3,
    "A=${B:-x}": ("b", "x", "x"),
    "A=${B:+x}": ("x", "", ""),
    "A=${B:?x}": ("b", None, None),
    "A=x # comment": ("x",) * 3,
    'A="x\\ny"': ("x\ny",) * 3,
}
"""The value of A where B is b, empty, and not set; None where the file is refused."""


def value(text: str, environ: dict[str, str]) -> str | None:
    """Return the value of A."""
    try:
        return parse(text, environ).values["A"]
    except EnvFileError:
        return None


def test_these_are_the_examples_of_the_page() -> None:
    assert set(re.findall(r"`(A=.*?)`", PAGE)) == set(EXAMPLES)


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_has_the_value_that_the_page_says(text: str) -> None:
    assert tuple(value(text, environ) for environ in ({"B": "b"}, {"B": ""}, {})) == EXAMPLES[text]


def test_without_the_colon_an_empty_variable_counts_as_set() -> None:
    assert [value(f"A=${{B{operator}x}}", {"B": ""}) for operator in "-+?"] == ["", "x", ""]
