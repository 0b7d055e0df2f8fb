"""Bundle health: can what the other boards show be trusted, and is there room for more?"""

from grafana.boards.bundle_health import exporter, now, stores, watchers
from grafana.panels import dashboard, layout

BOARD = dashboard(
    "exai-bundle-health",
    "Bundle health",
    "Who watches the watchers: the exporter, Prometheus, Alertmanager, the stores of the gateway and the machine.",
    layout(*now.lines(), *exporter.lines(), *watchers.lines(), *stores.lines()),
    [],
)
