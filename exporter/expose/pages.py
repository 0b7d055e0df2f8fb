"""The cached pages that a scrape is joined from, plain or gzip.

A page is the text of a few children. Its deflated form is made when a gzip scrape first needs it and ends
in a full flush (RFC 1951), so pages can be cached apart and joined to one gzip member (RFC 1952). From then
on the text is not kept: it is nine tenths of a page, and comes back when a plain scrape asks for it.
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


_ZEROS = memoryview(bytes(1 << 20))


class _Local(threading.local):
    compressor: zlib_ng._Compress | None = None


_local = _Local()


class Page:
    """Some text that does not change any more: as it is, or deflated."""

    __slots__ = ("_deflated", "_step", "_text", "size")

    def __init__(self, text: bytes) -> None:
        self.size = len(text)
        self._text: bytes | None = text
        self._deflated = b""
        self._step = 0

    @property
    def text(self) -> bytes:
        """The text itself; inflated again, and kept, if it was let go."""
        text = self._text
        if text is None:
            text = self._text = zlib_ng.decompressobj(_WINDOW_BITS).decompress(self._deflated)
        return text

    @property
    def deflated(self) -> bytes:
        """The text as raw deflate blocks that need nothing before them."""
        self.squeeze()
        return self._deflated

    def squeeze(self) -> None:
        """Deflates the text, once, and lets it go."""
        if self._deflated or not self.size:
            return
        text, compressor = self.text, _compressor()
        self._step = zlib_ng.crc32(text) ^ zlib_ng.crc32(_ZEROS[: self.size])
        self._deflated = compressor.compress(text) + compressor.flush(zlib_ng.Z_FULL_FLUSH)
        self._text = None

    def checksum(self, before: int) -> int:
        """The CRC-32 of all pages up to this one, given that of those before it.

        CRC-32 is affine: crc(text, s) = crc(text, 0) ^ crc(zeros, 0) ^ crc(zeros, s), for as many zeros.
        """
        if not self._deflated or self.size > len(_ZEROS):
            return zlib_ng.crc32(self.text, before)
        return self._step ^ zlib_ng.crc32(_ZEROS[: self.size], before)


def _compressor() -> zlib_ng._Compress:
    if _local.compressor is None:
        _local.compressor = zlib_ng.compressobj(_LEVEL, zlib_ng.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    return _local.compressor


def joined(pages: Iterable[Page]) -> bytes:
    """The text of all pages."""
    return b"".join([page.text for page in pages])


def gzipped(pages: Sequence[Page]) -> bytes:
    """The text of all pages as one gzip member."""
    fragments = [page.deflated for page in pages]
    checksum = 0
    for page in pages:
        checksum = page.checksum(checksum)
    size = sum([page.size for page in pages])
    return b"".join([_GZIP_HEADER, *fragments, _LAST_BLOCK, struct.pack("<II", checksum, size & 0xFFFFFFFF)])
