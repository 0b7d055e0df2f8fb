"""A failed model call gets the type that its error means, by what the SDKs really raise."""

from __future__ import annotations

import json

import pytest

from exporter.calls import ERROR_TYPES, failure_type
from tests.servers import ROOT

RECORDED: list[dict[str, str]] = json.loads((ROOT / "tests/data/sdk_errors.json").read_text())
PROVIDERS = ("openai", "zhipuai", "zai-sdk")
KNOWN_BY_NAME_ALONE = ("APIResponseError",)


def test_each_recorded_error_has_its_type_by_exception_and_text() -> None:
    wrong = [
        error
        for error in RECORDED
        if {
            failure_type(error["message"], error["type"]),
            failure_type(f"{error['type'].rpartition('.')[2]}: {error['message']}"),
            failure_type(f"{error['type']}: {error['message']}"),
        }
        != {error["error_type"]}
    ]

    assert not wrong
    assert {error["error_type"] for error in RECORDED} == {*ERROR_TYPES, *KNOWN_BY_NAME_ALONE}


def test_each_recorded_error_of_a_provider_has_its_type_by_its_text_alone() -> None:
    told = [error for error in RECORDED if error["sdk"].startswith(PROVIDERS) and error["message"]]
    wrong = [
        error
        for error in told
        if error["error_type"] not in KNOWN_BY_NAME_ALONE and failure_type(error["message"]) != error["error_type"]
    ]

    assert len({error["sdk"] for error in told}) == 4
    assert not wrong


@pytest.mark.parametrize(
    ("message", "exception", "expected"),
    [
        # Texts of gateways, and of SDKs that no local server can produce.
        ("Error code: 429 - {...}", None, "rate_limited"),
        ("Kimi call failed after 3 attempts: Error code: 429 - {'error': {}}", None, "rate_limited"),
        ("APIStatusError: 429 rate limited", None, "rate_limited"),
        ("HTTPStatusError: status_code=429", None, "rate_limited"),
        ("too many requests", None, "rate_limited"),
        ("{'code': '1302', 'message': '…'}", None, "rate_limited"),
        ("error (HTTP Status: 503)", None, "server_error"),
        ("HTTP/1.1 401 Unauthorized", None, "unauthorized"),
        ("413 Content Too Large for url", None, "bad_request"),
        ("'422 Unprocessable Entity' for url", None, "bad_request"),
        ("'422 Unprocessable Content' for url", None, "bad_request"),
        ('{"error": {"code": "1301"}}', None, "content_filter"),
        ("content_filter", None, "content_filter"),
        ("sensitive", None, "content_filter"),
        ("TimeoutError: timed out after 30s", None, "timeout"),
        ("asyncio.exceptions.TimeoutError: ", None, "timeout"),
        ("Request to https://api.moonshot.ai timed out", "TimeoutError", "timeout"),
        ("[Errno 111] Connection refused", "OSError", "connection_error"),
        # Numbers and words that only look like it.
        ("429 ms elapsed", None, "error"),
        ("TimeoutError: 429 ms elapsed", None, "timeout"),
        ("took 500 ms", None, "error"),
        ("status 500 ms late", None, "error"),
        ("code 4290", None, "error"),
        ("Error code: 4290", None, "error"),
        ("Error code: 302 - moved", None, "error"),
        ("got 429 bytes", "ValueError", "ValueError"),
        ("ValueError: http://127.0.0.1:429/ is no host", None, "ValueError"),
        ("rate limit must be positive", "ValueError", "ValueError"),
        ("timeout must be positive", "ValueError", "ValueError"),
        ("no such file", "FileNotFoundError", "FileNotFoundError"),
        ("Error code: 400 - Unknown parameter: 'content_filter'", None, "bad_request"),
        # The status, before words of the same text.
        ("Error code: 500 - upstream: too many requests", None, "server_error"),
        ("Error code: 408 - Request Timeout", "APIStatusError", "timeout"),
        ("Error code: 402 - no membership", None, "bad_request"),
        ("Error code: 529 - overloaded", None, "server_error"),
        # Names.
        ("boom", "utils.retry.RetryableError", "RetryableError"),
        ("RetryableError: boom", None, "RetryableError"),
        ("boom", "rate_limited", "rate_limited"),
        ("", "abandoned", "abandoned"),
        ("req_8f3a: failed", None, "error"),
        ("boom", "two\nlines", "error"),
        ("boom", "E" * 65, "error"),
        ("boom", "E" * 64, "E" * 64),
        ("boom", "", "error"),
        ("", None, "error"),
        (None, None, "error"),
    ],
)  # fmt: skip
def test_a_text_has_the_type_that_it_means(message: str | None, exception: str | None, expected: str) -> None:
    assert failure_type(message, exception) == expected


def test_a_type_is_its_own_type() -> None:
    for error in RECORDED:
        assert failure_type(error["message"], error["error_type"]) == error["error_type"]


@pytest.mark.parametrize("text", ["a." * 50_000, "429 " * 25_000, "status" * 20_000, "A:" * 50_000])
def test_a_long_text_that_means_nothing_has_no_type(text: str) -> None:
    assert failure_type(text) == "error"
