"""A simulated gateway, so that every series, board and alert can be seen without a real one."""
