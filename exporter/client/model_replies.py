"""What a call of a model asks for, and what its reply tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from exporter.calls import UNKNOWN_PROVIDER, USUAL_REQUEST_TYPE, provider_of
from exporter.client.plain_data import name
from exporter.client.recorder import harmless, nothing
from exporter.client.timed_call import TimedCall
from exporter.client.trace_blocks import running

_OURS = ("tool_name", "thinking_mode", "request_type", "provider", "operation")
_USUAL_OPERATION = "chat"


@dataclass(slots=True)
class Asked:
    """The arguments of a call: those for the client, and those for its event."""

    arguments: dict[str, Any]
    ours: dict[str, Any]
    hides_usage: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any], usage_in_streams: bool) -> Self:
        """Sorts what a caller gave."""
        asked = cls(
            {key: value for key, value in given.items() if key not in _OURS},
            {key: given[key] for key in _OURS if given.get(key) is not None},
        )
        if usage_in_streams:
            asked._ask_usage()
        return asked

    @property
    def model(self) -> str:
        """The model that is called."""
        return name(self.arguments.get("model", "")) or "unknown"

    @property
    @harmless(nothing)
    def messages(self) -> Any:
        """The chat, where it is one."""
        messages = self.arguments.get("messages")
        return messages if isinstance(messages, list | tuple) else None

    @property
    def request_type(self) -> str:
        """What kind of call it is, as the timeouts tell them apart."""
        return name(self.ours.get("request_type", USUAL_REQUEST_TYPE))

    @property
    @harmless(nothing)
    def max_tokens(self) -> int | None:
        """The longest answer."""
        most = self.arguments.get("max_completion_tokens") or self.arguments.get("max_tokens")
        return most if isinstance(most, int) and most > 0 else None

    @property
    def streams(self) -> bool:
        """Whether the reply comes piece by piece."""
        return self.arguments.get("stream") is True

    def with_timeout(self, seconds: float) -> dict[str, Any]:
        """The arguments for the client."""
        return {"timeout": seconds, **self.arguments}

    @harmless(nothing)
    def tell(self, timed: TimedCall) -> None:
        """Adds what is known before the call."""
        operation = name(self.ours.get("operation", _USUAL_OPERATION))
        trace = running.get() or {}
        timed.told(
            # A stream lasts as long as its reader takes: in one histogram with whole replies it would spoil both.
            operation=f"{operation}_stream" if self.streams else operation,
            provider=self.ours.get("provider"),
            tool_name=self.ours.get("tool_name") or trace.get("tool_name"),
            thinking_mode=self.ours.get("thinking_mode") or _thinking_mode(self.arguments),
            trace_id=trace.get("trace_id"),
        )
        if trace.get("provider") is None:
            trace["provider"] = self._provider

    @property
    def _provider(self) -> str | None:
        given = self.ours.get("provider") or provider_of(self.model)
        return None if given == UNKNOWN_PROVIDER else name(given)

    @harmless(nothing)
    def _ask_usage(self) -> None:
        options = self.arguments.get("stream_options") or {}
        if self.streams and isinstance(options, Mapping) and not options.get("include_usage"):
            self.arguments["stream_options"] = {**options, "include_usage": True}
            self.hides_usage = True


@harmless(nothing)
def learn(timed: TimedCall, reply: Any) -> None:
    """Adds what a reply, or a piece of one, tells: tokens, why it ended, its id."""
    choice = first_choice(reply)
    usage = _get(reply, "usage") or _get(choice, "usage")
    prompt, completion = _get(usage, "prompt_tokens_details"), _get(usage, "completion_tokens_details")
    timed.told(
        prompt_tokens=_count(_get(usage, "prompt_tokens")),
        completion_tokens=_count(_get(usage, "completion_tokens")),
        # Moonshot tells it beside the other counts, OpenAI and Zhipu in the details.
        cached_input_tokens=_count(_get(prompt, "cached_tokens")) or _count(_get(usage, "cached_tokens")),
        reasoning_tokens=_count(_get(completion, "reasoning_tokens")),
        request_id=_text(_get(reply, "id")),
        finish_reason=_text(_get(choice, "finish_reason")),
    )


def first_choice(reply: Any) -> Any:
    """The first answer in a reply, None where it has none."""
    choices = _get(reply, "choices")
    return choices[0] if isinstance(choices, list | tuple) and choices else None


def has_token(chunk: Any) -> bool:
    """Whether a piece of a stream brings any of the answer: text, thoughts, or a call of a tool."""
    delta = _get(first_choice(chunk), "delta")
    return any(_get(delta, part) for part in ("content", "reasoning_content", "reasoning", "tool_calls"))


def _thinking_mode(arguments: Mapping[str, Any]) -> str | None:
    """As OpenAI (`reasoning_effort`), or Moonshot and Zhipu (`thinking.type`) are asked for it."""
    extra = arguments.get("extra_body") or {}
    thinking = _get(extra, "thinking") or arguments.get("thinking")
    return _text(arguments.get("reasoning_effort")) or _text(_get(thinking, "type"))


def _get(thing: Any, part: str) -> Any:
    return thing.get(part) if isinstance(thing, Mapping) else getattr(thing, part, None)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
