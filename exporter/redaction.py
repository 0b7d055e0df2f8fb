"""Private content in texts that are kept: secrets, prompts and answers, and addresses.

Redacted are, beside the secrets of `exporter.masking`:

- the value in `name=value` and `name: value`, where the name ends in one of `CONTENT`: a quoted text or a list whole,
  any other value up to the end of the line or of the text that quotes it
- IPv4 addresses to their /24 and IPv6 addresses to their /48, without the port; loopback addresses stay

A redacted text is redacted again to itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from exporter.masking import MASK, mask

CONTENT = (
    "prompt", "content", "messages", "completion", "answer", "question", "query", "input", "output", "input_value",
    "text", "arguments",
)  # fmt: skip
"""The name of a text by a user or a model ends in one of these, in any case: `user_prompt`, `reasoning_content`."""

# Possessive or bounded throughout: no text makes a search go back over itself.
_STRING = r"""(?:"(?:[^"\\]|\\.)*+"?+|'(?:[^'\\]|\\.)*+'?+)"""
_ESCAPED = r"""(?P<mark>\\+["'])(?:(?!(?P=mark)).)*+(?:(?P=mark))?+"""
_UNQUOTED = r"""(?!\*\*\*)(?:[^\s"'\[{](?:[^\r\n"']|["'](?![,}\]:]|\s*\Z))*+)"""
_CONTENT = re.compile(
    rf"""((?:{"|".join(CONTENT)})\\*["']?[ \t]{{0,8}}[:=][ \t]{{0,8}})"""
    rf"""(?:[bBrRuUfF]?{_STRING}|{_ESCAPED}|\[(?:{_STRING}|[^\]"'])*+\]?+|{_UNQUOTED})""",
    re.IGNORECASE | re.DOTALL,
)

_IPV4 = re.compile(r"(?<![\w.])(?P<address>\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?(?!\.?\w)")
_IPV6 = re.compile(
    r"\[(?P<bracketed>[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3})(?:%\w{1,16})?\](?::\d{1,5})?"
    r"|(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)(?P<bare>[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3})(?:%\w{1,16})?(?![\w:])"
)
_DROPPED_BITS_4, _DROPPED_BITS_6 = 32 - 24, 128 - 48

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*+(?P<closed>"?))(?P<is_name>\s*+:)?|(?P<word>[^\W\d][^\s"\[\]{},:]*+)""", re.DOTALL
)
_LITERALS = ("true", "false", "null", "NaN", "Infinity")
_TELLING = frozenset({
    "kind", "type", "event_type", "connection_type", "direction", "operation", "operation_type", "implementation",
    "implementation_type", "model", "provider", "status", "layer", "subject", "service", "method", "outcome",
})  # fmt: skip
"""Fields of a rejected event whose texts say what is wrong with it."""
_WORD = re.compile(r"[\w.:+-]{1,64}")
_QUOTED = re.compile(r"""(?P<pattern>matching regex )?(?P<text>'(?:[^'\\]|\\.)*+'?+|"(?:[^"\\]|\\.)*+"?+)""", re.DOTALL)


# The errors of a flood are alike, and each text is redacted in the spool and once more when it becomes a row.
@lru_cache(256)
def redact(text: str) -> str:
    """Return the text without secrets, prompts, answers and whole addresses."""
    while (redacted := mask_addresses(mask(_CONTENT.sub(rf"\1{MASK}", text)))) != text:
        text = redacted
    return text


def mask_addresses(text: str) -> str:
    """Return the text with each address reduced to its network."""
    return _IPV6.sub(_network_6, _IPV4.sub(_network_4, text))


def redact_item(item: str) -> str:
    """Return the beginning of a rejected event with its structure, its numbers and the texts of telling fields."""
    name = ""

    def shown(found: re.Match[str]) -> str:
        nonlocal name
        if found["word"]:
            return found["word"] if found["word"] in _LITERALS else MASK
        text = found["string"].strip('"')
        if found["is_name"]:
            name = text
            return found[0]
        follows_name = item[: found.start()].rstrip().endswith(":")
        keeps = follows_name and name in _TELLING and found["closed"] and _WORD.fullmatch(text)
        return found[0] if keeps else f'"{MASK}"'

    return mask_addresses(_TOKEN.sub(shown, item))


def redact_quoted(message: str) -> str:
    """Return the message of a rejection with single words alone of what it quotes, and the pattern that a field has."""

    def shown(found: re.Match[str]) -> str:
        return found[0] if found["pattern"] or _WORD.fullmatch(found["text"][1:-1]) else f"'{MASK}'"

    return _QUOTED.sub(shown, message)


def _network_4(found: re.Match[str]) -> str:
    try:
        address = IPv4Address(found["address"])
    except AddressValueError:
        return found[0]
    if address.is_loopback or address.is_unspecified:
        return found[0]
    return str(IPv4Address(int(address) >> _DROPPED_BITS_4 << _DROPPED_BITS_4))


def _network_6(found: re.Match[str]) -> str:
    try:
        address = IPv6Address(found["bracketed"] or found["bare"])
    except AddressValueError:
        return found[0]
    if address.is_loopback or address.is_unspecified:
        return found[0]
    if address.ipv4_mapped:
        return mask_addresses(str(address.ipv4_mapped))
    return str(IPv6Address(int(address) >> _DROPPED_BITS_6 << _DROPPED_BITS_6))
