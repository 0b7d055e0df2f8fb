"""Bytes into typed events or counted rejections."""
