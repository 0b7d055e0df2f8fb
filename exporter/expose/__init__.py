"""State into what Prometheus and people read."""
