"""Grafana's boards as code: `queries` ask, `panels` draw, `boards` say where what stands."""
