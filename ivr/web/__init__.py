"""The line on the web: `create_app()` wires everything once. Imported when asked for: pages are used without it too."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """`create_app`, and with it the whole line, at its first use."""
    if name != "create_app":
        raise AttributeError(f"ivr.web has no '{name}'")
    from ivr.web.app import create_app

    return create_app
