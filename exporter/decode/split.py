"""Cuts a JSON array into its items without understanding them.

One NaN, lone surrogate, bad byte or bottomless nesting makes a decoder give up on the whole array;
cut apart, only the item that has it is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Possessive, and a text that never ends is one token: no input makes the search go back over itself.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]++|[\]}]++|,', re.DOTALL)


class Unbalanced(ValueError):
    """The brackets of the array do not close, or something follows it."""


def array_items(body: bytes) -> Iterator[bytes]:
    """Yields the items of the array that `body` is, each as its own bytes.

    Raises:
        Unbalanced: the body is not one array.
    """
    depth, start, end = 0, 0, None
    for token in _TOKEN.finditer(body):
        char, width = token.group()[:1], token.end() - token.start()
        if end is not None:
            raise Unbalanced("something follows the array")
        if char in b"[{":
            start = token.start() + 1 if depth == 0 else start
            depth += width
        elif char in b"]}":
            depth -= width
            end = token.end() - 1 if depth == 0 else None
        elif char == b"," and depth == 1:
            yield body[start : token.start()].strip()
            start = token.end()
    if end is None or depth or body[:1] != b"[" or body[end:].strip() != b"]":
        raise Unbalanced("the array does not close")
    last = body[start:end].strip()
    if last:
        yield last
