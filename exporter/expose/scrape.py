"""Brings the cached pages up to date, in the fold's thread and in slices."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from exporter.conventions import Family, Kind
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
        if state.shown_in != form:
            due += _unrendered(state, form)
        state.shown_in = None
        for start in range(0, len(due), _SLICE):
            for segment in due[start : start + _SLICE]:
                page = _render(segment, form)
                if squeeze:
                    page.squeeze()
            state.generation += 1
            yield
        state.shown_in = form
        return _collect(state, form)

    return work


def _unrendered(state: State, form: Format) -> list[Segment]:
    """The segments that have not changed since they were rendered, but only in another format."""
    return [
        segment
        for held in state.families.values()
        for segment in held.segments
        if segment.pages[form] is None and not segment.stale
    ]


def _render(segment: Segment, form: Format) -> Page:
    """Renders the format that is asked for: few exporters are scraped in several, which takes the memory of each."""
    segment.stale = False
    family = segment.family.family
    page = Page("".join([render(family, child, form) for child in segment.children]).encode())
    segment.pages = _by_format(page, segment, form)
    return page


def _by_format(page: Page, segment: Segment, form: Format) -> tuple[Page | None, Page | None, Page | None]:
    """The page in the place of each format in which the segment has this text."""
    if segment.family.family.kind is Kind.GAUGE:
        return page, page, page
    if form is Format.TEXT:
        return page, None, None
    if all(child.created for child in segment.children):
        return None, page, page
    return (None, page, None) if form is Format.OPENMETRICS else (None, None, page)


def _collect(state: State, form: Format) -> list[Page]:
    found: list[Page] = []
    for held in state.families.values():
        if held.segments and held.children:
            found.append(_header_page(held.family, form))
            found.extend([page for segment in held.segments if (page := segment.pages[form])])
    return found


@cache
def _header_page(family: Family, form: Format) -> Page:
    return Page(header(family, form).encode())
