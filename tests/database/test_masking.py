"""No secret survives in a text that is kept."""

from __future__ import annotations

import json
import string
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.masking import BEGINNINGS, MASK, WORDS, mask

ALPHABET = string.ascii_letters + string.digits
plain = st.text(ALPHABET, min_size=12, max_size=60).map("Zq7".__add__)
"""Nothing else in a text looks like its beginning."""

odd = st.text(ALPHABET + "!#$%&*+-./;<>?@^_|~()[]{},:", min_size=12, max_size=40).filter(lambda text: MASK not in text)
quoted = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=12, max_size=60).filter(
    lambda text: text.strip() == text and MASK not in text
)
names = st.builds(
    lambda prefix, word, case: case(prefix + word),
    st.sampled_from(["", "db_", "x-", "MY_", "kimi.", "--"]),
    st.sampled_from(WORDS),
    st.sampled_from([str.lower, str.upper, str.title]),
)
around = st.text(st.characters(codec="utf-8"), max_size=60)
PIECES = (
    "password", "=", ":", " ", "'", '"', "\\", "Bearer ", "x", "token", "***", "://", "@", "u:p", ",", "sk-", "\n",
    "eyJ", "api_key", "--",
)  # fmt: skip
NO_SECRETS = (
    "KeyError: 'token'",
    "prompt_tokens=123 completion_tokens=7 max_tokens: 4096",
    "cache_key=conversation:42 key=value",
    "ConnectionError: Error 111 connecting to redis:6379. Connection refused.",
    'File "/app/src/providers/kimi.py", line 42, in generate_content',
    "GET https://api.moonshot.cn/v1/chat/completions 429",
    "postgresql://exai@db:5432/gateway",
    "basic information about a bearer",
    "the secret of success",
    "2026-11-21T12:00:00Z 9f86d081884c7d659a2feaa0c55ad015",
)
LONG = (
    "://:" * 10_000, "a" * 40_000, "password=" * 5000, '"\\' * 20_000, "token \\" * 6000, "eyJ" * 14_000,
    "-----BEGIN PRIVATE KEY-----" * 1500, "password='" * 4000, 'password:\\"' * 4000, "token" + " " * 39_000,
    "basic " + "a" * 39_000, "password" * 5000 + "=", "token=\\" * 6000, "token\t\t\t" * 5000,
)  # fmt: skip
"""What takes long where a search goes back over itself."""


def survives(secret: str, text: str, before: str, after: str) -> bool:
    """Whether a telling part of the secret is in what was made of the text."""
    part = secret[:10]
    return part in mask(f"{before}\n{text}\n{after}") and part not in before + after


@given(secret=plain, beginning=st.sampled_from(BEGINNINGS), before=around, after=around)
def test_keys_with_a_well_known_beginning(secret: str, beginning: str, before: str, after: str) -> None:
    for text in (
        f"Incorrect API key provided: {beginning}{secret}.",
        f"({beginning}{secret})",
        f'"{beginning}{secret}"',
    ):
        assert not survives(secret, text, before, after)


@given(secret=plain, before=around, after=around)
def test_bearer_tokens_and_basic_credentials(secret: str, before: str, after: str) -> None:
    for text in (
        f"Authorization: Bearer {secret}", f"{{'headers': {{'authorization': 'Bearer {secret}'}}}}",
        f"bearer  {secret}", f"Authorization: Basic A{secret}=", f"Cookie: sid={secret}; a=b",
        f"curl -H 'Authorization: Token {secret}' http://h",
    ):  # fmt: skip
        assert not survives(secret, text, before, after)


@given(secret=st.text(ALPHABET + "!#$%&*+-.:;=^_~/", min_size=12, max_size=60), before=around, after=around)
def test_passwords_in_urls(secret: str, before: str, after: str) -> None:
    for scheme, user in (("redis", ""), ("postgresql", "exai"), ("https", "a.b"), ("amqp", "x")):
        assert not survives(secret, f"could not connect to {scheme}://{user}:{secret}@host:5432/db?x=1", before, after)


@given(parts=st.tuples(plain, plain, plain), before=around, after=around)
def test_json_web_tokens_whole_or_cut(parts: tuple[str, str, str], before: str, after: str) -> None:
    token = ".".join(("eyJ" + parts[0], "eyJ" + parts[1], parts[2]))
    for text in (f"invalid token {token}", token[:40], f"jwt={token},"):
        for part in parts:
            assert not survives(part, text, before, after)


@given(name=names, secret=odd, before=around, after=around)
def test_values_of_secret_names(name: str, secret: str, before: str, after: str) -> None:
    for text in (f"{name}={secret}", f"{name}: {secret}", f"{name} = {secret}", f"export {name}={secret}"):
        assert not survives(secret, text, before, after)


@given(name=names, secret=quoted, before=around, after=around)
def test_quoted_values_of_secret_names(name: str, secret: str, before: str, after: str) -> None:
    as_json = json.dumps({"n": 1, name: secret, "m": 2}, ensure_ascii=False)
    escaped = json.dumps(secret, ensure_ascii=False)[1:-1]
    for text in (
        as_json,
        repr({name: secret}),
        f"connect({name}={secret!r})",
        repr([(name, secret)]),
        repr({name: b"x" + secret.encode()}),
    ):
        for shown in {secret, escaped, repr(secret)[1:-1]}:
            assert not survives(shown, text, before, after)


@given(secret=plain)
def test_json_within_json(secret: str) -> None:
    inner = json.dumps({"api_key": f"{secret} {secret}", "model": "kimi"})
    text = json.dumps({"body": inner})
    assert secret not in mask(text)
    assert secret not in mask(json.dumps([text]))


@given(secret=plain)
def test_a_private_key_and_the_keys_of_zhipu(secret: str) -> None:
    assert secret not in mask(f"-----BEGIN RSA PRIVATE KEY-----\n{secret}\n-----END RSA PRIVATE KEY-----")
    assert secret not in mask(f"-----BEGIN PRIVATE KEY-----\n{secret}")
    assert secret not in mask(f"key 0123456789abcdef0123456789abcdef.{secret}")


@given(text=st.one_of(around, st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
@example(text="--PASSWORD :0")
@example(text='password=""0')
def test_a_masked_text_is_masked_to_itself(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@pytest.mark.parametrize("text", NO_SECRETS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize("text", LONG)
def test_masking_comes_to_an_end(text: str) -> None:
    """A search that went back over itself would take hours: the interpreter cannot be interrupted, a process can."""
    program = "import sys; from exporter.masking import mask; mask(sys.stdin.read())"
    subprocess.run([sys.executable, "-c", program], input=text, text=True, check=True, timeout=60)
