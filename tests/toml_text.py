"""TOML written from tables: as much of it as a script needs, for tests that change one in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def toml(table: Mapping[str, Any]) -> str:
    """The text of a file: plain values first, then its tables; what is inside them is written inline."""
    plain = [f"{_key(name)} = {_value(value)}" for name, value in table.items() if not isinstance(value, Mapping)]
    tables = [
        "\n".join([f"[{_key(name)}]", *(f"{_key(key)} = {_value(inner)}" for key, inner in value.items())])
        for name, value in table.items()
        if isinstance(value, Mapping)
    ]
    return "\n\n".join(["\n".join(plain), *tables]) + "\n"


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _value(value: object) -> str:
    match value:
        case Mapping():
            return f"{{ {', '.join(f'{_key(name)} = {_value(inner)}' for name, inner in value.items())} }}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)
