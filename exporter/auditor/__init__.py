"""Alerts as observations that people acknowledge."""
