"""Put the name of the bundle's environment into Prometheus' files: on every target, and on every alert that is sent.

Recorded series need no such label, because each environment has a Prometheus of its own.
"""

from __future__ import annotations

import yaml

LABEL = "environment"
VARIABLE = "EXAI_ENVIRONMENT"


def on_alerts(configuration: str, environment: str) -> str:
    """Return a prometheus.yml with the environment among its external labels; unchanged without an environment."""
    if not environment:
        return configuration
    document = yaml.safe_load(configuration)
    document["global"]["external_labels"] = {LABEL: environment}
    return yaml.safe_dump(document, sort_keys=False)


def on_targets(groups: str, environment: str) -> str:
    """Return a file of scrape targets with the environment as a label; unchanged without an environment."""
    if not environment:
        return groups
    labelled = [{**group, "labels": {LABEL: environment}} for group in yaml.safe_load(groups)]
    return yaml.safe_dump(labelled, sort_keys=False)
