"""A `.env` file is read as Docker Compose reads it."""

from __future__ import annotations

import pytest

from exporter.environment.env_file import EnvFileError, parse
from tests import env_files
from tests.env_files import Case


@pytest.mark.parametrize("case", env_files.recorded(), ids=lambda case: repr(case.text))
def test_a_file_has_the_values_that_compose_gives_it(case: Case) -> None:
    assert env_files.parsed(case.text) == case.values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\n\n# c\nB C=2", "line 4: the name of a variable cannot contain a space"),
        ("A='1\n2'\nB!=3", "line 3: '!' cannot be part of the name of a variable"),
        ("A=1\nB='2\n\n\n", "line 2: B: the quote ' is never closed"),
        ("A=1\nB=${\n", "line 2: B: ${ does not begin a variable; write $$ for a dollar sign"),
        ("A=${B:?set it}", "line 1: A: the variable B is required: set it"),
        ("A=${B?}", "line 1: A: the variable B is required"),
        ("A=1\nexport ", "line 2: `export` without a name"),
    ],
)
def test_an_error_names_line_and_reason(text: str, message: str) -> None:
    with pytest.raises(EnvFileError) as refused:
        parse(text, {})
    assert str(refused.value) == message


def test_an_error_does_not_show_the_value() -> None:
    for text in ("PASSWORD='tell nobody", "PASSWORD=tell nobody${", 'PASSWORD="tell nobody'):
        with pytest.raises(EnvFileError) as refused:
            parse(text, {})
        assert "tell" not in str(refused.value)


def test_variables_that_become_empty_are_reported_with_their_lines() -> None:
    text = 'A=pa$word\nB="\n${NONE}"\nC=${NONE:-x}${NONE:+y}$A$SET$$no'
    assert parse(text, {"SET": ""}).unset == [(1, "word"), (2, "NONE")]
