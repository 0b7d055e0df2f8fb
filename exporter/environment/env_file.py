"""Parse a `.env` file as Docker Compose does.

Follows the package `dotenv` of compose-go, its oddities included; tests compare it with Compose itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from exporter.environment.interpolation import InterpolationError, interpolate

_BLANKS = "\t\v\f\r \x85\xa0"
_SPACES = _BLANKS + "\n\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_EXPORT = re.compile(r"export[\t\n\f\r ]+")
_KEY = re.compile(r"[^=:\n]*")
_LINE = re.compile(r"[^\n]*\n?")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0(?P<octal>[0-9]{0,3}))')
_ESCAPES = {
    r"\a": "\a", r"\b": "\b", r"\f": "\f", r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\v": "\v", r"\\": "\\",
    # Interpolation makes one dollar sign of two.
    r"\$": "$$",
}  # fmt: skip


class EnvFileError(ValueError):
    """A `.env` file that cannot be used; the message says where and why, and quotes no value."""


class EnvFile(NamedTuple):
    """The content of a `.env` file."""

    values: dict[str, str]
    """The value of each variable."""
    unset: list[tuple[int, str]]
    """The line and the name of each variable that a value uses and that is not set."""


def parse(text: str, environ: Mapping[str, str]) -> EnvFile:
    """Return the variables of a file. `$NAME` in a value is looked up in `environ`, then in the lines before.

    Raises:
        EnvFileError: the file cannot be parsed; the message begins with the line.
    """
    parser = _Parser(text.removeprefix("\ufeff"), environ)
    while parser.find_statement():
        parser.read_statement()
    return EnvFile(parser.values, parser.unset)


class _Parser:
    def __init__(self, text: str, environ: Mapping[str, str]) -> None:
        self.values: dict[str, str] = {}
        self.unset: list[tuple[int, str]] = []
        self._text = text
        self._environ = environ
        self._position = 0
        self._statement = 0

    def find_statement(self) -> bool:
        """Go to the next statement, past spaces and comments; False at the end of the file."""
        self._skip(_SPACES)
        while self._next() == "#":
            self._take(_LINE)
            self._skip(_SPACES)
        self._statement = self._position
        return bool(self._next())

    def read_statement(self) -> None:
        if _EXPORT.match(self._text, self._position):
            self._position += len("export")
            self._skip(_BLANKS)
            if not self._next():
                raise self._error("`export` without a name")
        key = self._read_key()
        # Without `=` the variable keeps the value of the shell, which holds anyway.
        if self._next() in ("=", ":"):
            self._position += 1
            self._skip(_BLANKS)
            self.values[key] = self._read_value(key)

    def _read_key(self) -> str:
        name = self._take(_KEY)
        wrong = next((character for character in name if not _may_be_in_a_name(character)), "")
        if wrong:
            in_utf_8 = unicodedata.category(wrong) != "Cs"
            reason = f"{wrong!r} cannot be part of the name of a variable" if in_utf_8 else "the file is not UTF-8 text"
            raise self._error(reason)
        key = name.rstrip(_SPACES)
        # Compose does not look at a name that ends with the file.
        if " " in key and self._next():
            raise self._error("the name of a variable cannot contain a space")
        return key

    def _read_value(self, key: str) -> str:
        quote = self._next()
        if quote not in _QUOTED:
            return self._interpolated(self._take(_LINE).partition(" #")[0].rstrip(_SPACES), key)
        found = self._take(_QUOTED[quote])
        if not found:
            raise self._error(f"{key}: the quote {quote} is never closed")
        value = found[1:-1].replace(f"\\{quote}", quote)
        return value if quote == "'" else self._interpolated(_ESCAPE.sub(_unescaped, value), key)

    def _interpolated(self, value: str, key: str) -> str:
        try:
            return interpolate(value, self._lookup, lambda name: self.unset.append((self._line, name)))
        except InterpolationError as error:
            raise self._error(f"{key}: {error}") from None

    def _lookup(self, name: str) -> str | None:
        return self._environ.get(name, self.values.get(name))

    def _next(self) -> str:
        """Return the next character, or nothing at the end of the file."""
        return self._text[self._position : self._position + 1]

    def _skip(self, characters: str) -> None:
        while self._next() and self._next() in characters:
            self._position += 1

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._position)
        self._position = found.end() if found else self._position
        return found[0] if found else ""

    @property
    def _line(self) -> int:
        return self._text.count("\n", 0, self._statement) + 1

    def _error(self, reason: str) -> EnvFileError:
        return EnvFileError(f"line {self._line}: {reason}")


def _may_be_in_a_name(character: str) -> bool:
    return character in _BLANKS + "_.-[]" or unicodedata.category(character)[0] in "LN"


def _unescaped(escape: re.Match[str]) -> str:
    octal = escape["octal"]
    if octal is None:
        return _ESCAPES.get(escape[0], escape[0])
    try:
        code = int(octal, 8) if len(octal) == 3 else 256
    except ValueError:
        code = 256
    # Compose drops the 0 of an escape that it does not know.
    return chr(code) if code < 256 else f"\\{octal}"
