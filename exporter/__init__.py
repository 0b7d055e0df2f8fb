"""LLM-gateway events in, durable Prometheus series out."""

__version__ = "0.2.0"
