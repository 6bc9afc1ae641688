"""What an attack has found, and that stays mended: a number where a key is asked for, a code for who shows a number."""

from __future__ import annotations

from ivr.phone import wire
from tests.attacks import Caller, Door, ask_for_password, customers, line_number, mobile, passwords_of, type_password
from tests.line import TOKEN, Line


def test_a_number_typed_where_a_key_is_asked_for_is_not_kept(line: Line) -> None:
    """The watch of tests/conftest.py looks: `turns.event` holds « key 0199000057 »."""
    door = Door(line, 2)
    caller = Caller(door, 1, "+33639980001")
    caller.dial()
    caller.press("0199000057")
    door.close()


def test_who_shows_the_mobile_of_a_cut_call_gets_no_code(line: Line) -> None:
    """The customer proves himself and is cut; two minutes later somebody shows his number, and knows nothing."""
    customers(line, 1)
    line.give_codes("471803925604")
    door = Door(line, 2)
    owner = Caller(door, 1, mobile(0))
    assert ask_for_password(owner, line_number(0))
    line.clock.advance(10)
    assert type_password(owner, passwords_of(line)[mobile(0)]) == "verified"
    ended = {**owner._form, "CallStatus": "completed"}
    assert wire.send(wire.request("POST", f"{line.url}/voice/status", ended, TOKEN)).status == 204
    line.clock.advance(120)
    thief = Caller(door, 2, mobile(0))
    thief.dial()
    for keys in ("1", "1", "1", "2", "203*0*113*7", "1"):  # go on, a code, this line, type the address, it is right
        line.clock.advance(3)
        thief.press(keys)
        if 'timeout="1"' in thief.said:  # the line works on it
            thief.silence()
    door.close()
    assert not thief.hears("creation.pret")
