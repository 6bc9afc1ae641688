"""Loopback stand-ins of outside systems, for tests and `make run`; nothing but the CLI and tests may import them."""
