"""What the database promises about itself, told by pgTAP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import prove
from tests.servers import ROOT
from tests.supabase.conftest import CONVERTED, MIGRATED, Fresh

FILES = sorted((ROOT / "supabase/tests").glob("*.sql"))
AFTER_CONVERSION = [path for path in FILES if path.stem in ("conversion", "schema", "row_security", "publication")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_pgtap(path: Path, fresh: Fresh) -> None:
    prove(fresh(MIGRATED), path)


@pytest.mark.parametrize("path", AFTER_CONVERSION, ids=lambda path: path.stem)
def test_pgtap_after_the_conversion_of_a_gateways_tables(path: Path, fresh: Fresh) -> None:
    prove(fresh(CONVERTED), path)
