"""The tests in an engine, which are collected in it alone."""

from tests.docker.__main__ import HALVES
from tests.servers import ROOT


def test_every_file_of_tests_is_in_one_half() -> None:
    files = sorted(path.name for path in (ROOT / "tests/docker").glob("test_*.py"))
    assert sorted(name for half in HALVES for name in half) == files
