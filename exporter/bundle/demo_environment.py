"""The environment of the demo: that of the real bundle, without whatever leads to real servers, files and people."""

from __future__ import annotations

from collections.abc import Mapping

from exporter.alerts.channels import NOTIFY, SECRETS
from exporter.bundle import environment_label, postgres
from exporter.bundle.layout import Layout
from exporter.settings import DEMO

PROJECT = "exai-demo"
"""The demo's Compose project."""

PROJECT_VARIABLE = "COMPOSE_PROJECT_NAME"

_REAL_SERVERS = (
    "EXAI_REDIS_URL", "EXAI_DATABASE_URL", "EXAI_ALERTMANAGER_URL", "EXAI_ALERTS_URL", "GRAFANA_POSTGRES_URL",
    "GRAFANA_POSTGRES_DATABASE", "GRAFANA_POSTGRES_USER", "GRAFANA_POSTGRES_SSLMODE", "GRAFANA_POSTGRES_PASSWORD",
)  # fmt: skip
_REAL_FILES = ("EXAI_CONFIG", "EXAI_TOKEN_FILE", "EXAI_ADMIN_TOKEN_FILE", "EXAI_ALERTS_TOKEN_FILE")
"""The settings, which may name servers in turn, and the tokens. Thresholds, prices and objectives stay the user's."""

_COSTS_MONEY = ("MOONSHOT_API_KEY",)
_PEOPLE = ("EXAI_ALERT_FILE", *SECRETS, *(f"{secret}_FILE" for secret in SECRETS))


def demo_environment(env: Mapping[str, str], *, notify: bool = False) -> dict[str, str]:
    """Return the environment that the demo's bundle is made from.

    A variable is set to nothing and not left out: Compose and the programs read `.env` too, and only a variable that
    is set takes precedence over it. Without `notify`, nobody is told of the demo's alerts.
    """
    cleared = (*_REAL_SERVERS, *_REAL_FILES, *_COSTS_MONEY, *(() if notify else _PEOPLE))
    return {
        **env,
        **dict.fromkeys(cleared, ""),
        NOTIFY: "true" if notify else "false",
        environment_label.VARIABLE: DEMO,
        "EXAI_STATE_DIR": str(Layout.from_environment(env).demo.state),
        postgres.CHOICE: "native",
        PROJECT_VARIABLE: PROJECT,
    }


def is_demo(env: Mapping[str, str]) -> bool:
    """Whether a bundle with this environment is the demo."""
    return env.get(PROJECT_VARIABLE) == PROJECT and env.get(environment_label.VARIABLE) == DEMO
