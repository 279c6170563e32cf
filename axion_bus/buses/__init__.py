"""Adapters of message buses: they implement ``ports.Bus`` and ``ports.Publisher``, and know nothing of what a message means."""
