"""Every command has the variables of `.env` in its working directory below those of its shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.environment.env_file import EnvFileError
from exporter.environment.load import load

SHELL = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}


def run(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the exporter in a directory, in a shell that has no settings."""
    command = (sys.executable, "-m", "exporter", *arguments)
    shell = {**SHELL, "HOME": str(directory), **variables}
    return subprocess.run(command, cwd=directory, env=shell, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "alerts list", "alerts render --output out", "baseline", "bundle down", "bundle setup",
        "bundle status --native", "bundle token --native", "bundle up --native", "check-config", "demo", "maintain",
        "migrate", "replay -", "serve", "timeouts evaluate -", "version",
    ],
)  # fmt: skip
def test_every_command_names_a_line_that_it_cannot_read(directory: Path, command: str) -> None:
    (directory / ".env").write_text("A=1\nEXAI_STATE_DIR='state\n")
    done = run(directory, *command.split())
    assert done.stderr == "Error: .env, line 2: EXAI_STATE_DIR: the quote ' is never closed\n"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("bundle status --native", "EXAI_LISTEN"),
        ("check-config", "listen"),
        ("demo", "listen"),
        ("migrate", "listen"),
        ("replay -", "listen"),
        ("serve", "listen"),
    ],
)
def test_commands_have_the_settings_of_the_file(directory: Path, command: str, key: str) -> None:
    (directory / ".env").write_text("EXAI_LISTEN=nonsense\n")
    done = run(directory, *command.split())
    assert f"{key}: 'nonsense' is not host:port" in done.stderr
    assert done.returncode == 1


def test_the_shell_comes_first_even_where_it_is_empty(directory: Path) -> None:
    (directory / ".env").write_text("EXAI_LISTEN=127.0.0.1:$PORT\nEXAI_STATE_DIR=a\nEXAI_THREADS=8\nPORT=3\n")
    done = run(directory, "check-config", EXAI_STATE_DIR="b", EXAI_THREADS="", PORT="2")
    assert {"listen: 127.0.0.1:2", "state_dir: b", "threads: 16"} <= set(done.stdout.splitlines())


def test_the_state_directory_is_one_place_for_bundle_and_exporter(directory: Path) -> None:
    (directory / ".env").write_text("EXAI_STATE_DIR=own/state\n")
    token = directory / "own/state/push-token"
    token.parent.mkdir(parents=True)
    token.write_text("of this exporter\n")
    assert run(directory, "bundle", "token", "--native").stdout == "of this exporter\n"
    assert "pushing: the token in own/state/push-token" in run(directory, "check-config").stdout


def test_another_file_can_be_named_and_none(directory: Path) -> None:
    (directory / ".env").write_text("EXAI_LOG_LEVEL=debug\n")
    (directory / "other").write_text("EXAI_LOG_LEVEL=error\n")
    for choice, level in (("other", "error"), ("/dev/null", "info"), ("", "debug")):
        done = run(directory, "check-config", EXAI_ENV_FILE=choice)
        assert f"log_level: {level}\n" in done.stdout, choice
        assert not done.stderr


def test_unknown_settings_are_warned_about_once_each_wherever_they_are_set(directory: Path) -> None:
    (directory / ".env").write_text("EXAI_REDIS_ULR=redis://secret@x\nEXAI_REDIS_URL=\nOTHER=1\n")
    done = run(directory, "version", EXAI_LISTN="1")
    assert done.stderr == (
        "Warning: EXAI_LISTN is not a setting; did you mean EXAI_LISTEN?\n"
        "Warning: EXAI_REDIS_ULR is not a setting; did you mean EXAI_REDIS_URL?\n"
    )
    assert done.returncode == 0


def test_a_variable_that_becomes_empty_is_warned_about(directory: Path) -> None:
    (directory / ".env").write_text("A=1\nSMTP_PASSWORD=pa$word\n")
    environ: dict[str, str] = {}
    assert load(environ) == [".env, line 2: $word is not set and becomes empty; write $$ for a dollar sign"]
    assert environ == {"A": "1", "SMTP_PASSWORD": "pa"}


def test_without_a_file_nothing_changes(directory: Path) -> None:
    environ = {"A": "1"}
    assert load(environ) == []
    (directory / ".env").mkdir()
    assert load(environ) == []
    assert environ == {"A": "1"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none", None, "none cannot be read: No such file or directory"),
        (".", None, ". cannot be read: Is a directory"),
        ("utf-16", "A=1".encode("utf-16"), "utf-16, line 1: the file is not UTF-8 text"),
        ("nul", b'A="\\0000"', "nul, variable A: a value cannot contain a NUL character"),
    ],
)
def test_a_named_file_that_cannot_be_used_is_an_error(
    directory: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (directory / name).write_bytes(content)
    with pytest.raises(EnvFileError) as refused:
        load({"EXAI_ENV_FILE": name})
    assert str(refused.value) == message


def test_a_file_that_others_may_not_read_is_an_error(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / ".env").write_text("A=1")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read everything.
    with pytest.raises(EnvFileError, match=r"^\.env cannot be read: Permission denied$"):
        load({})


def test_a_value_without_a_name_is_left_out(directory: Path) -> None:
    (directory / ".env").write_text("=1\nA=2\n")
    environ: dict[str, str] = {}
    load(environ)
    assert environ == {"A": "2"}


def test_a_value_of_any_bytes_arrives_as_it_is(directory: Path) -> None:
    (directory / ".env").write_bytes(b"EXAI_STATE_DIR=\xff\n")
    environ: dict[str, str] = {}
    load(environ)
    assert os.fsencode(environ["EXAI_STATE_DIR"]) == b"\xff"
