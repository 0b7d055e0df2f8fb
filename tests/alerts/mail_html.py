"""The mail about one alert as HTML, rendered by amtool from the shipped templates."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter.alerts.notifications import CONFIG_DIR, render, write
from tests.servers import binary

_BODY = '{{ template "exai.email.html" . }}'
_GROUPED_BY = ("alertname", "service", "provider", "model")


def mail_html(alert: Mapping[str, Any], links: Mapping[str, str], directory: Path) -> str:
    """Render an alert, given as Alertmanager's API returns it; `directory` is for the rendered templates."""
    write(render(CONFIG_DIR, links), directory)
    labels, annotations = alert["labels"], alert["annotations"]
    one = {"status": "firing", "labels": labels, "annotations": annotations, "startsAt": alert["startsAt"]}
    data = {
        "status": "firing",
        "alerts": [one],
        "groupLabels": {name: labels[name] for name in _GROUPED_BY},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": links["ALERTMANAGER_URL"],
    }
    (directory / "data.json").write_text(json.dumps(data))
    templates = f"--template.glob={directory}/templates/*.tmpl"
    options = (templates, "--template.type=html", f"--template.text={_BODY}", f"--template.data={directory}/data.json")
    command = (binary("amtool"), "template", "render", *options)
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
