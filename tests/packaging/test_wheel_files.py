"""The wheel and the sdist have every file that the program reads, each once."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

from tests.packaging.conftest import build_wheel
from tests.servers import ROOT

READ_AT_RUN_TIME = (
    "alertmanager", ":(glob)config/*.yml", "docs/boards.md", "docs/runbooks", "prometheus/rules", "prometheus/tests",
    "supabase/bootstrap.sql", "supabase/migrations",
)  # fmt: skip
SHIPPED = "exporter/_shipped/"


def tracked(*patterns: str) -> set[str]:
    """The files that git knows below some paths."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns)
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines())


def content(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel, without what describes it."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_the_package_and_what_it_reads(wheel: Path) -> None:
    package = tracked("exporter")
    assert set(content(wheel)) == package | {SHIPPED + name for name in tracked(*READ_AT_RUN_TIME)}


def test_a_shipped_file_is_as_it_is_in_the_checkout(wheel: Path) -> None:
    shipped = {name: text for name, text in content(wheel).items() if name.startswith(SHIPPED)}
    assert len(shipped) > 80
    for name, text in shipped.items():
        assert (ROOT / name.removeprefix(SHIPPED)).read_bytes() == text, name


def test_the_repository_has_no_second_copy() -> None:
    assert not (ROOT / SHIPPED).exists()
    assert not [name for name in tracked("exporter") if name.endswith((".yml", ".sql", ".tmpl", ".md"))]


def test_a_wheel_of_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    assert content(build_wheel(sdist, tmp_path)) == content(wheel)


def test_a_build_without_a_folder_fails(tree: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    subprocess.run(("cp", "-r", str(tree), str(source)), check=True)
    subprocess.run(("rm", "-r", str(source / "docs/runbooks")), check=True)
    try:
        build_wheel(source, tmp_path)
    except subprocess.CalledProcessError:
        return
    raise AssertionError("a wheel without runbooks was built")


def test_a_file_that_is_gone_leaves_a_later_build(tree: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    subprocess.run(("cp", "-r", str(tree), str(source)), check=True)
    first = source / "docs/runbooks/Gone.md"
    first.write_text("# Gone\n")
    (tmp_path / "first").mkdir()
    assert f"{SHIPPED}docs/runbooks/Gone.md" in content(build_wheel(source, tmp_path / "first"))
    first.unlink()
    (tmp_path / "second").mkdir()
    assert f"{SHIPPED}docs/runbooks/Gone.md" not in content(build_wheel(source, tmp_path / "second"))
