"""One table of a TOML chapter, read key by key: every wrong type, missing key and unknown key becomes a mistake.

Reading goes on after a mistake, with a harmless value in its place, so that one run tells them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ivr.flow.mistakes import Mistake, did_you_mean


class Table:
    """A table being read; `mistakes` collects what is wrong with it, whoever asks."""

    def __init__(self, file: str, name: str, data: Mapping[str, Any], mistakes: list[Mistake]) -> None:
        self.file, self.name, self._data, self._mistakes = file, name, data, mistakes
        self._asked: set[str] = set()

    def wrong(self, problem: str) -> None:
        """Note a mistake of this table."""
        self._mistakes.append(Mistake(self.file, self.name, problem))

    def has(self, key: str) -> bool:
        """Whether the key is written."""
        self._asked.add(key)
        return key in self._data

    def raw(self, key: str) -> Any:
        """The value as TOML gave it, or None."""
        self._asked.add(key)
        return self._data.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """A string; without a default it must be there."""
        return str(self._value(key, default, str, "a text in quotes", ""))

    def flag(self, key: str) -> bool:
        """True or false; false when it is not written."""
        return bool(self._value(key, False, bool, "true or false", False))

    def number(self, key: str, default: float | None = None, *, low: float = 0.0, high: float = 7200.0) -> float:
        """A number between the bounds; without a default it must be there."""
        value = self._value(key, default, (int, float), "a number", low)
        if isinstance(value, bool) or not low <= value <= high:
            self.wrong(f"{key} must be a number from {low:g} to {high:g}, not {self._data.get(key)!r}")
            return low
        return float(value)

    def words(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty when it is not written."""
        value = self._value(key, [], list, 'a list of texts, like ["F42"]', [])
        if not all(isinstance(item, str) for item in value):
            self.wrong(f'{key} must be a list of texts, like ["F42"], not {value!r}')
            return ()
        return tuple(value)

    def table(self, key: str) -> Table:
        """A table inside this one, empty when it is not written; its mistakes carry this table's name."""
        return Table(self.file, self.name, self._value(key, {}, dict, "a table", {}), self._mistakes)

    def tables(self, key: str) -> list[Table]:
        """A list of tables inside this one, empty when it is not written."""
        value = self._value(key, [], list, "a list of tables", [])
        for item in value:
            if not isinstance(item, dict):
                self.wrong(f"{key} must hold tables {{ … }}, not {item!r}")
        return [Table(self.file, self.name, item, self._mistakes) for item in value if isinstance(item, dict)]

    def items(self) -> list[tuple[str, Any]]:
        """Every key with its value, all of them asked for."""
        self._asked.update(self._data)
        return list(self._data.items())

    def close(self) -> None:
        """Note every key that nothing asked for."""
        for key in self._data.keys() - self._asked:
            self.wrong(f"there is no setting '{key}' here{did_you_mean(key, self._asked) or ': take it off'}")

    def _value(self, key: str, default: Any, kind: Any, expected: str, instead: Any) -> Any:
        self._asked.add(key)
        if key not in self._data:
            if default is None:
                self.wrong(f"{key} is missing: it must be {expected}")
                return instead
            return default
        if not isinstance(self._data[key], kind):
            self.wrong(f"{key} must be {expected}, not {self._data[key]!r}")
            return instead
        return self._data[key]
