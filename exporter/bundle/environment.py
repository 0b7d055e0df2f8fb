"""The environment that the bundle is configured by, and the part of it that its programs see."""

from __future__ import annotations

import os
from collections.abc import Mapping

from exporter.alerts.channels import NOTIFY
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.layout import Layout
from exporter.environment.load import CHOICE as ENV_FILE
from exporter.shipped_files import checkout

_PROVIDERS_KEY = "MOONSHOT_API_KEY"
_OF_MESSAGES = frozenset({"EXAI_WATCHDOG_URL", "EXAI_WATCHDOG_URL_FILE", NOTIFY})
"""Read when Alertmanager's configuration is rendered, by no program: a change of them restarts none."""

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
AMBIENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", *_PROXIES)
"""What every program needs of the caller's shell, and what is no reason to restart one when it changes."""


def read() -> dict[str, str]:
    """Return the environment of a command that needs a checkout.

    Raises:
        NeedsCheckoutError: the program runs from an installed package.
    """
    checkout()
    return dict(os.environ)


def settings(env: Mapping[str, str], endpoints: Endpoints, layout: Layout) -> dict[str, str]:
    """What the bundle's programs are told; the receivers' secrets are not among it."""
    wanted = {key for key in env if key.startswith("EXAI_") or key == _PROVIDERS_KEY} - _OF_MESSAGES
    ours = {key: env[key] for key in wanted}
    return {
        **ours,
        # After a crash supervisord restarts them with the settings of the last `up`, even if `.env` has changed.
        ENV_FILE: os.devnull,
        "EXAI_LISTEN": str(endpoints.exporter),
        "EXAI_STATE_DIR": str(layout.state),
        "EXAI_EXTERNAL_URL": env.get("EXAI_EXTERNAL_URL") or endpoints.exporter.url,
        "EXAI_ALERTMANAGER_URL": env.get("EXAI_ALERTMANAGER_URL") or endpoints.alertmanager.url,
        "GRAFANA_URL": env.get("GRAFANA_URL") or endpoints.grafana.url,
        "ALERTMANAGER_URL": env.get("ALERTMANAGER_URL") or endpoints.alertmanager.url,
    }


def ambient(env: Mapping[str, str]) -> dict[str, str]:
    """The caller's shell, as far as the programs need it."""
    return {key: env[key] for key in AMBIENT if key in env}
