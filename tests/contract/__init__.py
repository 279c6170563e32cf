"""One suite for each port, run on every implementation that there is."""
