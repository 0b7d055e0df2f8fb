"""What the boards ask Prometheus, apart from how it is drawn.

A ratio that may lack its numerator is added `or 0 * …` of a series that is there while the exporter
answers: so a true zero reads 0, and an exporter that is away reads "No data", never "all is well".
"""

from __future__ import annotations

from grafana.panels import Query

WINDOW = "[$__rate_interval]"
MINUTE = "15s"
"""The step that makes `$__rate_interval` one minute, for what happens rarely."""

SERVICE = 'connection_type=~"$service"'
MODEL = 'gen_ai_provider_name=~"$provider",gen_ai_request_model=~"$model"'
SERVICE_NAMES = "label_values(exai_connection_events_total, connection_type)"
PROVIDER_NAMES = "label_values(gen_ai_client_operation_duration_seconds_count, gen_ai_provider_name)"
PROVIDERS_OF_SERVICES = (
    'label_values(gen_ai_client_operation_duration_seconds_count{gen_ai_provider_name=~"$service"}, '
    "gen_ai_provider_name)"
)
"""A provider is a service too; where none is chosen there is none to choose, and All shows all."""
MODEL_NAMES = (
    'label_values(gen_ai_client_operation_duration_seconds_count{gen_ai_provider_name=~"$provider"}, '
    "gen_ai_request_model)"
)
MODELS_OF_SERVICES = MODEL_NAMES.replace("{", '{gen_ai_provider_name=~"$service", ')
"""The provider says nothing while it is All, so that the services are asked too."""
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def operations(where: str, outcome: str = "ok|error") -> str:
    """The selector of operations with such an outcome; refused ones are in no ratio."""
    return f'exai_connection_operations_total{{{where},outcome=~"{outcome}"}}'


def errors(where: str) -> str:
    """The selector of errors by their type and script, without those of recorded durations."""
    return f'exai_connection_errors_total{{{where},function!="record_duration"}}'


def rate(selector: str, by: str = "") -> str:
    """How many a second, added up, by the given labels."""
    return f"sum{_by(by)}(rate({selector}{WINDOW}))"


def increase(selector: str, by: str) -> str:
    """How many in the board's time range, by the given labels."""
    return f"sum{_by(by)}(increase({selector}[$__range]))"


def error_rate(where: str, by: str = "") -> str:
    """Failed operations a second; 0 where there are operations and none failed."""
    return f"({rate(operations(where, 'error'), by)} or 0 * {rate(operations(where), by)})"


def error_ratio(where: str, by: str = "") -> str:
    """Failed operations over those that succeeded or failed, 0 to 1; nothing without any."""
    return share(error_rate(where, by), rate(operations(where), by))


def share(part: str, whole: str) -> str:
    """The one over the other; nothing where the whole is 0: cards paint 0/0, which is NaN, as if it were good."""
    return f"{part} / ({whole} > 0)"


def quantile(quantile: float, buckets: str, by: str = "") -> str:
    """The seconds within which this share of the observations lay; nothing without any."""
    labels = f"le, {by}" if by else "le"
    return quantile_of(quantile, rate(buckets, labels))


def quantile_of(quantile: float, counted: str) -> str:
    """The quantile of counted buckets; `>= 0` leaves out NaN, which is the quantile of nothing."""
    return f"(histogram_quantile({quantile}, {counted}) >= 0)"


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""


MODEL_BAND = 'provider=~"$provider", model=~"$model"'
_CALLS = f"gen_ai_client_operation_duration_seconds_bucket{{{MODEL}}}"
MODEL_LATENCY_BY_MODEL = [
    Query(quantile(0.95, _CALLS, "gen_ai_request_model"), "{{gen_ai_request_model}}", step=MINUTE)
]
WHOLE_TOKENS = 'gen_ai_token_type!~"(input|output)_.+"'
"""The types of token that add up to all tokens; the others are parts of these."""
TOKENS = [
    Query(
        rate(f"gen_ai_client_token_usage_sum{{{MODEL},{WHOLE_TOKENS}}}", "gen_ai_token_type"),
        "{{gen_ai_token_type}}",
        step=MINUTE,
    )
]
