"""Brings up, watches and ends the whole bundle: in containers where Docker answers, else natively."""
