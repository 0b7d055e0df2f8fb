"""Hashes in place of the ids of conversations and sessions. Standard library only."""

from __future__ import annotations

import hashlib
import re

DOMAIN = "exai:conversation:"
"""The text that is hashed before an id, so that no other table of hashes fits. The SQL function has it too."""

_HEX_DIGITS = 32
_PSEUDONYM = re.compile(rf"sha256:[0-9a-f]{{{_HEX_DIGITS}}}")


def pseudonym(plain: str) -> str:
    """Return the hash that is stored instead of an id: `sha256:` and 32 hex digits.

    The same id has the same hash everywhere, so that rows still join. A hash is returned as it is.
    """
    if _PSEUDONYM.fullmatch(plain):
        return plain
    digest = hashlib.sha256((DOMAIN + plain).encode(errors="replace")).hexdigest()
    return f"sha256:{digest[:_HEX_DIGITS]}"
