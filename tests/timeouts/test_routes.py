"""The HTTP face of the timeouts, over a real server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.timeouts.asked import DEEPEST, MOST_MESSAGES
from tests.timeouts.doubles import BODY_BYTES, TOKEN, Estimator, Gateway, counter, served, timeouts_app
from tests.timeouts.moonshot import KEY, Moonshot, answering, moonshot

ESTIMATE, MODELS = "/api/v1/timeout/estimate", "/api/v1/timeout/models"
USER = {"role": "user", "content": "Hello"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def estimator() -> Estimator:
    return Estimator()


@pytest.fixture
def gateway(estimator: Estimator, provider: Moonshot) -> Iterator[Gateway]:
    with served(timeouts_app(estimator, counter(provider))) as gateway:
        yield gateway


def post(gateway: Gateway, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Status and document of an estimate."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(gateway.url + ESTIMATE, data, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_callers_of_the_old_server_are_answered_as_before(gateway: Gateway, estimator: Estimator) -> None:
    asked = {"model": "kimi-k2", "messages": [{"role": "user", "content": "a" * 5972}], "request_type": "text"}
    status, answer = post(gateway, asked)
    assert status == 200
    assert {key: answer[key] for key in ("timeout", "confidence", "source")} == {
        "timeout": 150, "confidence": 0.85, "source": "adaptive",
    }  # fmt: skip
    assert answer["metadata"].items() >= {"samples_used": 50, "estimated_tokens": 1500, "provider": "kimi"}.items()
    assert estimator.questions[0].request_type == "text_only"


def test_the_answer_tells_what_it_rests_on(gateway: Gateway) -> None:
    _, answer = post(
        gateway, {"model": "Kimi-K2-0905-preview", "prompt_tokens": 1200, "max_tokens": 9, "quantile": 0.9}
    )
    assert answer == {
        "timeout": 120.0,
        "confidence": 0.85,
        "source": "adaptive",
        "expected_duration_s": 40.0,
        "interval": [30.0, 60.0],
        "coverage": 0.9912,
        "request_type": "text_only",
        "model": "kimi-k2-preview",
        "metadata": {
            "samples_used": 50,
            "estimated_tokens": 1200,
            "provider": "kimi",
            "tokens_from": "request",
            "reason": None,
        },
    }


def test_a_model_of_which_nothing_is_known_is_answered(gateway: Gateway, estimator: Estimator) -> None:
    estimator.confidence, estimator.source, estimator.samples = 0.0, "static", 0
    status, answer = post(gateway, {"model": "new"})
    assert (status, answer["source"], answer["coverage"]) == (200, "static", None)
    assert answer["metadata"]["estimated_tokens"] is None


def test_an_unsure_estimate_asks_the_provider_for_a_caller_with_a_token(
    gateway: Gateway, estimator: Estimator, provider: Moonshot
) -> None:
    estimator.confidence = 0.2
    _, answer = post(gateway, {"model": "kimi-k2", "messages": [USER]}, BEARER)
    assert (answer["source"], answer["timeout"], answer["metadata"]["estimated_tokens"]) == ("estimate", 150, 1500)
    assert provider.asked == [{"model": "kimi-k2", "messages": [USER]}]


@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}])
def test_without_a_token_nobody_spends_money(
    gateway: Gateway, estimator: Estimator, provider: Moonshot, headers: dict[str, str]
) -> None:
    estimator.confidence = 0.2
    status, answer = post(gateway, {"model": "kimi-k2", "messages": [USER]}, headers)
    assert (status, answer["source"], answer["metadata"]["reason"]) == (200, "fallback", "no_token")
    assert not provider.asked


@pytest.mark.parametrize("authorization", ["Bearer wrong", f"Basic {TOKEN}", "Bearer", TOKEN])
def test_a_wrong_token_is_refused(gateway: Gateway, estimator: Estimator, authorization: str) -> None:
    assert post(gateway, {"model": "kimi-k2"}, {"Authorization": authorization})[0] == 401
    assert not estimator.questions


def test_a_provider_that_fails_is_said(gateway: Gateway, estimator: Estimator, provider: Moonshot) -> None:
    estimator.confidence = 0.2
    provider.behave = answering(503, b"")
    status, answer = post(gateway, {"model": "kimi-k2", "messages": [USER]}, BEARER)
    assert (status, answer["source"], answer["metadata"]["reason"]) == (200, "fallback", "failed")
    assert KEY not in json.dumps(answer)


def deep(levels: int) -> Any:
    """Lists within each other."""
    nested: Any = []
    for _ in range(levels - 1):
        nested = [nested]
    return nested


BAD = {
    "model": [
        {},
        {"model": None},
        {"model": 3},
        {"model": ""},
        {"model": " "},
        {"model": "a\nb"},
        {"model": "a" * 129},
    ],
    "messages": [{"messages": "hi"}, {"messages": {}}, {"messages": [{}] * (MOST_MESSAGES + 1)}],
    "messages[0]": [{"messages": ["hi"]}, {"messages": [None]}, {"messages": [{"x": deep(DEEPEST)}]}],
    "messages[1].content": [{"messages": [USER, {"content": 3}]}, {"messages": [USER, {"content": {}}]}],
    "messages[0].content[1]": [{"messages": [{"content": ["a", 3]}]}],
    "request_type": [{"request_type": 3}, {"request_type": ""}, {"request_type": "\x00"}],
    "prompt_tokens": [{"prompt_tokens": -1}, {"prompt_tokens": 1.5}, {"prompt_tokens": "7"}, {"prompt_tokens": True}],
    "max_tokens": [{"max_tokens": -1}, {"max_tokens": 2**60}, {"max_tokens": []}],
    "quantile": [{"quantile": 0.4999}, {"quantile": 1}, {"quantile": 0.99991}, {"quantile": "0.99"}],
}
NAMED = [(field, body) for field, bodies in BAD.items() for body in bodies]


@pytest.mark.parametrize(("field", "body"), NAMED, ids=[f"{field}: {str(body)[:40]}" for field, body in NAMED])
def test_a_bad_body_gets_400_that_names_the_field(gateway: Gateway, field: str, body: dict[str, Any]) -> None:
    status, answer = post(gateway, body if field == "model" else {"model": "kimi-k2", **body})
    assert (status, answer["field"]) == (400, field)
    assert answer["error"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"3", b"\xff", b'{"model": "\xff"}', b"[" * 50_000, b'{"model": "k", "quantile": NaN}']
)
def test_a_body_that_is_no_json_object_gets_400(gateway: Gateway, body: bytes) -> None:
    status, answer = post(gateway, body)
    assert (status, answer["field"]) == (400, "body")


def test_unknown_fields_and_nulls_are_left_out(gateway: Gateway) -> None:
    body = {"model": "kimi-k2", "messages": None, "quantile": None, "temperature": 0.3, "metadata": {"a": [1]}}
    assert post(gateway, body)[0] == 200


def test_messages_as_providers_take_them_are_taken(gateway: Gateway) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [
        {"role": "system", "content": "You are Kimi."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": ""},
    ]
    assert post(gateway, {"model": "kimi-k2", "messages": messages})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_only_plain_json_is_taken(gateway: Gateway, headers: dict[str, str]) -> None:
    assert post(gateway, {"model": "kimi-k2"}, headers)[0] == 415


def test_a_charset_does_no_harm(gateway: Gateway) -> None:
    assert post(gateway, {"model": "kimi-k2"}, {"Content-Type": "application/json; charset=utf-8"})[0] == 200


def test_a_body_that_is_too_large_is_not_read(gateway: Gateway, estimator: Estimator) -> None:
    assert post(gateway, {"model": "kimi-k2", "x": "a" * BODY_BYTES})[0] == 413
    assert not estimator.questions


def test_every_model_is_listed(gateway: Gateway) -> None:
    with urllib.request.urlopen(gateway.url + MODELS, timeout=10) as reply:  # noqa: S310
        assert reply.headers["Content-Type"] == "application/json"
        assert json.load(reply) == {"models": [{"model": "kimi-k2", "samples": 50}, {"model": "glm-4", "samples": 3}]}


def test_callers_at_once_each_get_their_own_answer(gateway: Gateway) -> None:
    with ThreadPoolExecutor(8) as callers:
        answers = callers.map(lambda count: post(gateway, {"model": "k2", "prompt_tokens": count}), range(10, 90))
        assert [answer["timeout"] for _, answer in answers] == [count / 10 for count in range(10, 90)]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS, lambda inside: st.lists(inside) | st.dictionaries(st.text(max_size=9), inside), max_leaves=9
)
PARTS = st.lists(st.text() | st.dictionaries(st.sampled_from(["type", "text", "image_url"]), ANYTHING))
MESSAGE = st.dictionaries(st.sampled_from(["role", "content", "tool_calls", "name"]), ANYTHING | PARTS)
REQUEST = st.fixed_dictionaries(
    {"model": st.text() | ANYTHING},
    optional={
        "messages": st.lists(MESSAGE) | ANYTHING,
        "request_type": st.text() | ANYTHING,
        "prompt_tokens": st.integers() | ANYTHING,
        "max_tokens": st.integers() | ANYTHING,
        "quantile": st.floats(0, 1) | ANYTHING,
    },
)
with moonshot() as _nobody:
    _CLIENT = timeouts_app(Estimator(), counter(_nobody, key="")).test_client()


@given(REQUEST | ANYTHING)
def test_any_json_is_answered_or_refused_by_name(body: Any) -> None:
    reply = _CLIENT.post(ESTIMATE, data=json.dumps(body), content_type="application/json")
    answer = json.loads(reply.data)
    assert (reply.status_code == 200 and answer["timeout"] > 0) or (reply.status_code == 400 and answer["field"])


@given(st.binary(max_size=200))
def test_any_bytes_are_answered_or_refused(body: bytes) -> None:
    assert _CLIENT.post(ESTIMATE, data=body, content_type="application/json").status_code in (200, 400)
