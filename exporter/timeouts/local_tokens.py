"""How many tokens a prompt has, near enough, without asking anybody.

Four characters make a token; of Chinese, Japanese and Korean 1.6 do (a tokenizer's words are shorter there). A message
adds 4 tokens for its role and frame, the answer's frame 3. A part that is no text (an image, a video, a file) counts
as 1,024. It is a guess: within a third for prose and code, more for a text in scripts that tokenizers know badly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

CHARACTERS_PER_TOKEN = 4.0
WIDE_CHARACTERS_PER_TOKEN = 1.6
PART_TOKENS = 1024
MESSAGE_TOKENS = 4
ANSWER_TOKENS = 3

_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+")


def approximate_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """The tokens of a chat's messages as they are sent to a provider."""
    return math.ceil(ANSWER_TOKENS + sum(map(_message_tokens, messages)))


def _message_tokens(message: Mapping[str, Any]) -> float:
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    tool_calls = message.get("tool_calls")
    called = _text_tokens(str(tool_calls)) if tool_calls else 0.0
    return MESSAGE_TOKENS + called + sum(map(_part_tokens, parts))


def _part_tokens(part: Any) -> float:
    if part is None:
        return 0.0
    text = part.get("text") if isinstance(part, Mapping) else part
    return _text_tokens(text) if isinstance(text, str) else PART_TOKENS


def _text_tokens(text: str) -> float:
    wide = 0 if text.isascii() else sum(map(len, _WIDE.findall(text)))
    return (len(text) - wide) / CHARACTERS_PER_TOKEN + wide / WIDE_CHARACTERS_PER_TOKEN
