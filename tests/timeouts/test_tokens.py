"""How a prompt's tokens are counted: by the provider within five seconds, else by a rule."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.timeout_settings import TokenEstimates
from exporter.timeouts import tokens
from exporter.timeouts.local_tokens import approximate_tokens
from exporter.timeouts.tokens import NotCounted, TokenCounter, api_key
from tests.servers import binary, free_port, wait_until
from tests.timeouts import moonshot as stubs
from tests.timeouts.doubles import counter
from tests.timeouts.moonshot import COUNTED, KEY, Moonshot, answering

MESSAGES = [{"role": "user", "content": "Hello, my name is Li Lei. What is 1+1?"}]
KEY_FILE = "timeouts.tokens.key_file"

BROKEN = {
    "slow": stubs.silent,
    "dripping headers": stubs.dripping_headers,
    "dripping body": stubs.dripping_body,
    "endless": stubs.endless,
    "no HTTP": stubs.no_http,
    "500": answering(500, b"{}"),
    "a wrong key": answering(401, b'{"error": {"message": "Invalid Authentication"}}'),
    "no JSON": answering(200, b"<html>"),
    "no UTF-8": answering(200, b'{"data": {"total_tokens": "\xff"}}'),
    "no count": answering(200, b'{"data": {}}'),
    "a negative count": answering(200, b'{"data": {"total_tokens": -1}}'),
    "too deep": answering(200, b"[" * 100_000),
    "huge": answering(200, b'{"data": {"total_tokens": 1500}}' + b" " * (1 << 20)),
}


def reason(ask: TokenCounter, text: str = "hello", model: str = "kimi-k2", provider: str = "kimi") -> str:
    """Why it does not count."""
    with pytest.raises(NotCounted) as raised:
        ask.count(provider, model, [{"role": "user", "content": text}])
    return str(raised.value)


def test_the_provider_is_asked_as_it_documents_it(provider: Moonshot) -> None:
    assert counter(provider).count("kimi", "kimi-k2-0905-preview", MESSAGES) == 1500
    assert provider.paths == ["/v1/tokenizers/estimate-token-count"]
    assert provider.authorizations == [f"Bearer {KEY}"]
    assert provider.asked == [{"model": "kimi-k2-0905-preview", "messages": MESSAGES}]


def test_the_same_prompt_is_asked_once(provider: Moonshot) -> None:
    ask = counter(provider)
    for _ in range(3):
        assert ask.count("kimi", "kimi-k2", MESSAGES) == 1500
    ask.count("kimi", "kimi-latest", MESSAGES)
    ask.count("kimi", "kimi-k2", [*MESSAGES, {"role": "user", "content": "more"}])
    assert len(provider.asked) == 3


def test_what_is_remembered_is_bounded(provider: Moonshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_KNOWN", 2)
    ask = counter(provider)
    for text in ("a", "b", "c", "a"):
        ask.count("kimi", "kimi-k2", [{"role": "user", "content": text}])
    assert len(provider.asked) == 4


@pytest.mark.parametrize("behave", BROKEN.values(), ids=BROKEN.keys())
def test_a_provider_that_fails_costs_no_more_than_the_limit_and_is_asked_once(
    provider: Moonshot, behave: Callable[[Any], None]
) -> None:
    provider.behave = behave
    began = time.monotonic()
    assert reason(counter(provider, timeout_s=0.5)) == "failed"
    assert time.monotonic() - began < 1.0
    assert len(provider.asked) == 1


@pytest.mark.parametrize("behave", [stubs.silent, stubs.dripping_headers, stubs.dripping_body])
def test_a_provider_that_drips_does_not_keep_our_thread_either(
    provider: Moonshot, behave: Callable[[Any], None]
) -> None:
    ask = counter(provider, timeout_s=0.2, opens_after=100)
    provider.behave = behave
    for number in range(tokens.MOST_AT_ONCE * 2):
        wait_until(lambda: reason(ask, f"{number}") == "failed")  # noqa: B023 - runs at once


@pytest.fixture
def encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moonshot]:
    """A provider over TLS, which is trusted."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make = [
        binary("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    make += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(make, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with stubs.moonshot(tls) as stub:
        yield stub


def test_the_provider_is_asked_over_tls(encrypted: Moonshot) -> None:
    assert encrypted.url.startswith("https://")
    assert counter(encrypted).count("kimi", "kimi-k2", MESSAGES) == 1500


@pytest.mark.parametrize("behave", [stubs.silent, stubs.dripping_headers, stubs.dripping_body, stubs.endless])
def test_the_limit_holds_over_tls(encrypted: Moonshot, behave: Callable[[Any], None]) -> None:
    ask = counter(encrypted, timeout_s=0.3, opens_after=100)
    encrypted.behave = behave
    began = time.monotonic()
    assert reason(ask) == "failed"
    assert time.monotonic() - began < 1.0
    for number in range(tokens.MOST_AT_ONCE * 2):
        wait_until(lambda: reason(ask, f"{number}") == "failed")  # noqa: B023 - runs at once


def test_a_provider_that_nobody_vouches_for_is_not_told_the_key(
    encrypted: Moonshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert reason(counter(encrypted)) == "failed"
    assert not encrypted.authorizations


def test_a_handshake_that_never_ends_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings = TokenEstimates(base_url=f"https://127.0.0.1:{mute.getsockname()[1]}", timeout_s=0.3)
        began = time.monotonic()
        assert reason(TokenCounter(settings, KEY)) == "failed"
        assert time.monotonic() - began < 1.0


def test_the_limit_is_five_seconds() -> None:
    assert TokenEstimates().timeout_s == 5.0


def test_a_redirect_is_not_followed_with_the_key(provider: Moonshot) -> None:
    with stubs.moonshot() as elsewhere:
        provider.behave = answering(307, b"", {"Location": elsewhere.url})
        assert reason(counter(provider)) == "failed"
        assert not elsewhere.asked


def test_nobody_there_is_a_failure() -> None:
    settings = TokenEstimates(base_url=f"http://127.0.0.1:{free_port()}/v1")
    assert reason(TokenCounter(settings, KEY)) == "failed"


def test_the_breaker_opens_and_closes_again(provider: Moonshot) -> None:
    ask = counter(provider, opens_for_s=0.3)
    provider.behave = answering(500, b"")
    assert [reason(ask, text) for text in "abcde"] == ["failed"] * 3 + ["broken"] * 2
    assert len(provider.asked) == 3
    provider.behave = answering(200, COUNTED)
    wait_until(lambda: _counts(ask), what="the breaker lets one through")
    assert len(provider.asked) == 4


def test_a_trial_that_fails_opens_the_breaker_again(provider: Moonshot) -> None:
    ask = counter(provider, opens_after=1, opens_for_s=0.2)
    provider.behave = answering(500, b"")
    assert reason(ask) == "failed"
    wait_until(lambda: reason(ask) == "failed", what="a trial")
    assert reason(ask) == "broken"


def test_what_is_remembered_is_told_while_the_breaker_is_open(provider: Moonshot) -> None:
    ask = counter(provider, opens_after=1)
    ask.count("kimi", "kimi-k2", MESSAGES)
    provider.behave = answering(500, b"")
    assert reason(ask) == "failed"
    assert ask.count("kimi", "kimi-k2", MESSAGES) == 1500


def test_a_prompt_that_the_provider_refuses_does_not_break_it_for_others(provider: Moonshot) -> None:
    ask = counter(provider, opens_after=1)
    provider.behave = answering(400, b'{"error": {"message": "no such model"}}')
    assert [reason(ask, model="kimi-none") for _ in range(3)] == ["refused"] * 3
    provider.behave = answering(200, COUNTED)
    assert ask.count("kimi", "kimi-k2", MESSAGES) == 1500


def test_few_are_asked_at_once_and_none_waits_for_the_others(provider: Moonshot) -> None:
    arrived = threading.Barrier(tokens.MOST_AT_ONCE + 1)
    released = threading.Event()

    def hold(handler: Any) -> None:
        arrived.wait(30)
        released.wait(30)
        answering(200, COUNTED)(handler)

    provider.behave = hold
    ask = counter(provider)
    with ThreadPoolExecutor(tokens.MOST_AT_ONCE) as callers:
        texts = [f"prompt {number}" for number in range(tokens.MOST_AT_ONCE)]
        counts = [callers.submit(ask.count, "kimi", "k2", [{"role": "user", "content": text}]) for text in texts]
        arrived.wait(30)
        assert reason(ask) == "busy"
        released.set()
        assert [count.result(30) for count in counts] == [1500] * tokens.MOST_AT_ONCE


def test_without_a_key_nobody_is_asked(provider: Moonshot) -> None:
    assert reason(counter(provider, key="")) == "no_key"
    assert not provider.asked


def test_another_providers_prompt_is_not_shown_to_this_one(provider: Moonshot) -> None:
    assert reason(counter(provider), model="glm-4", provider="glm") == "not_its_model"
    assert not provider.asked


def test_what_is_no_json_is_not_sent(provider: Moonshot) -> None:
    with pytest.raises(NotCounted):
        counter(provider).count("kimi", "kimi-k2", [{"content": object()}])
    assert not provider.asked


@pytest.mark.parametrize("behave", BROKEN.values(), ids=BROKEN.keys())
def test_the_key_is_never_logged_or_shown(
    provider: Moonshot, behave: Callable[[Any], None], caplog: pytest.LogCaptureFixture
) -> None:
    provider.behave = behave
    ask = counter(provider, timeout_s=0.3)
    with capture_logs() as logs, pytest.raises(NotCounted) as raised:
        ask.count("kimi", "kimi-k2", MESSAGES)
    shown = [repr(logs), caplog.text, repr(raised.value), repr(raised.getrepr(showlocals=False)), repr(vars(ask))]
    assert not any(KEY in text for text in shown)


def test_the_key_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert api_key(TokenEstimates(key_file=str(file)), {}) == KEY
    assert api_key(TokenEstimates(key_file=str(file)), {"MOONSHOT_API_KEY": "another"}) == KEY
    assert api_key(TokenEstimates(), {"MOONSHOT_API_KEY": KEY}) == KEY
    assert api_key(TokenEstimates(), {}) == ""


@pytest.mark.parametrize("content", ["", "sk-one\nsk-two", "schlüssel", "sk with spaces"])
def test_a_file_that_holds_no_key_is_named_and_not_quoted(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(ValueError, match=KEY_FILE) as raised:
        api_key(TokenEstimates(key_file=str(file)), {})
    assert not content or content not in str(raised.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=KEY_FILE):
        api_key(TokenEstimates(key_file=str(tmp_path / "none")), {})


@pytest.mark.parametrize(
    "base_url",
    ["http://api.moonshot.ai/v1", "api.moonshot.ai", "ftp://api.moonshot.ai", "https://a:b@c/", "https://a:x"],
)
def test_the_key_leaves_the_machine_encrypted_only(base_url: str) -> None:
    with pytest.raises(ValueError, match=r"timeouts\.tokens\.base_url"):
        TokenCounter(TokenEstimates(base_url=base_url), KEY)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], 3),
        ([{"role": "user", "content": "a" * 400}], 3 + 4 + 100),
        ([{"role": "user", "content": "字" * 160}], 3 + 4 + 100),
        ([{"role": "user", "content": "a" * 40 + "字" * 16 + "한" * 16}], 3 + 4 + 10 + 10 + 10),
        ([{"role": "user", "content": ""}, {"role": "assistant", "content": None}], 3 + 8),
        ([{"role": "user", "content": [{"type": "text", "text": "a" * 40}]}], 3 + 4 + 10),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a" * 9999}}]}], 3 + 4 + 1024),
        ([{"role": "user", "content": ["a" * 40, {"type": "video_url"}]}], 3 + 4 + 10 + 1024),
    ],
)
def test_tokens_are_guessed_by_the_documented_rule(messages: list[dict[str, Any]], expected: int) -> None:
    assert approximate_tokens(messages) == expected


def test_the_calls_of_tools_count() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "search", "arguments": '{"query": "weather"}'}}
    bare = approximate_tokens([{"role": "assistant", "content": None}])
    assert approximate_tokens([{"role": "assistant", "content": None, "tool_calls": [call]}]) > bare + 10


def _counts(ask: TokenCounter) -> bool:
    try:
        return ask.count("kimi", "kimi-k2", MESSAGES) == 1500
    except NotCounted:
        return False
