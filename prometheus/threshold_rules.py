"""The rules that resolve each threshold for each subject."""

from __future__ import annotations

from itertools import combinations
from string import Template

from exporter.thresholds.shipped import SCOPE, Shipped, Threshold

ENABLED = "subject:exai_threshold:enabled"
RATE = "subject:exai_threshold:rate"

_THRESHOLDS = Template("""\
# Made by prometheus/build.py of config/thresholds.yml.
groups:
  - name: exai-thresholds
    rules:
      # Operations a second of each subject that an override can name.
$rates
      # The value of the highest step of `per_rate` that the rate of the subject has passed.
      - record: $step
        expr: |
          max by ($key) (
            max by ($key, step) (last_over_time(exai_threshold_step[1m]))
              and topk by ($key) (
                1,
                max by ($key, step) (last_over_time(exai_threshold_step_rate[1m]))
                  < on ($key) group_left () $rate
              )
          )

      # Times 0/0, which is NaN, where a threshold is switched off: with that every comparison is false. A scrape that
      # is missed, as while the exporter restarts, ends no alert. Without a rate the value of `exai_threshold` holds.
      - record: $enabled
        expr: |
          (
            $step
              or max by ($key) (last_over_time(exai_threshold[1m]))
          )
            * max by ($key) (
              last_over_time(exai_threshold_enabled[1m]) / last_over_time(exai_threshold_enabled[1m])
            )

      # What holds for each subject: its own threshold, else the one of all. `>= 0` leaves out NaN.
$resolved
  - name: exai-thresholds-alerts
    rules:
      - alert: ExaiThresholdsMissing
        expr: |
          (
$absent
          ) and on () max(up{job="exai-exporter"}) == 1
        for: 1m
        labels:
          severity: critical
          category: reliability
          service: all
          provider: all
          model: all
        annotations:
          summary: The threshold {{ $$labels.name }} is missing
          description: The exporter does not send it, so the alerts that compare with it cannot fire.
          recommendation: Put the threshold back into its file; to silence its alerts, switch it off instead.
          dashboard: /d/exai-alerts
          runbook: /runbooks/ExaiThresholdsMissing
""")

_RATE = Template("""\
      - record: $rate
        labels: { name: $name }
        expr: |
$levels
""")

_RESOLVED = Template("""\
      - record: subject:exai_threshold:resolved
        labels: { name: $name }
        expr: |
          (
$levels
          ) >= 0
""")


def threshold_rules(shipped: Shipped) -> str:
    """The file that resolves the thresholds, and tells which are missing."""
    return _THRESHOLDS.substitute(
        enabled=ENABLED,
        rate=RATE,
        step="subject:exai_threshold_step:passed",
        key=", ".join(("name", *SCOPE)),
        rates="".join(_rate(name, shipped[name]) for name in shipped if shipped[name].rate),
        resolved="".join(_RESOLVED.substitute(name=name, levels=_levels(name, shipped[name])) for name in shipped),
        absent=" or\n".join(f'            absent({ENABLED}{{name="{name}"}})' for name in shipped),
    )


def _rate(name: str, threshold: Threshold) -> str:
    labelled = threshold.rate
    for label, theirs in threshold.scope.items():
        if theirs != label:
            labelled = f'label_replace({labelled}, "{label}", "$1", "{theirs}", "(.+)")'
    subjects = [subset for subset in _subsets(threshold) if subset]
    levels = "\n            or ".join(f"sum by ({', '.join(subject)}) ({labelled})" for subject in subjects)
    return _RATE.substitute(rate=RATE, name=name, levels=f"          {levels}")


def _levels(name: str, threshold: Threshold) -> str:
    """The most particular threshold of a subject first."""
    if not threshold.scope:
        return f"            max({_selected(name, ())})"
    return "\n            or\n".join(_level(name, threshold, subset) for subset in _subsets(threshold))


def _subsets(threshold: Threshold) -> list[tuple[str, ...]]:
    """Return the combinations of labels that an override may name, the most particular first."""
    labels = tuple(threshold.scope)
    return [subset for size in range(len(labels), -1, -1) for subset in reversed(list(combinations(labels, size)))]


def _level(name: str, threshold: Threshold, given: tuple[str, ...]) -> str:
    subject = f"group by ({', '.join(threshold.scope.values())}) ({threshold.series})"
    own = _selected(name, given)
    for label in given:
        theirs = threshold.scope[label]  # type: ignore[index]
        if theirs != label:
            own = f'label_replace({own}, "{theirs}", "$1", "{label}", "(.+)")'
    on = ", ".join(threshold.scope[label] for label in given)  # type: ignore[index]
    return f"            {subject}\n              * on ({on}) group_left () {own}"


def _selected(name: str, given: tuple[str, ...]) -> str:
    """The thresholds that name these labels and no others."""
    matchers = [f'{label}{"!=" if label in given else "="}""' for label in SCOPE]
    return f'{ENABLED}{{name="{name}", {", ".join(matchers)}}}'
