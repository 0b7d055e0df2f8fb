"""`python -m exporter`."""

from exporter.cli import cli

cli(prog_name="python -m exporter")
