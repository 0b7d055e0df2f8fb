"""The progress line says what is sent, what is lost and why."""

from __future__ import annotations

import pytest

from exporter.demo.outbox import Tally
from exporter.demo.progress import LiveLine, summary


def test_the_line_says_what_went_where() -> None:
    line = summary(65.2, ("slow-kimi",), {"redis": Tally(1200), "http": Tally(34, dropped=2, refused=3)})
    assert line == "65 s · sent to redis 1,200 · http 34 · lost 5 · slow-kimi"


def test_the_line_says_why_nothing_leaves() -> None:
    line = summary(1, (), {"http": Tally(trouble="exporter: refused")})
    assert line == "1 s · sent to http 0 · lost 0 · no incident · exporter: refused"


def test_the_live_line_is_rewritten_in_place(capsys: pytest.CaptureFixture[str]) -> None:
    live = LiveLine()
    for elapsed_s in (0, 0.1, 0.6):
        live.tell(elapsed_s, (), {"http": Tally(int(elapsed_s * 10))})
    live.end()
    shown = capsys.readouterr().out
    assert shown.count("\r") == 2
    assert shown.endswith("http 6 · lost 0 · no incident\n")
