"""What a turn was answered with, as JSON text: names of steps and values of slots, never a word and never a secret."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Any

import orjson

from ivr.flow.engine import Action, Connect, Count, End, Listen, Poll, Speak, State, Tape, state_from
from ivr.store.vault import Vault, VaultError

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Speak, Listen, Count, Poll, Tape, Connect, End)}


def to_json(value: object) -> str:
    """JSON without blanks, the same text for the same value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def recipe_text(actions: tuple[Action, ...]) -> str:
    """The actions of an answer as text."""
    return to_json([[type(action).__name__, {k: getattr(action, k) for k in action.__slots__}] for action in actions])


def recipe_actions(text: str) -> tuple[Action, ...]:
    """The actions that `recipe_text` wrote."""
    return tuple(_KINDS[kind](**_frozen(values)) for kind, values in orjson.loads(text))


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    if "slots" in values:
        values["slots"] = tuple((name, value) for name, value in values["slots"])
    return values


def state_text(state: State, secrets: frozenset[str]) -> str:
    """The state as text; the values of secret slots are left out."""
    plain = state.as_dict()
    if secrets and "slots" in plain:
        plain["slots"] = [(name, value) for name, value in plain["slots"] if name not in secrets]
    return to_json(plain)


def state_read(text: str) -> State:
    """The state that `state_text` wrote."""
    return state_from(orjson.loads(text))


def sealed_text(vault: Vault, text: str, place: str) -> str:
    """The text as a column of text keeps it: slots hold what callers typed, numbers and addresses."""
    return b2a_base64(vault.sealed(text, place), newline=False).decode()


def opened_text(vault: Vault, kept: str, place: str) -> str:
    """The text that `sealed_text` kept. Raises VaultError when it does not open, ValueError when it is none."""
    return vault.opened(a2b_base64(kept), place)


def sealed_state(vault: Vault, call: str, state: State, secrets: frozenset[str]) -> str:
    """The state as it is kept: sealed, for this call alone, because slots hold what callers typed."""
    return sealed_text(vault, state_text(state, secrets), _place(call))


def opened_state(vault: Vault, call: str, kept: str) -> State | None:
    """The state that `sealed_state` kept; None when it does not open."""
    try:
        return state_read(opened_text(vault, kept, _place(call)))
    except (VaultError, ValueError, KeyError, TypeError):
        return None


def _place(call: str) -> str:
    return f"calls|state|{call}"
