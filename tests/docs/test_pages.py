"""The pages that are made from the code say what the code says."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
build = runpy.run_path(str(ROOT / "docs" / "build.py"))


def test_no_page_has_drifted_from_the_code() -> None:
    assert build["drifted"]() == []


def test_every_setting_and_every_family_is_on_its_page() -> None:
    from exporter.conventions import FAMILIES
    from exporter.settings import ENVIRONMENT

    metrics, settings = (build["PAGES"][name]() for name in ("metrics.md", "settings.md"))
    assert [name for name in FAMILIES if f"`{name}`" not in metrics] == []
    assert [name for name in ENVIRONMENT if f"`{name}`" not in settings] == []
