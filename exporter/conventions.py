"""Every series that leaves this project, declared once.

Rules, dashboards and docs are held to this module by tests; `docs/metrics.md` is made from it.
Standard library only: the client library imports it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

OTHER = "other"
"""What a label value becomes once its family's budget is spent."""

INVALID = "invalid"
"""What a label value becomes that is not 1 to 128 printable characters."""

UNKNOWN = "unknown"
"""What a label value becomes that the event leaves out."""

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_JOINERS = "\u200c\u200d"
_ALSO_PRINTABLE = frozenset(_SPACES + _JOINERS)


def is_printable(text: str) -> bool:
    """Return whether text may stand in a label, a legend and a message.

    Every space between words may (Unicode's category Zs: `str.isprintable` knows only the ASCII one), and so may
    the two joiners, which spell words of Persian and Hindi and join emoji. All other invisible characters may not:
    controls and line breaks end a line of a log or a message; format characters (Cf) such as U+202E, U+200B and
    U+FEFF reverse or hide what stands beside them, so that two series look alike.
    """
    return text.isprintable() or all(each.isprintable() or each in _ALSO_PRINTABLE for each in text)


class Kind(StrEnum):
    """The Prometheus metric types that we render."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Combine(StrEnum):
    """How a gauge is made from the values of several reporting instances."""

    SUM = "sum"
    MAX = "max"


LATENCY_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0,
)  # fmt: skip
"""Seconds; they reach past the longest timeout in use (600 s)."""

RATIO_OF_TIMEOUT_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0)
"""Actual duration over estimated timeout: dense around 1, the edge."""

SLOWDOWN_BUCKETS = (0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0)
"""Seconds of a call over those of the first: dense around 1, where nothing has changed."""

SIMILARITY_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0)
TOKEN_BUCKETS = tuple(float(4**power) for power in range(11))
REACTION_BUCKETS = (
    30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0, 259200.0, 604800.0,
)  # fmt: skip
"""Seconds until people or systems have reacted: half a minute to a week."""
AGE_BUCKETS = (0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0, 86400.0)
"""Seconds from an event to its fold: a gateway writes within 5 s; after an outage a day is read."""

ERROR_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 50.0, 100.0)

LABEL_VALUE_BUDGETS: Mapping[str, int] = {
    "connection_type": 32,
    "direction": 8,
    "operation": 8,
    "implementation": 16,
    "layer": 16,
    "call": 5,
    "status": 64,
    "method": 16,
    "service": 32,
    "source": 16,
    "outcome": 8,
    "gen_ai_operation_name": 16,
    "gen_ai_provider_name": 32,
    "gen_ai_token_type": 8,
    "error_type": 64,
    "kind": 16,
    "reason": 64,
    "scope": 4,
    "state": 8,
    "table": 8,
    "family": 256,
}
"""Labels with few values have a budget of their own, so that an overflow of their neighbours keeps them."""

OUTCOME_LABELS = frozenset(("error_type", "outcome", "status", "direction", "operation"))
"""Labels that decide an outcome: past their budget a value becomes `unknown`, and an empty value stays empty."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric family: what is counted, by which labels, within which limits.

    `budget` is the number of label sets that are kept apart before values become `other`.
    `live` families are measured in the process when scraped; the others are folded and durable.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    budget: int = 1000
    combine: Combine = Combine.SUM
    exemplars: bool = False
    live: bool = False

    @property
    def series_per_child(self) -> int:
        """How many Prometheus series one label set stands for."""
        return len(self.buckets) + 3 if self.kind is Kind.HISTOGRAM else 1

    @property
    def series_names(self) -> tuple[str, ...]:
        """The names that a query may use."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(self.name + suffix for suffix in ("_bucket", "_count", "_sum"))
        return (self.name,)


@dataclass(slots=True)
class _Catalogue:
    families: dict[str, Family] = field(default_factory=dict)

    def counter(self, name: str, help_text: str, *labels: str, budget: int = 1000, live: bool = False) -> Family:
        return self._add(Family(name, Kind.COUNTER, help_text, labels, budget=budget, live=live))

    def gauge(
        self, name: str, help_text: str, *labels: str, combine: Combine = Combine.SUM, live: bool = False
    ) -> Family:
        return self._add(Family(name, Kind.GAUGE, help_text, labels, combine=combine, live=live))

    def histogram(
        self,
        name: str,
        help_text: str,
        *labels: str,
        buckets: tuple[float, ...] = LATENCY_BUCKETS,
        exemplars: bool = False,
        live: bool = False,
    ) -> Family:
        return self._add(Family(name, Kind.HISTOGRAM, help_text, labels, buckets, exemplars=exemplars, live=live))

    def _add(self, family: Family) -> Family:
        if family.name in self.families:
            raise ValueError(f"{family.name} is declared twice")
        self.families[family.name] = family
        return family


_catalogue = _Catalogue()
_counter, _gauge, _histogram = _catalogue.counter, _catalogue.gauge, _catalogue.histogram

CONNECTION_EVENTS = _counter(
    "exai_connection_events_total", "Events that crossed a connection of the gateway.",
    "connection_type", "direction", "script", "function", budget=5000,
)  # fmt: skip
CONNECTION_BYTES = _counter(
    "exai_connection_bytes_total", "Bytes that crossed a connection of the gateway.", "connection_type", "direction"
)
CONNECTION_ERRORS = _counter(
    "exai_connection_errors_total", "Events with direction error or an error text.",
    "connection_type", "script", "function", "error_type", budget=2000,
)  # fmt: skip
CONNECTION_OPERATIONS = _counter(
    "exai_connection_operations_total",
    "Operations of a connection that ended; refused ones belong in no ratio.",
    "connection_type", "function", "outcome", budget=3000,
)  # fmt: skip
CONNECTION_RESPONSE = _histogram(
    "exai_connection_response_seconds", "Seconds until a connection answered.", "connection_type", "function"
)
CONNECTION_LAST_EVENT = _gauge(
    "exai_connection_last_event_timestamp_seconds", "Unix time of the newest event.", "connection_type",
    combine=Combine.MAX,
)  # fmt: skip
CONNECTIONS_ACTIVE = _gauge("exai_connections_active", "Connections open now.", "connection_type")

_GEN_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
OPERATION_DURATION = _histogram(
    "gen_ai_client_operation_duration_seconds", "Seconds that a model call took.", *_GEN_AI, "error_type"
)
TOKEN_USAGE = _histogram(
    "gen_ai_client_token_usage",
    "Tokens of a model call: input and output, or total where only their sum is known; other types are parts of these.",
    *_GEN_AI, "gen_ai_token_type", buckets=TOKEN_BUCKETS,
)  # fmt: skip
TIME_TO_FIRST_CHUNK = _histogram(
    "gen_ai_client_operation_time_to_first_chunk_seconds", "Seconds until a model's first chunk.", *_GEN_AI
)

ADAPTIVE_TIMEOUT = _histogram(
    "kimi_adaptive_timeout_seconds", "Seconds that a model call was given before it would be cut off.",
    "model", "source",
)  # fmt: skip
ESTIMATE_ACCURACY = _histogram(
    "kimi_estimate_accuracy_ratio", "Actual duration over estimated timeout of a model call; 1 is the edge.",
    "model", buckets=RATIO_OF_TIMEOUT_BUCKETS,
)  # fmt: skip
TIMEOUT_OUTCOMES = _counter(
    "exai_timeout_outcomes_total", "Model calls that stayed within their estimated timeout, or exceeded it.",
    "model", "request_type", "outcome",
)  # fmt: skip
_LEARNED = ("model", "request_type")
TIMEOUT_SECONDS = _gauge(
    "exai_timeout_seconds", "Seconds that the newest call of a model was given, or would have been.", *_LEARNED,
    combine=Combine.MAX,
)  # fmt: skip
TIMEOUT_CONFIDENCE = _gauge(
    "exai_timeout_confidence_ratio", "How far the newest estimate of a timeout can be trusted, 0 to 1.", *_LEARNED,
    combine=Combine.MAX,
)  # fmt: skip
TIMEOUT_SAMPLES = _gauge(
    "exai_timeout_samples", "Calls that the newest estimate of a timeout is learned from.", *_LEARNED,
    combine=Combine.MAX,
)  # fmt: skip

CACHE_OPERATIONS = _counter(
    "exai_cache_operations_total", "Operations on the semantic cache.", "implementation", "operation"
)
CACHE_RESPONSE = _histogram(
    "exai_cache_response_seconds", "Seconds that a cache operation took.", "implementation", "operation"
)
CACHE_ERRORS = _counter(
    "exai_cache_errors_total", "Operations on the semantic cache that failed.", "implementation", "error_type"
)
CACHE_ENTRIES = _gauge("exai_cache_entries", "Entries in the semantic cache.", "implementation", combine=Combine.MAX)
CACHE_SIZE = _gauge("exai_cache_size_bytes", "Bytes in the semantic cache.", "implementation", combine=Combine.MAX)
CACHE_SIMILARITY = _histogram(
    "exai_cache_similarity_ratio", "Similarity of the best entry that a look-up found.", "implementation",
    "operation", buckets=SIMILARITY_BUCKETS,
)  # fmt: skip
_BASELINE = "exai_cache_baseline_"
BASELINE_HIT_RATIO = _gauge(_BASELINE + "hit_ratio", "Hit ratio that is normal for the cache.", "implementation")
BASELINE_RESPONSE = _gauge(
    _BASELINE + "response_seconds", "Average seconds of an operation that are normal for the cache.", "implementation"
)
BASELINE_RESPONSE_P95 = _gauge(
    _BASELINE + "response_p95_seconds", "95th percentile seconds of an operation that are normal for the cache.",
    "implementation",
)  # fmt: skip
BASELINE_ERROR_RATIO = _gauge(
    _BASELINE + "error_ratio", "Share of operations that fail that is normal for the cache.", "implementation"
)
BASELINE_HIT_RATIO_STDDEV = _gauge(
    _BASELINE + "hit_ratio_stddev", "Standard deviation of the hourly hit ratio that is normal for the cache.",
    "implementation",
)  # fmt: skip
BASELINE_RESPONSE_STDDEV = _gauge(
    _BASELINE + "response_stddev_seconds", "Standard deviation of an operation's seconds that is normal for the cache.",
    "implementation",
)  # fmt: skip

REQUESTS = _counter("exai_requests_total", "Tool requests that ended.", "tool", "status")
REQUEST_DURATION = _histogram(
    "exai_request_duration_seconds", "Seconds that a tool request took.", "tool", "status", exemplars=True
)
LAYER_DURATION = _histogram(
    "exai_layer_duration_seconds", "Seconds that a request spent in a layer.", "layer", "tool", exemplars=True
)
CALL_DURATION = _histogram(
    "exai_call_duration_seconds", "Seconds in a layer, by which call of its conversation it was.", "call", "layer",
    exemplars=True,
)  # fmt: skip
CALL_SLOWDOWN = _histogram(
    "exai_call_slowdown_ratio", "A layer's seconds in a call over its seconds in the conversation's first call.",
    "call", "layer", "tool", "provider", buckets=SLOWDOWN_BUCKETS,
)  # fmt: skip
REQUESTS_IN_FLIGHT = _gauge("exai_requests_in_flight", "Requests inside a layer now.", "layer")

SESSIONS_ACTIVE = _gauge("exai_sessions_active", "Sessions open now.")
SESSION_MESSAGES = _gauge("exai_session_messages", "Messages in the longest current conversation.", combine=Combine.MAX)
SESSION_CONTEXT = _gauge(
    "exai_session_context_tokens", "Tokens of context in use by the fullest session.", combine=Combine.MAX
)
SESSION_CONTEXT_LIMIT = _gauge(
    "exai_session_context_limit_tokens", "Tokens of context that a session may use.", combine=Combine.MAX
)
SEMAPHORE_SLOTS = _gauge("exai_semaphore_slots", "Slots of a semaphore.", "scope", "name", "state")
SEMAPHORE_LEAKS = _counter("exai_semaphore_leaks_total", "Slots that were never given back.")

PROCESS_UPTIME = _gauge(
    "exai_process_uptime_seconds", "Seconds since the service started.", "service", combine=Combine.MAX
)
PROCESS_CPU = _gauge(
    "exai_process_cpu_ratio", "Share of its CPU that the service uses.", "service", combine=Combine.MAX
)
PROCESS_MEMORY = _gauge("exai_process_memory_bytes", "Bytes of memory that the service uses.", "service")
PROCESS_DISK = _gauge(
    "exai_process_disk_used_ratio", "Share of its disk that is in use.", "service", combine=Combine.MAX
)
POOL_CONNECTIONS = _gauge("exai_pool_connections", "Connections in a pool.", "pool", "state")
REDIS_MEMORY = _gauge("exai_redis_memory_bytes", "Bytes of memory that the gateway's Redis uses.", combine=Combine.MAX)
REDIS_KEYS = _gauge("exai_redis_keys", "Keys in the gateway's Redis.", combine=Combine.MAX)

_WS = "exai_websocket_"
WS_UPTIME = _gauge(_WS + "uptime_seconds", "Seconds since the oldest open WebSocket opened.", combine=Combine.MAX)
WS_CONNECTED = _gauge(_WS + "connected", "WebSocket ports that are connected (stale ones count 0).")
WS_PING = _gauge(_WS + "ping_seconds", "Seconds of the slowest last ping.", combine=Combine.MAX)
WS_PING_AVERAGE = _gauge(
    _WS + "ping_average_seconds", "Average seconds of the slowest port's pings.", combine=Combine.MAX
)
WS_PING_P95 = _gauge(
    _WS + "ping_p95_seconds", "95th percentile seconds of the slowest port's pings.", combine=Combine.MAX
)
WS_RECONNECTIONS = _counter(_WS + "reconnections_total", "Times that a WebSocket had to reconnect.")
WS_TIMEOUT_WARNINGS = _counter(_WS + "timeout_warnings_total", "Pings that came close to their timeout.")
WS_CONNECTIONS = _counter(_WS + "connections_total", "WebSocket connections that were opened.")
WS_CONNECTIONS_ACTIVE = _gauge(_WS + "connections_active", "WebSocket connections open now.")
WS_CONNECTIONS_FAILED = _counter(_WS + "connections_failed_total", "WebSocket connections that failed.")
WS_TIMEOUTS = _counter(_WS + "timeouts_total", "WebSocket connections that timed out.")
WS_MESSAGES_SENT = _counter(_WS + "messages_sent_total", "Messages that were sent.")
WS_MESSAGES_QUEUED = _counter(_WS + "messages_queued_total", "Messages that had to wait in the queue.")
WS_MESSAGES_FAILED = _counter(_WS + "messages_failed_total", "Messages that could not be sent.")
WS_MESSAGES_EXPIRED = _counter(_WS + "messages_expired_total", "Messages that grew too old in the queue.")
WS_MESSAGES_DEDUPLICATED = _counter(_WS + "messages_deduplicated_total", "Messages that were sent already.")
WS_QUEUE = _gauge(_WS + "queue_messages", "Messages that wait in the queue.")
WS_QUEUE_LIMIT = _gauge(_WS + "queue_limit_messages", "Messages that the queue can hold.")
WS_QUEUE_OVERFLOWS = _counter(_WS + "queue_overflows_total", "Messages that the full queue dropped.")
WS_RETRY_ATTEMPTS = _counter(_WS + "retry_attempts_total", "Times that sending was tried again.")
WS_RETRY_SUCCESSES = _counter(_WS + "retry_successes_total", "Tries again that worked.")
WS_RETRY_FAILURES = _counter(_WS + "retry_failures_total", "Tries again that failed.")
WS_BREAKER_STATE = _gauge(
    _WS + "circuit_breaker_state", "The worst circuit breaker: 0 closed, 1 half open, 2 open.", combine=Combine.MAX
)
WS_BREAKER_OPENS = _counter(_WS + "circuit_breaker_opens_total", "Times that a circuit breaker opened.")
WS_BREAKER_HALF_OPENS = _counter(_WS + "circuit_breaker_half_opens_total", "Times that a breaker half opened.")
WS_BREAKER_CLOSES = _counter(_WS + "circuit_breaker_closes_total", "Times that a circuit breaker closed.")
WS_SEND_AVERAGE = _gauge(_WS + "send_average_seconds", "Average seconds that a send took.", combine=Combine.MAX)

HTTP_REQUESTS = _counter(
    "exai_http_requests_total", "HTTP requests that a service answered.", "service", "route", "method", "status",
    budget=2000,
)  # fmt: skip
HTTP_DURATION = _histogram(
    "exai_http_request_duration_seconds", "Seconds that an HTTP request took.",
    "service", "route", "method", "status", exemplars=True,
)  # fmt: skip
PREDICTIONS = _counter("exai_model_predictions_total", "Predictions that a model made.", "service", "model")
ABSOLUTE_ERROR = _histogram(
    "exai_model_absolute_error", "Absolute error of a prediction, in the model's unit.", "service", "model",
    buckets=ERROR_BUCKETS,
)  # fmt: skip
MODEL_CONFIDENCE = _gauge("exai_model_confidence_ratio", "Confidence of the newest prediction.", "service", "model")
MODEL_R2 = _gauge("exai_model_r2", "R squared of the model's predictions.", "service", "model")
BASELINE_SAMPLES = _gauge(
    _BASELINE + "samples", "Operations that the cache's normal is computed from.", "implementation"
)
MODEL_BASELINE_MAE = _gauge("exai_model_baseline_mae", "Mean absolute error of the baseline.", "service", "model")

_SCOPE = ("name", "service", "provider", "model", "implementation")
THRESHOLD = _gauge(
    "exai_threshold", "What alerts compare with, in its own unit; without a subject: the default.",
    *_SCOPE, live=True,
)  # fmt: skip
THRESHOLD_ENABLED = _gauge(
    "exai_threshold_enabled",
    "1 while alerts compare with the threshold, 0 while it is switched off.",
    *_SCOPE,
    live=True,
)
THRESHOLD_STEP = _gauge(
    "exai_threshold_step",
    "What alerts compare with instead of exai_threshold while the subject's rate is above that of the step.",
    *_SCOPE,
    "step",
    live=True,
)
THRESHOLD_STEP_RATE = _gauge(
    "exai_threshold_step_rate",
    "Operations a second of the subject above which the value of the step holds.",
    *_SCOPE,
    "step",
    live=True,
)

TOKEN_PRICE = _gauge(
    "exai_token_price_dollars", "Dollars that one token costs.", "gen_ai_request_model", "gen_ai_token_type", live=True
)

_AUDITED = ("severity", "category")
OBSERVATIONS = _counter(
    "exai_observations_total", "Alerts that became observations, each start once.", *_AUDITED, live=True
)
OBSERVATIONS_ACKNOWLEDGED = _counter(
    "exai_observations_acknowledged_total", "Observations that somebody acknowledged.", *_AUDITED, live=True
)
OBSERVATIONS_UNACKNOWLEDGED = _gauge(
    "exai_observations_unacknowledged", "Open observations that nobody has acknowledged.", *_AUDITED, live=True
)
OBSERVATION_ACKNOWLEDGE = _histogram(
    "exai_observation_acknowledge_seconds", "Seconds from an alert's start until somebody acknowledged it.", "severity",
    buckets=REACTION_BUCKETS, live=True,
)  # fmt: skip
OBSERVATION_RESOLVE = _histogram(
    "exai_observation_resolve_seconds", "Seconds from an alert's start to its end.", "severity",
    buckets=REACTION_BUCKETS, live=True,
)  # fmt: skip
ALERT_ACKNOWLEDGEMENTS = _counter(
    "exai_alert_acknowledgements_total", "Observations that somebody acknowledged, by the alert that they are of.",
    "alertname", live=True,
)  # fmt: skip
ALERTS_ENDED = _counter(
    "exai_alert_observations_ended_total",
    "Observations that ended, by their alert and by whether somebody had acknowledged them (true, false).",
    "alertname", "acknowledged", live=True,
)  # fmt: skip

_SELF = "exai_exporter_"
INGESTED = _counter(_SELF + "events_ingested_total", "Events that were folded into the series.", "source", "kind")
REJECTED = _counter(_SELF + "events_rejected_total", "Events that were refused.", "source", "reason")
DUPLICATE = _counter(_SELF + "events_duplicate_total", "Events that had come before and were not counted.", "source")
COMPARED = _counter(
    _SELF + "events_compared_total",
    "Events that are counted from another source, or model calls from other events: seen, not counted.",
    "source", "kind",
)  # fmt: skip
SOURCE_MISSING = _counter(
    _SELF + "source_missing_events_total", "Events that were written but never seen.", "source", "connection_type"
)
SOURCE_LATE = _counter(
    _SELF + "source_late_events_total", "Events that came later than the look-back and were not counted.", "source"
)
EVENT_AGE = _histogram(
    _SELF + "event_age_seconds", "Seconds from an event's own time to its fold; a first contact's are left out.",
    "source", buckets=AGE_BUCKETS,
)  # fmt: skip
SERIES_OVERFLOW = _counter(
    _SELF + "series_overflow_total", "Observations whose labels became other because a budget was spent.", "family"
)
ROWS_WRITTEN = _counter(
    _SELF + "rows_written_total",
    "Errors, traces, spans, model calls and observations that were handed to Postgres.",
    "table",
)
ROWS_DROPPED = _counter(
    _SELF + "rows_dropped_total",
    "Errors, traces, model calls and observations that Postgres refused or that found the spool full.",
    "table", "reason",
)  # fmt: skip
ROWS_SPOOLED = _gauge(_SELF + "rows_spooled", "Errors, traces and model calls that wait for Postgres.", live=True)

BUILD_INFO = _gauge(
    _SELF + "build_info", "1, labelled by the version that runs.", "version", "python_version", live=True
)
SOURCE_UP = _gauge(_SELF + "source_up", "1 while the source can be read, else 0.", "source", live=True)
SOURCE_LAG = _gauge(
    _SELF + "source_lag_seconds", "Seconds since the source was last read to its end.", "source", live=True
)
CHECKPOINT_TIMESTAMP = _gauge(
    _SELF + "checkpoint_timestamp_seconds", "Unix time of the last checkpoint on disk.", live=True
)
CHECKPOINT_DURATION = _gauge(_SELF + "checkpoint_duration_seconds", "Seconds that the last checkpoint took.", live=True)
DISK_USED = _gauge(_SELF + "disk_used_ratio", "Share of the disk of the state directory that is in use.", live=True)
THRESHOLDS_VALID = _gauge(
    _SELF + "thresholds_valid", "1 while the file of thresholds can be used, 0 while older values hold.", live=True
)
THRESHOLDS_REFUSED = _counter(
    _SELF + "thresholds_refused_total",
    "Times that the file of thresholds had changed and could not be used.",
    live=True,
)
SERIES = _gauge(_SELF + "series", "Series that a family holds.", "family", live=True)
SERIES_BUDGET = _gauge(_SELF + "series_budget", "Series that a family may hold.", "family", live=True)

FAMILIES: Mapping[str, Family] = dict(_catalogue.families)
"""Every family by name, in the order in which they are exposed."""

FOLDED: tuple[Family, ...] = tuple(family for family in FAMILIES.values() if not family.live)
