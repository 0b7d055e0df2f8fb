"""A body that is made to hurt costs neither time nor memory out of proportion."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from exporter.decode.canonical import decode
from exporter.types import Refused
from tests.core.examples import NOW

CASES = {
    "a text that never ends": (r"""b'["' + b'\\"' * 2_000_000""", False),
    "a text that never ends on a backslash": (r"""b'["' + b'\\"' * 2_000_000 + b'\\'""", False),
    "a long text beside a NaN": (r"""b'[NaN,"' + b'a' * 16_000_000 + b'"]'""", False),
    "a long text of escapes beside a NaN": (r"""b'[NaN,"' + b'\\"' * 8_000_000 + b'"]'""", False),
    "millions of items": (r"""b'[' + b'1,' * 8_000_000 + b'1]'""", False),
    "millions of nothings": (r"""b'[' + b',' * 16_000_000 + b']'""", False),
    "millions of lines": (r"""b'1\n' * 8_000_000""", True),
    "millions of brackets": (r"""b'[' * 16_000_000""", False),
}

PROBE = """
import resource, sys, time
from exporter.decode.canonical import decode
from exporter.types import Refused
body = {body}
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
try:
    decode(body, {now}, ndjson={ndjson})
except Refused:
    pass
print(time.process_time() - started, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_body_is_bounded_in_time_and_memory(name: str) -> None:
    body, ndjson = CASES[name]
    program = PROBE.format(body=body, now=NOW, ndjson=ndjson)
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    seconds, megabytes = map(float, found.stdout.split())
    assert seconds < 10
    assert megabytes < 150


def test_a_text_that_never_ends_costs_no_more_than_its_length() -> None:
    started = time.process_time()
    with pytest.raises(Refused):
        decode(b'["' + b'\\"' * 20_000, NOW)
    assert time.process_time() - started < 0.5
