"""Where Grafana finds the database, from the address that the exporter has."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from exporter import tokens
from exporter.bundle import postgres, programs
from exporter.bundle.data_source import data_source
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.layout import ROOT, Layout
from exporter.bundle.programs import GrafanaInstallation, Program

SHIPPED = ROOT / "grafana" / "provisioning-postgres"


def told(url: str, **variables: str) -> tuple[str, str, str, str]:
    """Address, database, user and mode."""
    found = data_source({"EXAI_DATABASE_URL": url, **variables})
    url, database, user, mode = (found[f"GRAFANA_POSTGRES_{key}"] for key in ("URL", "DATABASE", "USER", "SSLMODE"))
    return url, database, user, mode


def grafana(env: dict[str, str], endpoints: Endpoints, layout: Layout) -> Program:
    """Grafana in that environment."""
    return programs.grafana_program(GrafanaInstallation(Path("g"), Path("h")), endpoints, layout, env)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@db.example/x", ("db.example:5432", "x", "exai_grafana", "require")),
        ("postgresql://u@127.0.0.1:6543/x", ("127.0.0.1:6543", "x", "exai_grafana", "disable")),
        ("postgresql://u@[2001:db8::1]/x", ("[2001:db8::1]:5432", "x", "exai_grafana", "require")),
        ("postgresql://u@db.example/x?sslmode=verify-full", ("db.example:5432", "x", "exai_grafana", "verify-full")),
        ("postgresql://u@db.example/x?sslmode=prefer", ("db.example:5432", "x", "exai_grafana", "require")),
        ("postgresql://postgres.abc@pooler/postgres", ("pooler:5432", "postgres", "exai_grafana.abc", "require")),
    ],
)
def test_it_is_taken_from_the_exporters_address(url: str, expected: tuple[str, ...]) -> None:
    assert told(url) == expected


def test_the_bundles_own_is_reached_by_its_socket(layout: Layout) -> None:
    assert told(postgres.url(layout)) == (str(layout.postgres), "postgres", "exai_grafana", "disable")


def test_what_is_set_wins(layout: Layout) -> None:
    assert told("postgresql://h/d", GRAFANA_POSTGRES_SSLMODE="verify-ca", GRAFANA_POSTGRES_URL="proxy:1") == (
        "proxy:1", "d", "exai_grafana", "verify-ca",
    )  # fmt: skip


def test_an_address_that_is_none_is_refused_without_its_password() -> None:
    with pytest.raises(ValueError, match=r"^EXAI_DATABASE_URL: ") as refused:
        data_source({"EXAI_DATABASE_URL": "postgresql://u:secret@[::1/x"})
    assert "secret" not in str(refused.value)


def test_the_data_source_is_provisioned_only_where_a_database_is_named(endpoints: Endpoints, layout: Layout) -> None:
    named = grafana({"EXAI_DATABASE_URL": "postgresql://h/d"}, endpoints, layout)
    without = grafana({}, endpoints, layout)
    assert named.environment["GF_PATHS_PROVISIONING"] == str(SHIPPED)
    assert without.environment["GF_PATHS_PROVISIONING"] == str(ROOT / "grafana" / "provisioning")
    assert not any(key.startswith("GRAFANA_POSTGRES") for key in without.environment)


def test_what_its_provisioning_reads_is_set_for_grafana(endpoints: Endpoints, layout: Layout) -> None:
    program = grafana({"EXAI_DATABASE_URL": "postgresql://h/d"}, endpoints, layout)
    for file in SHIPPED.glob("*/*.yml"):
        for variable in file.read_text().replace("$${", "").split("${")[1:]:
            assert variable.partition("}")[0] in program.environment, file
    password = layout.state / tokens.READER_PASSWORD
    assert program.environment["GRAFANA_POSTGRES_PASSWORD"] == f"$__file{{{password}}}"


def test_with_a_database_everything_else_is_provisioned_too() -> None:
    alone = ROOT / "grafana" / "provisioning"
    for file in alone.glob("*/*.yml"):
        beside = SHIPPED / file.relative_to(alone)
        assert beside.exists()
        if file.name != "prometheus.yml":  # which has links to traces beside it: tests/grafana/test_provisioning.py
            assert beside.read_bytes() == file.read_bytes()


def test_its_boards_come_from_a_directory_of_their_own_into_the_same_folder() -> None:
    (provider,) = yaml.safe_load((SHIPPED / "dashboards" / "postgres.yml").read_text())["providers"]
    assert (provider["name"], provider["folder"]) == ("exai-postgres", "EXAI")
    assert provider["options"]["path"] == "${EXAI_POSTGRES_DASHBOARDS_PATH}"
