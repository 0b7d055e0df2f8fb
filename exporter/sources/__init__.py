"""Where events come from: one file each, one protocol."""
