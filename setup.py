"""Put the files that the program reads at run time into the wheel, below exporter/_shipped.

In a checkout they stay where they are: config/, prometheus/rules/ and so on. exporter/shipped_files.py finds them in
both places. Everything else about the package is in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = (
    "alertmanager/*.yml",
    "alertmanager/receivers/*.yml",
    "alertmanager/templates/*.tmpl",
    "config/*.yml",
    "docs/boards.md",
    "docs/runbooks/*.md",
    "prometheus/rules/*.yml",
    "prometheus/tests/*.yml",
    "supabase/bootstrap.sql",
    "supabase/migrations/*.sql",
)


class BuildWithShippedFiles(build_py):
    """The usual build of the package, with the shipped files inside it."""

    def run(self) -> None:
        """Build the package, then copy the shipped files; an editable install reads those of the checkout."""
        super().run()
        if self.editable_mode:
            return
        # build/ may be left from an earlier version, with rules that are gone.
        shutil.rmtree(self._directory(), ignore_errors=True)
        for target, source in self._shipped().items():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target, preserve_mode=False)

    def get_output_mapping(self) -> dict[str, str]:
        """Name the source of every built file."""
        return {**super().get_output_mapping(), **self._shipped()}

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Name every built file."""
        return [*super().get_outputs(include_bytecode), *self._shipped()]

    def get_source_files(self) -> list[str]:
        """Name every file that an sdist needs to build the package."""
        return [*super().get_source_files(), *self._shipped().values()]

    def _directory(self) -> Path:
        return Path(self.build_lib, "exporter", "_shipped")

    def _shipped(self) -> dict[str, str]:
        """Map each file in the build to its source."""
        found: dict[str, str] = {}
        for pattern in SHIPPED:
            sources = sorted(Path().glob(pattern))
            if not sources:
                raise FileNotFoundError(f"{pattern} is missing: the package would be incomplete")
            found |= {str(self._directory() / source): str(source) for source in sources}
        return found


setup(cmdclass={"build_py": BuildWithShippedFiles})
