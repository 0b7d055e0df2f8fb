"""Makes the rules that come of config/."""
