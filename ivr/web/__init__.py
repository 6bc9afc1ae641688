"""The line on the web: `create_app()` wires everything once."""

from ivr.web.app import create_app

__all__ = ["create_app"]
