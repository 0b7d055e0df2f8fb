"""The examples of docs/client.md run as they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.client import monitor_settings
from tests.servers import ROOT

PAGE = (ROOT / "docs" / "client.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs(example: str, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(example)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("REDIS_", "EXAI_"))}
    subprocess.run([sys.executable, str(program)], cwd=tmp_path, env=environment, check=True, timeout=20)


def test_each_variable_that_is_read_is_on_the_page() -> None:
    read = set(re.findall(r'"((?:REDIS|EXAI)_[A-Z_]+)"', (ROOT / monitor_settings.__file__).read_text()))
    assert len(read) > 8
    assert {name for name in read if f"`{name}`" not in PAGE} == set()
