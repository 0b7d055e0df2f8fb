"""Writes the pages of docs/ that describe code, from that code; --check fails on drift."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from docs.gauge_page import gauge_page
from exporter.conventions import FAMILIES, LABEL_VALUE_BUDGETS, OUTCOME_LABELS, Family
from exporter.settings import ENVIRONMENT, Settings
from exporter.timeout_settings import ModelTimeouts, TimeoutSettings

HERE = Path(__file__).resolve().parent
_MADE = "<!-- Made by docs/build.py; change the code that it describes. -->"


def metrics_page() -> str:
    """The catalogue as a page."""
    rows = "\n".join(_metric_row(family) for family in FAMILIES.values())
    limits = ", ".join(f"`{label}` {most}" for label, most in LABEL_VALUE_BUDGETS.items())
    outcomes = ", ".join(f"`{label}`" for label in sorted(OUTCOME_LABELS))
    return f"""{_MADE}
# Series

Every series that the exporter serves on `/metrics`. Counters end in `_total` and survive a crash; times are
seconds, sizes bytes, ratios 0 to 1. A histogram has the series `_bucket`, `_count` and `_sum`.

A family keeps its budget of label sets apart; past it a value becomes `other`, which
`exai_exporter_series_overflow_total` counts. In labels that decide an outcome ({outcomes}) it becomes
`unknown`, and an empty value stays empty. `exai_exporter_series` and `…_series_budget` count series, so a
histogram's label set counts once for each of its buckets, and two (or three, with +Inf) more. Budgets are set by
`budgets` (settings.md). Some labels have a budget of values of their own: {limits}.

A value that is not 1 to 128 printable characters becomes `invalid`; one that the event leaves out, `unknown`.
Every kind of space is printable; control characters, line breaks and invisible format characters such as U+202E and
U+200B are not, except the joiners U+200C and U+200D.

## When a series was made

In OpenMetrics each counter and histogram that counts events has a sample `<name>_created`: the Unix time at which
the batch arrived that made the series. It is kept through restarts. With it, Prometheus 3 counts the first increase of
a series, such as the first error of a function, which Prometheus otherwise drops because it has no sample before it.
Compose and the native bundle set the flag for that, `--enable-feature=created-timestamp-zero-ingestion`. Prometheus
2.42 does not know the flag, logs a warning and counts as before.

A series has no `_created` if its time is unknown: if it came with the history of a first contact, from the state of
exporter 0.1, or from a running total that the gateway counts itself (`exai_semaphore_leaks_total` and the totals of
`exai_websocket_*`). A time that lies in the future, because the clock was wrong, is removed.

Servers that do not read `_created` (Prometheus 2, Prometheus 3 without the flag, VictoriaMetrics) would store it as a
series of its own. The shipped scrape job drops it. Copy this rule if you scrape with a configuration of your own:

```yaml
metric_relabel_configs:
  - {{ source_labels: [__name__], regex: .+_created, action: drop }}
```

Keep the clocks of the exporter and of Prometheus within a scrape interval of each other. A time that lies in the future
for Prometheus is stored once it has passed, and what the series has counted until then counts twice.

Leave `scrape_protocols` at its default where you set the flag. Prometheus 3 looks for `_created` anew from every
sample to the end of the family, so a family of some hundred series without it takes longer than a scrape may. With
the default the exporter recognises such a server, because it prefers protobuf, and writes `_created` 0 for an unknown
time, which Prometheus ignores.

## Families

| family | type | labels | budget | one unit of it |
| --- | --- | --- | --- | --- |
{rows}
"""


def _metric_row(family: Family) -> str:
    labels = ", ".join(family.labels) or "none"
    budget = "none" if family.live else str(family.budget)
    kind = f"{family.kind}, with exemplars" if family.exemplars else str(family.kind)
    return f"| `{family.name}` | {kind} | {labels} | {budget} | {family.help} |"


def settings_page() -> str:
    """Every setting as a page."""
    rows = "\n".join(_setting_rows(Settings, ""))
    return f"""{_MADE}
# Settings

They are read once, at the start: first the YAML file that `EXAI_CONFIG` names, if any, then the environment, which
wins: the variables of the shell, and below them those of `.env` ([environment.md](environment.md)). An unknown key,
a wrong type or a value out of range is an error that names it; `exai-exporter check-config` says what the settings come
to.

| key | environment | default | meaning |
| --- | --- | --- | --- |
{rows}
"""


def _setting_rows(group: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    meanings = _field_docs(group)
    for field in msgspec.structs.fields(group):
        key = prefix + field.name
        if isinstance(field.default, msgspec.Struct):
            yield from _setting_rows(type(field.default), key + ".")
            continue
        variables = [variable for variable, name in ENVIRONMENT.items() if name == key]
        default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        shown = f"`{default}`" if default not in ("", (), {}, None) else "none"
        environment = f"`{variables[0]}`" if variables else "none"
        yield f"| `{key}` | {environment} | {shown} | {meanings[field.name]} |"
    if group is TimeoutSettings:
        yield from _setting_rows(ModelTimeouts, f"{prefix}models.<model>.")


def _field_docs(group: type[msgspec.Struct]) -> dict[str, str]:
    """The string under each field, as the source has it."""
    module = ast.parse(inspect.getsource(sys.modules[group.__module__]))
    body = next(node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == group.__name__)
    found: dict[str, str] = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return found


PAGES = {"metrics.md": metrics_page, "settings.md": settings_page, "gauges.md": lambda: gauge_page(_MADE)}


def drifted() -> list[str]:
    """The pages whose text on disk is not what the code says."""
    return [
        name
        for name, page in PAGES.items()
        if not (HERE / name).exists() or (HERE / name).read_text(encoding="utf-8") != page()
    ]


def main(arguments: list[str]) -> int:
    """Writes the pages, or with --check names those that have drifted."""
    if arguments == ["--check"]:
        for name in drifted():
            sys.stderr.write(f"docs/{name} has drifted: run python docs/build.py\n")
        return 1 if drifted() else 0
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
