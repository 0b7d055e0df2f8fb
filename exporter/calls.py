"""Calls of models: the question before one, its outcome, and the type of its error. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, NamedTuple, Protocol

EstimateSource = Literal["adaptive", "static", "emergency", "estimate", "fallback"]
"""Where a timeout comes from: learned; the defaults; an operator's override; learned, with prompt tokens counted by
the provider; learned or static, with prompt tokens guessed here because the provider could not be asked."""

_PROVIDERS = (("kimi", ("kimi", "k2", "moonshot")), ("glm", ("glm", "zhipu")))
UNKNOWN_PROVIDER = "unknown"
USUAL_REQUEST_TYPE = "text_only"
_SAME_REQUEST_TYPES = {"": USUAL_REQUEST_TYPE, "text": USUAL_REQUEST_TYPE}
"""What callers of the estimate say, and what the recorded durations call it."""
_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATE = re.compile(rf"[-_@](?:20\d\d-?{_MONTH}(?:-?{_DAY})?|{_MONTH}-20\d\d|(?:2\d)?{_MONTH}{_DAY})(?=$|[-_:@])")
"""2024-08-06, 20240806, 2024-08, 08-2024, 240806, 0806; a context length such as 8192 is none."""


def normalised(model: str) -> str:
    """The model's name in lower case, without the date of its release: `Kimi-K2-0905-preview` → `kimi-k2-preview`."""
    return _DATE.sub("", model.strip().lower()) or model


def provider_of(model: str) -> str:
    """The provider that a model's name tells (as the gateway's ConnectionMonitor.record_duration reads it)."""
    lowered = model.lower()
    for provider, words in _PROVIDERS:
        if any(word in lowered for word in words):
            return provider
    return UNKNOWN_PROVIDER


def request_type_of(told: str | None) -> str:
    """The one name of a request type; `text_only` where none is told."""
    return _SAME_REQUEST_TYPES.get(told or "", told or "")


@dataclass(frozen=True, slots=True)
class Question:
    """What is known of a call before it is made; `quantile` replaces the model's target."""

    model: str
    request_type: str = USUAL_REQUEST_TYPE
    provider: str = ""
    prompt_tokens: int | None = None
    max_tokens: int | None = None
    quantile: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call that has ended at `ended_at` (Unix seconds) after `duration_s`.

    One that was `cut_off` would have lasted longer: it is censored, not a sample of that duration.
    """

    question: Question
    duration_s: float
    ended_at: float
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """A timeout and how far it can be trusted.

    `interval` holds the seconds between which 80 % of such calls end (10th and 90th percentile),
    `coverage` is the share of the last calls that ended within the timeout they would have been given,
    None before there was one; `confidence` is 0…1.
    """

    timeout_s: float
    confidence: float
    source: EstimateSource
    expected_duration_s: float
    interval: tuple[float, float]
    coverage: float | None
    samples: int
    model: str
    request_type: str
    provider: str


class Learner(Protocol):
    """What the fold feeds with every call of a model."""

    def learn(self, outcome: Outcome) -> Estimate:
        """Learns from the call; returns what it would have been given before."""

    def name_of(self, question: Question) -> str:
        """Return the name under which the model's timeouts are known: its versions share one."""

    def take_unsaved(self) -> dict[str, bytes]:
        """The states that have changed since the last call, by name, as they are to be saved."""

    def restore(self, name: str, saved: bytes) -> None:
        """Takes a saved state back."""


CONTENT_FILTER = "content_filter"
RATE_LIMITED = "rate_limited"
UNAUTHORIZED = "unauthorized"
BAD_REQUEST = "bad_request"
TIMEOUT = "timeout"
UNKNOWN_ERROR = "error"
"""The type of an error of which nothing more is known."""

REFUSED = frozenset((RATE_LIMITED, UNAUTHORIZED, BAD_REQUEST))
"""The types of calls that a provider answers without running the model, and does not charge."""


class _ErrorKind(NamedTuple):
    """An error type, the exceptions that mean it by their name, and the texts that mean it."""

    error_type: str
    names: re.Pattern[str]
    texts: re.Pattern[str]


def _kind(error_type: str, names: str, texts: str = "(?!)") -> _ErrorKind:
    return _ErrorKind(error_type, re.compile(names), re.compile(texts, re.IGNORECASE))


