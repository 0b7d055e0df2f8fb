"""While a scrape is made pushes stand back, and never for long."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from exporter.expose import precedence as module
from exporter.expose.precedence import Precedence


def test_a_push_waits_for_the_end_of_the_scrape_that_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 60.0)
    precedence, passed = Precedence(), Event()
    with precedence.of_a_scrape(), precedence.of_a_scrape():
        push = Thread(target=lambda: (precedence.stand_back(), passed.set()))
        push.start()
        assert not passed.wait(0.05)
    push.join(30.0)
    assert passed.is_set()


def test_a_push_goes_on_while_scrapes_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.01)
    precedence = Precedence()
    with precedence.of_a_scrape():
        precedence.stand_back()


def test_a_scrape_that_fails_holds_nobody_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 3600.0)
    precedence = Precedence()
    with pytest.raises(ValueError, match="broken"), precedence.of_a_scrape():
        raise ValueError("broken")
    precedence.stand_back()
