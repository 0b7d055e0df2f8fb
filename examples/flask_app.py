"""An ML API on Flask: its requests, predictions and process are visible in Prometheus.

Needs `pip install . flask waitress`; `make install` brings them too.

    .venv/bin/python examples/flask_app.py 8002
    curl -X POST http://127.0.0.1:8002/predictions/result -d '{"features": [1, 2], "actual": 3.5}' \
        -H 'Content-Type: application/json'
"""

from __future__ import annotations

import os
import sys
from typing import Any

from flask import Flask, request
from waitress import serve

from exporter.client.predictions import Predictions
from exporter.client.process_gauges import ProcessGauges
from exporter.client.snapshots import Snapshots
from exporter.client.timeouts import TimeoutClient
from exporter.client.wsgi import WsgiMiddleware

SERVICE = "ml-api"


def create_app(client: TimeoutClient) -> Flask:
    """The application, which tells the client's exporter of each request and prediction."""
    app = Flask(SERVICE)
    predictions = Predictions(client, SERVICE)

    @app.post("/predictions/<model>")
    def predict(model: str) -> dict[str, Any]:
        given = request.get_json()
        predicted = float(sum(given["features"]))
        predictions.record_prediction(model, predicted, given.get("actual"), confidence=0.9, baseline_mae=1.0)
        return {"predicted": predicted, "quality": predictions.quality(model)._asdict()}

    @app.get("/models/<model>")
    def model(model: str) -> dict[str, Any]:
        return {"model": model, "quality": predictions.quality(model)._asdict()}

    middleware = WsgiMiddleware(app.wsgi_app, client, SERVICE)
    app.wsgi_app = middleware  # type: ignore[method-assign]
    Snapshots(client, middleware.in_flight, ProcessGauges(SERVICE))
    return app


if __name__ == "__main__":
    exporter = os.environ.get("EXAI_EXPORTER_URL", "http://127.0.0.1:9464")
    serve(create_app(TimeoutClient(exporter)), host="127.0.0.1", port=int(sys.argv[1]))
