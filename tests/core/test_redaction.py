"""Texts that are kept hold no prompt, no answer and no whole address."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.redaction import mask_addresses, redact, redact_item

HIDDEN = "the moon is made of cheese"


@pytest.mark.parametrize(
    "text",
    [
        f"Error code: 400 - {{'error': {{'message': 'Invalid prompt: {HIDDEN}', 'code': 'invalid_prompt'}}}}",
        f"messages=[{{'role': 'user', 'content': '{HIDDEN}'}}], model='k'",
        f'{{"messages":[{{"role":"user","content":[{{"type":"text","text":"a ] {HIDDEN}"}}]}}],"model":"k"}}',
        f"1 validation error for Call [type=x, input_value={HIDDEN!r}, input_type=str]",
        f'the body was {{\\"prompt\\": \\"{HIDDEN}\\", \\"n\\": 1}}',
        f'the body was {{"input": ["one", "{HIDDEN}"], "n": 1}}',
        f'cut off: {{"reasoning_content": "{HIDDEN}',
        f"prompt: don't say that {HIDDEN}\nTraceback",
        f"answer={HIDDEN}",
        f'    client.chat(system_prompt="{HIDDEN}")',
    ],
)
def test_a_quoted_prompt_or_answer_is_redacted(text: str) -> None:
    assert "cheese" not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Error code: 429 - {'error': {'message': 'rate limit', 'type': 'engine_overloaded_error', 'code': '1305'}}",
        "Connection error. finish_reason=content_filter, Content-Type: application/json",
        "TimeoutError: Request to https://api.moonshot.ai timed out after 12:34:56 in version 1.2.3.4.5",
        "connect to 127.0.0.1:6379 and [::1]:6379 failed: std::vector",
        "Incorrect number of input tokens: 4 expected, prompt has 5",
    ],
)
def test_the_rest_of_an_error_stays(text: str) -> None:
    assert redact(text) == text


def test_what_surrounds_a_redacted_text_stays() -> None:
    body = "{'error': {'message': 'Invalid prompt: no', 'code': 'invalid_prompt'}}"
    assert redact(f"Error code: 400 - {body}") == f"Error code: 400 - {body.replace(': no', ': ***')}"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("203.0.113.77:52100", "203.0.113.0"),
        ("10.1.2.3", "10.1.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("[2001:db8:1:2::7]:52100", "2001:db8:1::"),
        ("fe80:0:7::1%eth0", "fe80:0:7::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("999.0.113.77", "999.0.113.77"),
    ],
)
def test_an_address_is_reduced_to_its_network(address: str, network: str) -> None:
    assert mask_addresses(address) == network
    assert redact(f"peer ({address}) is gone, {address}.") == f"peer ({network}) is gone, {network}."


PIECES = st.sampled_from(
    [
        "prompt",
        "content",
        ":",
        "=",
        "'",
        '"',
        "\\",
        "[",
        "]",
        "{",
        "}",
        " ",
        "\n",
        ",",
        "***",
        "x",
        "1.2.3.4",
        "::1",
        "%a",
    ]
)


@given(text=st.lists(PIECES, max_size=30).map("".join))
def test_a_redacted_text_is_redacted_to_itself(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_a_rejected_event_keeps_its_structure() -> None:
    event = {
        "kind": "duration",
        "model": 7,
        "direction": "yesterday",
        "timestamp": "today",
        "error": "x",
        "metadata": {"n": 1, "prompt": HIDDEN},
    }
    item = json.dumps(event)
    assert json.loads(redact_item(item)) == {
        **event,
        "timestamp": "***",
        "error": "***",
        "metadata": {"n": 1, "prompt": "***"},
    }
    for cut in range(len(item)):
        assert "moon" not in redact_item(item[:cut])


@pytest.mark.parametrize(
    "item", [HIDDEN, f'["{HIDDEN}"]', f'{{"model": "{HIDDEN}"}}', f"'{HIDDEN}'", f'"kind": {HIDDEN}']
)
def test_a_rejected_item_that_is_no_event_shows_no_text(item: str) -> None:
    assert "cheese" not in redact_item(item)
    assert "moon" not in redact_item(item)


@pytest.mark.parametrize(
    "text",
    ["prompt" * 7000, "prompt: '" * 5000, "[" * 40_000, "prompt=[" * 5000, ":a" * 20_000, "prompt" + " " * 40_000],
)
def test_redaction_comes_to_an_end(text: str) -> None:
    program = "import sys; from exporter.redaction import redact; redact(sys.stdin.read())"
    subprocess.run([sys.executable, "-c", program], input=text, text=True, check=True, timeout=20)
