"""Each figure that the project promises, measured against its named peer in one run."""
