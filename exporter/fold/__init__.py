"""Events into state, and state onto disk."""
