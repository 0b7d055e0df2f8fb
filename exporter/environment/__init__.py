"""The environment variables of a command: those of the shell, and below them those of `.env`."""
