"""Alerts on their way to people."""
