"""`pip install .` gives the client alone, and a command says what to install."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporter import __version__
from tests.packaging.conftest import Environment
from tests.servers import ROOT

NEEDED = {"otel_in": "opentelemetry", "otel_out": "opentelemetry", "redis_sorted_sets": "redis"}
"""The client's modules that need another package when they are used, each imported inside a function."""

CLIENT = sorted(path.stem for path in (ROOT / "exporter/client").glob("*.py"))
FORMS = ("script", "module")


def words(environment: Environment, form: str) -> tuple[object, ...]:
    """How the program is started."""
    return (environment.script,) if form == "script" else (environment.python, "-m", "exporter")


def test_no_other_package_is_installed(plain: Environment) -> None:
    installed = {path.name for path in plain.site_packages.iterdir()} - {"__pycache__"}
    assert installed == {"exporter", f"exai_exporter-{__version__}.dist-info"}


@pytest.mark.parametrize("module", CLIENT)
def test_each_module_of_the_client_is_imported(plain: Environment, module: str, tmp_path: Path) -> None:
    done = plain.run(plain.python, "-c", f"import exporter.client.{module}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_client_works_without_an_exporter(plain: Environment, tmp_path: Path) -> None:
    program = """
from exporter.client import ConnectionMonitor
from exporter.client.timeouts import TimeoutClient
monitor = ConnectionMonitor("")
monitor.record_event("kimi", "send", "app.py", "chat", 10)
with TimeoutClient("http://127.0.0.1:9") as client, client.timeout_for("kimi-k2", []) as call:
    print(monitor.get_stats("kimi")["total_events"], call.estimated.source)
"""
    done = plain.run(plain.python, "-c", program, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1 fallback\n"), done.stderr


def test_a_redis_without_its_package_is_warned_of(plain: Environment, tmp_path: Path) -> None:
    program = "from exporter.client import get_monitor\nprint(get_monitor().get_summary()['delivers_to'])"
    done = plain.run(plain.python, "-c", program, cwd=tmp_path, REDIS_URL="redis://127.0.0.1:9/0")
    assert done.stdout == "nowhere\n"
    assert "the package redis is not installed: pip install redis" in done.stderr


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", ["serve", "alerts list", "bundle up", "check-config", "--help", ""])
def test_a_command_says_in_one_line_what_to_install(
    plain: Environment, form: str, command: str, tmp_path: Path
) -> None:
    done = plain.run(*words(plain, form), *command.split(), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("pip install 'exai-exporter[server]'\n")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("command", ["--version", "version"])
def test_the_version_is_told(plain: Environment, form: str, command: str, tmp_path: Path) -> None:
    done = plain.run(*words(plain, form), command, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"exai-exporter {__version__}\n", "")


def test_what_is_to_be_installed_is_enough(wheel: Path, tmp_path: Path) -> None:
    """The hint works as it is printed, beside the installed client."""
    from tests.packaging.conftest import environment

    with environment(tmp_path / "environment") as made:
        made.install(str(wheel))
        hint = made.run(made.script, "check-config", cwd=tmp_path).stderr
        requirement = re.search(r"pip install '(.*)'$", hint.strip())
        assert requirement
        made.install(requirement[1])
        done = made.run(made.script, "check-config", cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_a_bug_of_ours_is_not_taken_for_a_missing_package(wheel: Path, tmp_path: Path) -> None:
    from tests.packaging.conftest import environment

    with environment(tmp_path / "environment") as made:
        made.install(str(wheel))
        (made.site_packages / "exporter" / "cli.py").write_text("import exporter.no_such_module\n")
        done = made.run(made.script, "serve", cwd=tmp_path)
        assert "No module named 'exporter.no_such_module'" in done.stderr
        assert "pip install" not in done.stderr


def test_the_install_page_names_what_a_module_needs() -> None:
    page = (ROOT / "docs/install.md").read_text()
    third_party = {
        path.stem: found
        for path in (ROOT / "exporter/client").glob("*.py")
        if (found := set(re.findall(r"^\s+from (redis|opentelemetry|openai|flask|fastapi)\b", path.read_text(), re.M)))
    }
    assert third_party == {module: {package} for module, package in NEEDED.items()}
    assert "`pip install redis`" in page
    assert "`pip install opentelemetry-sdk`" in page
