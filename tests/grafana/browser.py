"""A board in a headless Chromium, as a person sees it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.grafana.shipped import Json, drawn

CHROMIUM = shutil.which("chromium")
"""Debian's: nothing is downloaded."""

_WIDTH, _ROW, _HEADER = 1600, 38, 160
"""Pixels: what lies outside of the window is not asked for, so all of a board is inside."""
_SETTLES_WITHIN_S = 60
_MAIL, _MAIL_SCALE = ViewportSize(width=720, height=400), 1.5
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]

_VARIABLE = "data-testid Dashboard template variables"

_PANELS = """
() => [...document.querySelectorAll('[data-viz-panel-key]')].map((panel) => ({
  id: Number(panel.dataset.vizPanelKey.match(/panel-([0-9]+)/)?.[1]),
  bottom: panel.getBoundingClientRect().bottom,
  corner: panel.querySelector('[data-testid^="data-testid Panel status"]') !== null,
  message: panel.querySelector('[data-testid="data-testid Panel data error message"]')?.innerText ?? '',
  text: panel.innerText,
}))
"""

_SETTLED_MS = """
() => {
  const fetched = performance.getEntriesByType('resource');
  const asked = fetched.filter((one) => /api\\/(ds\\/query|prometheus)/.test(one.name));
  const last = Math.max(...asked.map((one) => one.responseEnd));
  const loads = document.querySelector('[aria-label="Panel loading bar"]') !== null;
  return asked.length && !loads && performance.now() - last > 1500 ? last : null;
}
"""
"""When the last query was answered, in milliseconds since the board was asked for; null while any may be under way.

A bar is shown for a panel that waits, and a variable is asked for before its panels are.
"""


class Screen:
    """A window on a Grafana, of which one board is seen at a time."""

    def __init__(self, page: Page, url: str) -> None:
        self._page, self._url = page, url

    def open(self, board: Json, refresh: str = "5m", query: str = "") -> float:
        """Go to a board, and return after how many seconds its last panel was answered.

        Its own `refresh` would begin anew before all is measured. `query` may have a time range and variables.
        """
        self._page.set_viewport_size({"width": _WIDTH, "height": _HEADER + _ROW * _rows(board)})
        address = f"{self._url}/d/{board['uid']}?kiosk&refresh={refresh}&{query}"
        self._page.goto(address, wait_until="domcontentloaded")
        settled = self._page.wait_for_function(_SETTLED_MS, polling=100, timeout=_SETTLES_WITHIN_S * 1000)
        return float(settled.json_value()) / 1000

    def faults(self, board: Json) -> dict[str, str]:
        """What is wrong with the panels that are seen now, by their titles."""
        seen: dict[int, list[str]] = {}
        for panel in self._page.evaluate(_PANELS):
            seen.setdefault(panel["id"], []).append(_fault(panel))
        found = {each["title"]: " ".join(seen.get(each["id"], ["not there"])).strip() for each in drawn(board)}
        return {title: fault for title, fault in found.items() if fault}

    def offered(self, board: Json, label: str, query: str) -> set[str]:
        """Return what the variable of that label lets one choose, on a board that is opened with `query`."""
        self._page.goto(f"{self._url}/d/{board['uid']}?refresh=5m&{query}", wait_until="domcontentloaded")
        self._page.wait_for_function(_SETTLED_MS, polling=100, timeout=_SETTLES_WITHIN_S * 1000)
        name = self._page.get_by_test_id(f"{_VARIABLE} submenu Label {label}")
        self._page.get_by_test_id("data-testid template variable").filter(has=name).get_by_role("combobox").click()
        options = self._page.get_by_role("option")
        options.first.wait_for()
        return set(options.all_inner_texts())

    def picture(self, path: Path) -> None:
        """Write the board that is open as a PNG."""
        bottom = max(panel["bottom"] for panel in self._page.evaluate(_PANELS))
        self._page.screenshot(path=path, clip={"x": 0, "y": 0, "width": _WIDTH, "height": bottom + 8})


def picture_of_mail(html: str, path: Path) -> None:
    """Write a mail as a PNG, as a client with a dark theme shows it."""
    with _browser() as browser:
        page = browser.new_page(viewport=_MAIL, device_scale_factor=_MAIL_SCALE, color_scheme="dark")
        page.set_content(html)
        page.screenshot(path=path, full_page=True)


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def screen(url: str) -> Iterator[Screen]:
    """A screen of the Grafana at `url`; the user and password in it log in."""
    parts = urlsplit(url)
    grafana = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    with _browser() as browser:
        page = browser.new_context(timezone_id="UTC", locale="en-US").new_page()
        # It forgets what it fetched after 250 resources, and a board is made of more.
        page.add_init_script("performance.setResourceTimingBufferSize(5000)")
        if parts.username:
            user = {"user": unquote(parts.username), "password": unquote(parts.password or "")}
            assert page.request.post(f"{grafana}/login", data=user).ok
        yield Screen(page, grafana)


def _rows(board: Json) -> int:
    return max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])


def _fault(panel: Json) -> str:
    if panel["corner"]:
        return "failed, as its corner says"
    wrong = ("No data", "An unexpected error happened", "Computing layout")
    return panel["message"] or next((text for text in wrong if text in panel["text"]), "")
