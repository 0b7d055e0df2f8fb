"""Brings the cached pages up to date, in the fold's thread and in slices."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from exporter.conventions import Family
from exporter.expose.exposition import Format, header, render
from exporter.expose.pages import Page
from exporter.fold.children import Segment
from exporter.fold.state import State
from exporter.fold.work import Work

_SLICE = 500
"""Segments rendered before the next batch may be folded: some four milliseconds. Smaller slices make a scrape under
load wait for more batches; pushes are acknowledged without the fold."""


def pages(form: Format, *, squeeze: bool = False) -> Callable[[State], Work[list[Page]]]:
    """Work for the fold's thread that returns the pages of all folded families.

    With `squeeze` each page is deflated as soon as it is rendered, so that all texts are never held at once.
    """

    def work(state: State) -> Work[list[Page]]:
        state.place_new()
        # What changes from here on is for the next scrape: else a busy fold would keep this one from its end.
        due, state.unshown = state.unshown, []
        for start in range(0, len(due), _SLICE):
            for segment in due[start : start + _SLICE]:
                _render(segment)
                if squeeze:
                    _squeeze(segment)
            state.generation += 1
            yield
        return _collect(state, form)

    return work


def _render(segment: Segment) -> None:
    family = segment.family.family
    segment.stale = False
    plain = _page(segment, Format.TEXT)
    if family.exemplars:
        segment.pages = (plain, _page(segment, Format.OPENMETRICS))
    else:
        segment.pages = (plain, plain)


def _squeeze(segment: Segment) -> None:
    for page in segment.pages:
        page.squeeze()


def _page(segment: Segment, form: Format) -> Page:
    family = segment.family.family
    return Page("".join([render(family, child, form) for child in segment.children]).encode())


def _collect(state: State, form: Format) -> list[Page]:
    found: list[Page] = []
    for held in state.families.values():
        if held.segments and held.children:
            found.append(_header_page(held.family, form))
            found.extend([segment.pages[form] for segment in held.segments if segment.pages])
    return found


@cache
def _header_page(family: Family, form: Format) -> Page:
    return Page(header(family, form).encode())