_REFUSED_CONTENT = _kind(
    CONTENT_FILTER,
    r"ContentFilter\w*|ContentPolicy\w*",
    r"^(?:content_filter|sensitive)$|['\"](?:type|code)['\"]: ?['\"](?:content_filter|content_policy_violation)['\"]"
    r"|['\"]code['\"]: ?['\"]?1301\b|considered high risk|content management policy|by the content filter"
    r"|不安全或敏感内容",
)
_ERROR_KINDS = (
    _kind(
        RATE_LIMITED,
        r"RateLimit\w*|APIReachLimitError|TooManyRequests\w*",
        r"['\"]code['\"]: ?['\"]?130[2-58]\b|engine is currently overloaded|\btoo many requests\b"
        r"|\brate[ _-]?limit(?:ed\b| exceeded| reached|_reached|_exceeded)|reached max request|max request per minute"
        r"|速率限制|频率过高|访问量过大",
    ),
    _kind(
        UNAUTHORIZED,
        r"(?:API)?AuthenticationError|OAuthError|PermissionDenied\w*|Unauthorized\w*|Forbidden\w*",
        r"['\"]code['\"]: ?['\"]?100[0-4]\b|\binvalid authentication\b|\bincorrect api key\b",
    ),
    _kind(
        BAD_REQUEST,
        r"BadRequest\w*|NotFoundError|ConflictError|UnprocessableEntity\w*|APIRequestFailedError|InvalidRequestError",
        r"['\"]invalid_request_error['\"]|['\"]code['\"]: ?['\"]?12[12]\d\b",
    ),
    _kind(
        "server_error",
        r"(?:API)?Internal(?:Server)?Error|APIServerFlowExceedError|ServiceUnavailable\w*",
        r"\binternal server error\b|\bbad gateway\b|\bservice (?:temporarily )?unavailable\b|\bgateway time-?out\b",
    ),
    _kind(
        TIMEOUT,
        r"\w*Time[dD]?[oO]ut\w*|DeadlineExceeded\w*",
        r"\btimed[ -]?out\b|\btime-?out (?:exceeded|expired|reached)\b|\bdeadline exceeded\b",
    ),
    _kind(
        "connection_error",
        r"\w*Connection(?:Refused|Reset|Aborted|Closed\w*)?Error|BrokenPipeError|(?:Connect|Read|Write|Close|URL|Proxy)Error"
        r"|\w*ProtocolError|\w*Disconnected(?:Error)?|ClientConnector\w*|ClientOSError|ClientPayloadError"
        r"|ChunkedEncodingError|IncompleteRead|SSL\w*Error|gaierror|NameResolutionError",
        r"\bconnection (?:error|refused|reset|aborted|broken|closed|lost)\b|\bcannot connect to\b"
        r"|\bserver disconnected\b|\bclosed connection without\b|\bname or service not known\b"
        r"|\btemporary failure in name resolution\b|\[ssl: ",
    ),
    _kind("abandoned", r"CancelledError|GeneratorExit"),
)
"""The table of error types, the most specific first; an HTTP status comes before all but refused content.

It rests on the errors of the OpenAI and Zhipu SDKs and of HTTP clients that tests/data/sdk_errors.json records.
"""

ERROR_TYPES = (CONTENT_FILTER, *(kind.error_type for kind in _ERROR_KINDS))

_PHRASES = sorted(
    {
        *((status.value, status.phrase) for status in HTTPStatus if status >= 400),
        # RFC 7231 and RFC 9110 name these differently, and so do Python 3.12 and 3.13; servers send either.
        *((413, phrase) for phrase in ("Request Entity Too Large", "Payload Too Large", "Content Too Large")),
        *((414, phrase) for phrase in ("Request-URI Too Long", "URI Too Long")),
        *((416, phrase) for phrase in ("Requested Range Not Satisfiable", "Range Not Satisfiable")),
        *((422, phrase) for phrase in ("Unprocessable Entity", "Unprocessable Content")),
    }
)
_STATUS = re.compile(
    r"\b(?:error code|http error|(?:http )?status(?:[ _]?code)?|http(?:/[\d.]+)?)['\"]?[:=]?\s?([45]\d\d)\b(?! ?m?s\b)"
    r"|\b([45]\d\d) (?:client|server) error\b"
    r"|^(?:[A-Za-z_][\w.]*: ?)*([45]\d\d)(?=$|, message=|: | - )"
    rf"|\b({'|'.join(f'{status}(?= {re.escape(phrase)})' for status, phrase in _PHRASES)})",
    re.IGNORECASE,
)
_BY_STATUS = {401: UNAUTHORIZED, 403: UNAUTHORIZED, 408: TIMEOUT, 429: RATE_LIMITED}

_LEADING_NAME = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(?::|$)")
_EXCEPTION = re.compile(r"[A-Z]\w*(?:Error|Exception|Exit|Failure|Interrupt|Warning)|Exception")
_LONGEST_NAME = 64
_SEARCHED = 2000
"""Characters of an error's text that are searched."""


def failure_type(message: str | None, exception: str | None = None) -> str:
    """Return the type of the error that a model call failed with, never an empty one.

    The type is one of ERROR_TYPES, else the exception's name without its module, else `error`. `exception` may be an
    error type already. Without it, the name before the first colon of `message` counts, if it looks like one.
    """
    text = (message or "")[:_SEARCHED]
    given = _exception_name(exception)
    name = given or _leading_name(text)
    if name in ERROR_TYPES:
        return name
    if _is_kind(_REFUSED_CONTENT, name, text):
        return CONTENT_FILTER
    kinds = (kind.error_type for kind in _ERROR_KINDS if _is_kind(kind, name, text))
    return _type_by_status(text) or next(kinds, "") or given or (name if _EXCEPTION.fullmatch(name) else UNKNOWN_ERROR)


def _is_kind(kind: _ErrorKind, name: str, text: str) -> bool:
    return bool(kind.names.fullmatch(name) or kind.texts.search(text))


def _type_by_status(text: str) -> str:
    found = _STATUS.search(text)
    if not found:
        return ""
    status = int(found[found.lastindex or 0])
    return _BY_STATUS.get(status, "server_error" if status >= 500 else BAD_REQUEST)


def _leading_name(text: str) -> str:
    found = _LEADING_NAME.match(text)
    return _exception_name(found[1]) if found else ""


def _exception_name(exception: str | None) -> str:
    """Return the name without its module; nothing where it is no identifier, or too long for a label."""
    name = (exception or "").strip().rpartition(".")[2]
    return name if name.isascii() and name.isidentifier() and len(name) <= _LONGEST_NAME else ""
