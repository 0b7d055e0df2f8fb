"""Cuts a JSON array into its items without understanding them.

One NaN, lone surrogate, bad byte or bottomless nesting makes a decoder give up on the whole array;
cut apart, only the item that has it is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)


class Unbalanced(ValueError):
    """The brackets of the array do not close, or something follows it."""


def array_items(body: bytes) -> Iterator[bytes]:
    """Yields the items of the array that `body` is, each as its own bytes.

    Raises:
        Unbalanced: the body is not one array.
    """
    depth, start, end = 0, 0, None
    for token in _TOKEN.finditer(body):
        char = token.group()[:1]
        if end is not None:
            raise Unbalanced("something follows the array")
        if char in b"[{":
            depth += 1
            if depth == 1:
                start = token.end()
        elif char in b"]}":
            depth -= 1
            if depth == 0:
                end = token.start()
        elif char == b"," and depth == 1:
            yield body[start : token.start()].strip()
            start = token.end()
    if end is None or body[:1] != b"[" or body[end:].strip() != b"]":
        raise Unbalanced("the array does not close")
    last = body[start:end].strip()
    if last:
        yield last
