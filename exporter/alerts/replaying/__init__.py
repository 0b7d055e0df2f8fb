"""Which alerts would have fired on a recorded day: the fold's series, put through promtool's test engine."""
