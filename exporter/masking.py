"""Secrets in texts that are kept: what is masked, and how.

Masked are, in this order:

- private keys in PEM
- the password in a URL
- what follows `Bearer` or `Basic`
- JSON web tokens
- keys with a well-known beginning (OpenAI, Moonshot, Anthropic, Stripe, GitHub, GitLab, Slack, AWS, Google, Hugging
  Face, Supabase) or of Zhipu's form
- the value in `name=value`, `name: value`, `"name": "value"`, `'name', 'value'`, `name 'value'` and `--name value`,
  where the name ends in one of the words below; without quotes it ends at the next space, for `Authorization` and
  `Cookie` at the end of the line

Rather too much is masked than too little. A masked text is masked again to itself.
"""

from __future__ import annotations

import re

MASK = "***"

_KEYS = ("api", "access", "private", "secret", "signing", "encryption", "auth", "service", "role", "anon", "master")
_WHOLE_LINE = ("authorization", "cookie")
WORDS = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "credentials", "session_id",
    "sessionid", "signature", *_WHOLE_LINE, *(f"{which}{dash}key" for which in _KEYS for dash in ("", "_", "-")),
)  # fmt: skip
"""The name of a secret ends in one of these, in any case: `DB_PASSWORD`, `x-api-key`, `refreshToken`."""

BEGINNINGS = (
    "sk-", "sk_live_", "sk_test_", "pk_live_", "pk_test_", "rk_live_", "rk_test_", "ghp_", "gho_", "ghu_", "ghs_",
    "ghr_", "github_pat_", "glpat-", "xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-", "xapp-", "AKIA", "ASIA", "AIza",
    "hf_", "sbp_", "sb_secret_", "sb_publishable_", "whsec_", "ya29.",
)  # fmt: skip
"""What well-known keys begin with."""

# Possessive or bounded throughout: no text makes a search go back over itself.
_PATTERNS = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"(://[^\s/:@]{0,128}:)\S{1,512}@"), rf"\1{MASK}@"),
    (re.compile(r"\b(bearer)\s{1,8}[\w.~+/=-]{4,}+", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\b((?i:basic))\s{1,8}(?=[a-z+/]*+[A-Z0-9=])[\w+/=-]{6,}+"), rf"\1 {MASK}"),
    (re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{6,}+(?:\.[\w-]*+){0,4}+"), MASK),
    (re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, BEGINNINGS))})[\w./+=-]{{6,}}+"), MASK),
    (re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}\.[0-9A-Za-z]{8,}+"), MASK),
)

_NAME = re.compile(r"[\w.-]++")
QUOTED = (
    r"""[bBrRuUfF]{0,2}(?:"(?:[^"\\]|\\.)*+"?+|'(?:[^'\\]|\\.)*+'?+"""
    r"""|(?P<mark>\\+["'])(?:(?!(?P=mark)).)*+(?:(?P=mark))?+)"""
)
_BETWEEN = r"""\\*["']?[ \t]*+(?>=>|:=|={1,3}|:)[ \t]*+(?!\*\*\*(?!\w))"""
_VALUE = re.compile(rf"""(?:{_BETWEEN}|\\*["'][ \t]*,[ \t]*|[ \t]+)(?P<value>{QUOTED})""", re.DOTALL)
_BARE = re.compile(rf"{_BETWEEN}(?P<value>\S++)")
_LINE = re.compile(rf"{_BETWEEN}(?P<value>[^\r\n]++)")
_OPTION = re.compile(r"[ \t]+(?P<value>\S++)")


def mask(text: str) -> str:
    """Return the text with its secrets replaced by `***`."""
    # A mask can complete what the next pass takes for a secret: `password=""0` becomes `password=***0`.
    while (masked := _mask_once(text)) != text:
        text = masked
    return text


def _mask_once(text: str) -> str:
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _mask_values(text)


def _mask_values(text: str) -> str:
    parts: list[str] = []
    done = 0
    for found in _NAME.finditer(text):
        name = found.group().lower()
        if found.start() < done or not name.endswith(WORDS):
            continue
        span = _value(text, name, found.end())
        if span is not None:
            parts += (text[done : span[0]], MASK)
            done = span[1]
    return "".join((*parts, text[done:]))


def _value(text: str, name: str, end: int) -> tuple[int, int] | None:
    """Where the value of a secret's name begins and ends."""
    ways = (_VALUE, _LINE if name.endswith(_WHOLE_LINE) else _BARE, *([_OPTION] if name.startswith("--") else []))
    for way in ways:
        if found := way.match(text, end):
            return found.span("value")
    return None
