"""The cached pages that a scrape is joined from, plain or gzip.

A page is the text of a few children. Its deflated form is made when a gzip scrape first needs it and ends
in a full flush (RFC 1951), so pages can be cached apart and joined to one gzip member (RFC 1952): only the
checksum is computed over the whole each time.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterable, Sequence

from zlib_ng import zlib_ng

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK = b"\x03\x00"
_LEVEL, _WINDOW_BITS, _MEMORY_LEVEL = 1, -12, 4
"""A page is a few kilobytes: a small window costs nothing and is quickly made anew for each page."""


class _Local(threading.local):
    compressor: zlib_ng._Compress | None = None


_local = _Local()


class Page:
    """Some text that does not change any more, and its deflated form."""

    __slots__ = ("_deflated", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._deflated: bytes | None = None

    @property
    def deflated(self) -> bytes:
        """The text as raw deflate blocks that need nothing before them; made once."""
        if self._deflated is None:
            compressor = _compressor()
            self._deflated = compressor.compress(self.text) + compressor.flush(zlib_ng.Z_FULL_FLUSH)
        return self._deflated


def _compressor() -> zlib_ng._Compress:
    if _local.compressor is None:
        _local.compressor = zlib_ng.compressobj(_LEVEL, zlib_ng.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    return _local.compressor


def joined(pages: Iterable[Page]) -> bytes:
    """The text of all pages."""
    return b"".join([page.text for page in pages])


def gzipped(pages: Sequence[Page]) -> bytes:
    """The text of all pages as one gzip member."""
    text = joined(pages)
    trailer = struct.pack("<II", zlib_ng.crc32(text), len(text) & 0xFFFFFFFF)
    return b"".join([_GZIP_HEADER, *[page.deflated for page in pages], _LAST_BLOCK, trailer])
