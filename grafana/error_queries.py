"""What the boards ask Prometheus about errors: of connections by type, script and function, and of all others.

Errors are counted by type and script, operations by function and outcome. So a ratio of failed operations is there for
services and functions only; types and scripts have a share of the errors.
"""

from __future__ import annotations

from grafana.panels import Query
from grafana.queries import (
    MINUTE,
    MODEL,
    SERVICE,
    WINDOW,
    error_rate,
    error_ratio,
    errors,
    increase,
    operations,
    rate,
    share,
)
from grafana.threshold_queries import alert

ERROR_TYPES = 'label_values(exai_connection_errors_total{connection_type=~"$service"}, error_type)'
RATE_LIMIT = "(?i).*(429|rate_?limit|too_?many).*"
"""What SDKs call a refusal with 429."""
_REFUSAL = ',error_type="rate_limited"'

_CHOSEN = f'{SERVICE},error_type=~"$error_type"'
_FAILED = errors(_CHOSEN)


def _of_all(part: str, whole: str, by: str = "") -> str:
    """The share that `part` is of `whole`; 0 where there is no part."""
    return share(f"({rate(part, by)} or 0 * {rate(whole, by)})", rate(whole, by))


NOW = [
    Query(error_rate(SERVICE), "a second", instant=True, step=MINUTE),
    Query(error_ratio(SERVICE), "of operations", instant=True, step=MINUTE),
]

_GROUP = "connection_type, script, function, error_type"
_MOMENTS = f"timestamp({increase(_FAILED, _GROUP).replace('[$__range]', WINDOW)} > 0)[$__range:$__rate_interval]"
_FIRST, _LAST = (f"{which}_over_time({_MOMENTS})" for which in ("min", "max"))

LAST = [Query(f"time() - max({_LAST})", "ago", instant=True, step=MINUTE)]
KINDS = [Query(f"count({increase(_FAILED, _GROUP)} > 0)", "kinds", instant=True)]
GROUPS = [
    Query(f"{increase(_FAILED, _GROUP)} > 0", table=True),
    Query(f"1000 * {_FIRST}", table=True),
    Query(f"1000 * {_LAST}", table=True),
]

_EVENTS_BY_SCRIPT = rate(f'exai_connection_events_total{{{SERVICE},direction!="duration_recorded"}}', "script")
"""So that a script without errors is drawn with 0: operations do not tell scripts apart."""

RATE_BY_TYPE = [Query(rate(_FAILED, "error_type"), "{{error_type}}", step=MINUTE)]
RATE_BY_SCRIPT = [Query(f"{rate(_FAILED, 'script')} or 0 * {_EVENTS_BY_SCRIPT}", "{{script}}", step=MINUTE)]
RATE_BY_FUNCTION = [
    Query(f"{rate(_FAILED, 'function')} or 0 * {rate(operations(SERVICE), 'function')}", "{{function}}", step=MINUTE)
]


def _share_of_errors(by: str) -> list[Query]:
    whole = f"on () group_left () ({rate(_FAILED)} > 0)"
    return [Query(f"{rate(_FAILED, by)} / {whole}", f"{{{{{by}}}}}", step=MINUTE)]


SHARE_BY_TYPE, SHARE_BY_SCRIPT = map(_share_of_errors, ("error_type", "script"))
RATIO_BY_FUNCTION = [Query(error_ratio(SERVICE, "function"), "{{function}}", step=MINUTE)]
RATIO_BY_SERVICE = [Query(error_ratio(SERVICE, "connection_type"), "{{connection_type}}", step=MINUTE)]
RATIO_ALERT = [alert("connection_error_ratio", SERVICE)]

_CALLS = "gen_ai_client_operation_duration_seconds_count"
_FAILED_CALLS = f'{_CALLS}{{{MODEL},error_type!=""}}'
_ALL_CALLS, _REFUSED_CALLS = (f'{_CALLS}{{gen_ai_provider_name=~"$provider"{error}}}' for error in ("", _REFUSAL))

_PROVIDERS = 'connection_type=~"kimi|glm",connection_type=~"$provider"'
_ALL_EXCHANGES, _REFUSED = operations(_PROVIDERS, ".+"), errors(f'{_PROVIDERS},error_type=~"{RATE_LIMIT}"')


def _by_connection_type(calls: str) -> str:
    return f'label_replace({calls}, "connection_type", "$1", "gen_ai_provider_name", "(.*)")'


_REFUSED_CALLS_BY_TYPE = _by_connection_type(_of_all(_REFUSED_CALLS, _ALL_CALLS, "gen_ai_provider_name"))
RATE_LIMITED_NOW = [
    Query(
        f"{increase(_REFUSED_CALLS, '')} > 0 or {increase(_REFUSED, '')} > 0 or 0 * {increase(_ALL_CALLS, '')} "
        f"or 0 * {increase(_ALL_EXCHANGES, '')}",
        "calls",
        instant=True,
    ),
    Query(
        f"{_of_all(_REFUSED_CALLS, _ALL_CALLS)} > 0 or {_of_all(_REFUSED, _ALL_EXCHANGES)}",
        "of all",
        instant=True,
        step=MINUTE,
    ),
]
RATE_LIMITED = [
    Query(
        f"{_REFUSED_CALLS_BY_TYPE} > 0 or on (connection_type) {_of_all(_REFUSED, _ALL_EXCHANGES, 'connection_type')}",
        "{{connection_type}}",
        step=MINUTE,
    )
]

FAILED_CALLS = [
    Query(
        _of_all(_FAILED_CALLS, f"{_CALLS}{{{MODEL}}}", "gen_ai_request_model"), "{{gen_ai_request_model}}", step=MINUTE
    )
]

_TOOLS = "exai_requests_total"
_FAILED_TOOLS = f'{_TOOLS}{{status!="success"}}'
FAILED_TOOLS = [
    Query(f"{increase(_FAILED_TOOLS, '')} or 0 * {increase(_TOOLS, '')}", "requests", instant=True),
    Query(_of_all(_FAILED_TOOLS, _TOOLS), "of all", instant=True, step=MINUTE),
]

CACHE_ERRORS = [Query(rate("exai_cache_errors_total", "error_type"), "{{error_type}}", step=MINUTE)]

_HTTP, _ROUTE = "exai_http_requests_total", "service, route, method"
_BAD_HTTP = f'{_HTTP}{{status=~"[45].."}}'
HTTP_NOW = [
    Query(_of_all(f'{_HTTP}{{status=~"{status}"}}', _HTTP), name, instant=True, step=MINUTE)
    for status, name in {"5..": "5xx", "4..": "4xx"}.items()
]
HTTP_RATIO = [
    Query(_of_all(f'{_HTTP}{{status=~"{status}"}}', _HTTP, "service"), f"{{{{service}}}} {name}", step=MINUTE)
    for status, name in {"5..": "5xx", "4..": "4xx"}.items()
]
HTTP_ALERT = [alert("http_error_ratio")]
HTTP_ROUTES = [
    Query(f"{increase(_BAD_HTTP, f'{_ROUTE}, status')} > 0", table=True),
    Query(
        f"{increase(_BAD_HTTP, f'{_ROUTE}, status')} / on ({_ROUTE}) group_left () ({increase(_HTTP, _ROUTE)} > 0)",
        table=True,
    ),
]
