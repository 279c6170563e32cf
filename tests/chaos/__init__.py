"""Faults injected into real processes; what the promises of the daemon are worth is checked afterwards, row by row."""
