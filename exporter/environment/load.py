"""Read `.env` of the working directory into the environment, below the variables of the shell."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path

from exporter.environment import known
from exporter.environment.env_file import EnvFile, EnvFileError, parse

CHOICE = "EXAI_ENV_FILE"
"""The variable that names another file; /dev/null is an empty one."""

_DEFAULT = ".env"


def load(environ: MutableMapping[str, str]) -> list[str]:
    """Add the variables of `.env` that `environ` does not have, and return warnings.

    Raises:
        EnvFileError: the file cannot be read or parsed; the message names it, and the line.
    """
    name = environ.get(CHOICE) or _DEFAULT
    try:
        file = parse(_read(name), environ)
        _refuse_nul(file)
    except EnvFileError as error:
        raise EnvFileError(f"{name}, {error}") from None
    except OSError as error:
        raise EnvFileError(f"{name} cannot be read: {error.strerror}") from error
    for key, value in file.values.items():
        if key:
            environ.setdefault(key, value)
    return [*_unset(name, file), *(known.advice(key) for key in sorted(filter(known.is_unknown, environ)))]


def _read(name: str) -> str:
    path = Path(name).expanduser()
    # As with Compose: a directory `.env`, such as a virtual environment, is none.
    if name == _DEFAULT and (path.is_dir() or not path.exists()):
        return ""
    # A variable may have any bytes.
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _refuse_nul(file: EnvFile) -> None:
    for key, value in file.values.items():
        if "\0" in value:
            raise EnvFileError(f"variable {key}: a value cannot contain a NUL character")


def _unset(name: str, file: EnvFile) -> Iterator[str]:
    for line, variable in file.unset:
        yield f"{name}, line {line}: ${variable} is not set and becomes empty; write $$ for a dollar sign"
