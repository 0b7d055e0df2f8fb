"""What supervisord is told, read back by supervisor's own parser."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from supervisor.options import ServerOptions

from exporter.bundle import environment, programs, targets
from exporter.bundle.endpoints import Address, Endpoints
from exporter.bundle.layout import ROOT, Layout
from exporter.bundle.native import NativeBundle
from exporter.bundle.programs import GrafanaInstallation, Program
from exporter.bundle.supervision import SupervisionError, Supervisor
from exporter.bundle.supervisor_config import render_config
from tests.servers import LOOPBACK, free_port


def parsed(config: str, layout: Layout) -> dict[str, Any]:
    """Each program by its name, as supervisord understands it."""
    layout.make_directories()
    path = layout.supervisor / "supervisord.conf"
    path.write_text(config)
    options = ServerOptions()
    options.realize(["-c", str(path), "-n"])
    return {group.name: group.process_configs[0] for group in options.process_group_configs}


def test_every_program_is_restarted_and_ended_with_its_children(endpoints: Endpoints, layout: Layout) -> None:
    config = render_config(programs.all_programs(endpoints, layout, {}), layout)
    found = parsed(config, layout)
    assert {"exporter", "prometheus", "alertmanager"} <= set(found)
    for program in found.values():
        assert (program.stopasgroup, program.killasgroup, program.autostart) == (True, True, False)
        assert program.autorestart is not False
        assert Path(program.stdout_logfile).parent == layout.logs


def test_commands_and_environment_survive_supervisors_quoting(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "a place with blanks")
    program = Program("odd", ("/bin/echo", "%(x)s", "two words", "it's"), {"KEY": "a,b=%c $__file{/x}"})
    (found,) = parsed(render_config([program], layout), layout).values()
    assert found.command == "/bin/echo '%(x)s' 'two words' 'it'\"'\"'s'"
    assert found.environment == {"KEY": "a,b=%c $__file{/x}"}
    assert found.stdout_logfile == str(layout.log("odd"))


def test_the_exporter_keeps_glibc_to_two_arenas() -> None:
    assert programs.exporter_program().environment["MALLOC_ARENA_MAX"] == "2"


def test_alertmanager_opens_no_cluster_port(endpoints: Endpoints, layout: Layout) -> None:
    assert "--cluster.listen-address=" in programs.alertmanager_program(endpoints, layout, {}).command


@pytest.mark.parametrize(("known", "features"), [
    ("classic-mode, receiver-name-in-metrics", ["--enable-feature=receiver-name-in-metrics"]),
    ("classic-mode", []),
])  # fmt: skip
def test_alertmanager_counts_by_receiver_where_it_can(
    known: str,
    features: list[str],
    endpoints: Endpoints,
    layout: Layout,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    binary = tmp_path / "alertmanager"
    binary.write_text(f"#!/bin/sh\n# The help of Alertmanager goes to standard error.\necho '{known}' >&2\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    command = programs.alertmanager_program(endpoints, layout, {}).command
    assert command[0] == str(binary)
    assert [option for option in command if option.startswith("--enable-feature")] == features


def test_grafana_reads_its_password_from_the_file(endpoints: Endpoints, layout: Layout, tmp_path: Path) -> None:
    home = tmp_path / "grafana"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "grafana").touch(mode=0o755)
    found = programs.find_grafana({"GRAFANA_HOME": str(home)})
    assert found == GrafanaInstallation(home / "bin" / "grafana", home)
    program = programs.grafana_program(found, endpoints, layout, {})
    assert program.command == (f"{home}/bin/grafana", "server", "--homepath", str(home))
    assert program.environment["GF_SECURITY_ADMIN_PASSWORD"] == f"$__file{{{layout.state}/grafana-password}}"
    assert program.environment["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_a_grafana_home_without_grafana_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^GRAFANA_HOME: {tmp_path}/bin/grafana is not there"):
        programs.find_grafana({"GRAFANA_HOME": str(tmp_path)})


def test_what_the_provisioning_reads_is_set_for_grafana(endpoints: Endpoints, layout: Layout) -> None:
    program = programs.grafana_program(GrafanaInstallation(Path("g"), Path("h")), endpoints, layout, {})
    for file in (ROOT / "grafana" / "provisioning").glob("*/*.yml"):
        for variable in file.read_text().split("${")[1:]:
            assert variable.partition("}")[0] in program.environment, file


def test_a_path_that_supervisor_would_expand_is_refused() -> None:
    with pytest.raises(SupervisionError, match="choose an EXAI_STATE_DIR without %"):
        Supervisor(Layout(Path("/100%"))).start("", {})


def test_a_socket_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    layout = Layout(tmp_path / ("long" * 30))
    with pytest.raises(SupervisionError, match="choose a shorter EXAI_STATE_DIR"):
        Supervisor(layout).start("", {})


def test_the_programs_read_no_env_file_of_their_own(endpoints: Endpoints, layout: Layout) -> None:
    env = {"EXAI_ENV_FILE": "other", "EXAI_THREADS": "8", "EXAI_THREDS": "9"}
    native = NativeBundle(env, print)
    told = environment.settings(native.env, endpoints, layout)
    assert (told["EXAI_ENV_FILE"], told["EXAI_THREADS"]) == ("/dev/null", "8")
    assert "EXAI_THREDS" not in told, "a program would warn of it once more"


def test_companions_are_scraped_only_where_they_answer(
    endpoints: Endpoints, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.make_directories()
    monkeypatch.setattr(targets, "REDIS_EXPORTER", Address(LOOPBACK, free_port()))
    with socket.create_server((endpoints.node.host, endpoints.node.port)):
        targets.lay_out(endpoints, layout)
    directory = layout.prometheus / "targets"
    assert (directory / "node.yml").read_text() == f'[{{"targets": ["{endpoints.node}"]}}]\n'
    assert (directory / "redis.yml").read_text() == "[]\n"
    assert (directory / "postgres.yml").read_text() == "[]\n"
