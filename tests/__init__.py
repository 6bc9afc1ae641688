"""The tests: calls through the front door first, then each room."""
