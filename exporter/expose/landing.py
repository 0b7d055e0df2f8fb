"""The page at /."""

from __future__ import annotations

from exporter import __version__

_LINKS = (
    ("/metrics", "what Prometheus scrapes"),
    ("/healthz", "whether the process lives"),
    ("/readyz", "whether the state is read back, and which sources are up, empty or down"),
)

LANDING_PAGE = (
    "<!doctype html><html lang='en'><meta charset='utf-8'><title>EXAI exporter</title>"
    "<style>body{font:16px system-ui;margin:4em auto;max-width:40em;color-scheme:light dark}</style>"
    f"<h1>EXAI exporter {__version__}</h1><p>LLM-gateway events in, durable Prometheus series out.</p><ul>"
    + "".join(f"<li><a href='{path}'>{path}</a>: {meaning}</li>" for path, meaning in _LINKS)
    + "<li><code>POST /api/v1/events</code>: where events are pushed</li></ul></html>"
)
