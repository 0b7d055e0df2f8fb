"""Follows the events of a running exporter: `exai-exporter tail` and `exai-exporter record`."""
