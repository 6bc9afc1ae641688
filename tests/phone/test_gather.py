"""Gather as Twilio plays it: twilio.com/docs/voice/twiml/gather, unless another address is given."""

import pytest

from ivr.phone import CallError, Heard, Phone

from .line import Line

TEN_WORDS = "un deux trois quatre cinq six sept huit neuf dix"
TEN_WORDS_LAST = round(10 * 60 / 165, 3)


def digits(line: Line, path: str = "/keyed") -> list[str | None]:
    return [form.get("Digits") for form in line.forms(path)]


def call(phone: Phone, line: Line, gather: str, after: str = "<Say>rien</Say>") -> None:
    """Dial, hear what is said, up to where the phone waits."""
    line.says("/voice", f"{gather}{after}")
    line.says("/keyed", "<Say>suite</Say>")
    phone.dial()
    while phone.hear():
        pass


def test_the_phone_waits_when_the_prompts_are_over(phone: Phone, line: Line) -> None:
    line.says("/voice", f'<Say>bonjour</Say><Gather action="/keyed"><Say>{TEN_WORDS}</Say></Gather>')
    phone.dial()
    assert phone.hear() == Heard("bonjour", 0.0, round(60 / 165, 3), 0.0)
    assert phone.hear() == Heard(TEN_WORDS, round(60 / 165, 3), TEN_WORDS_LAST, 0.0)
    assert phone.hear() is None
    assert phone.waits


# Example 1, scenario 1: without a key, the verbs below are next.
def test_no_key_falls_through(phone: Phone, line: Line) -> None:
    call(phone, line, '<Gather action="/keyed"/>')
    assert [heard.what for heard in phone.silence()] == ["rien"]
    assert phone.ended == "hangup"
    assert digits(line) == []


# timeout: counted once all nested verbs are over; 5 s by default.
def test_the_timeout_begins_after_the_prompts(phone: Phone, line: Line) -> None:
    call(phone, line, f'<Gather action="/keyed"><Say>{TEN_WORDS}</Say><Pause length="3"/></Gather>')
    (nothing,) = phone.silence()
    assert nothing.at == pytest.approx(TEN_WORDS_LAST + 3 + 5, abs=0.01)
    assert nothing.silence_before == pytest.approx(3 + 5, abs=0.01)


# timeout: once keys are pressed, it runs anew from each.
def test_between_keys_the_timeout_runs_anew(phone: Phone, line: Line) -> None:
    call(phone, line, '<Gather action="/keyed" timeout="4"/>')
    phone.wait(3)
    phone.press("1")
    phone.wait(3.9)
    phone.press("2")
    assert digits(line) == []
    phone.wait(3.9)
    assert digits(line) == []
    phone.wait(0.1)
    assert digits(line) == ["12"]


# A key stops the nested prompts, and gathering goes on.
def test_a_key_stops_the_prompts(phone: Phone, line: Line) -> None:
    line.says("/voice", f'<Gather action="/keyed" numDigits="2"><Say>{TEN_WORDS}</Say><Say>encore</Say></Gather>')
    line.says("/keyed", "<Say>suite</Say>")
    phone.dial()
    phone.wait(1)
    phone.press("1")
    assert phone.waits
    phone.press("2")
    assert phone.hear() == Heard("suite", 1.0, round(60 / 165, 3), 0.0)
    assert [entry.text for entry in phone.log if entry.kind == "cut"] == [TEN_WORDS]


def test_num_digits_ends_the_gather(phone: Phone, line: Line) -> None:
    call(phone, line, '<Gather action="/keyed" numDigits="4"/>')
    phone.press("00")
    phone.press("42")
    assert digits(line) == ["0042"]


# finishOnKey: `#` by default, and not part of Digits.
def test_the_finish_key_ends_the_gather_and_is_not_sent(phone: Phone, line: Line) -> None:
    call(phone, line, '<Gather action="/keyed"/>')
    phone.press("12#")
    assert digits(line) == ["12"]


def test_another_finish_key_leaves_the_hash_to_the_digits(phone: Phone, line: Line) -> None:
    call(phone, line, '<Gather action="/keyed" finishOnKey="*"/>')
    phone.press("1#*")
    assert digits(line) == ["1#"]


# finishOnKey="": every key is captured, and only numDigits or the timeout end it.
def test_no_finish_key_captures_every_key(phone: Phone, line: Line) -> None:
    call(phone, line, '<Gather action="/keyed" finishOnKey="" timeout="2"/>')
    phone.press("#*1")
    assert digits(line) == []
    phone.silence()
    assert digits(line) == ["#*1"]


def test_the_finish_key_alone_falls_through(phone: Phone, line: Line) -> None:
    call(phone, line, '<Gather action="/keyed" numDigits="1"/>')
    phone.press("#")
    assert digits(line) == []
    heard = phone.hear()
    assert heard is not None
    assert heard.what == "rien"


# actionOnEmptyResult="true": the action is asked even so. The name of the empty result is not documented: none is sent.
@pytest.mark.parametrize("pressed", ["#", ""])
def test_an_empty_result_can_reach_the_action(phone: Phone, line: Line, pressed: str) -> None:
    call(phone, line, '<Gather action="/keyed" actionOnEmptyResult="true"/>')
    if pressed:
        phone.press(pressed)
    else:
        phone.silence()
    assert digits(line) == [None]


# action: the current document's address by default, which is not always the number's.
def test_the_action_defaults_to_the_current_document(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Redirect>menu?a=1</Redirect>")
    line.says("/menu", "<Gather><Say>tapez</Say></Gather>", "<Hangup/>")
    phone.dial()
    phone.hear()
    phone.press("7#")
    assert digits(line, "/menu") == [None, "7"]
    assert [request.query for request in line.received] == ["", "a=1", "a=1"]


# method="GET": the form is in the query.
def test_a_get_action_carries_the_form_in_its_query(phone: Phone, line: Line) -> None:
    call(phone, line, '<Gather action="/keyed?a=1" method="GET" numDigits="1"/>')
    phone.press("5")
    asked = line.received[-1]
    assert (asked.method, asked.body) == ("GET", b"")
    assert asked.query.startswith("a=1&CallSid=CA")
    assert asked.form["Digits"] == "5"


# Type-ahead is not documented: keys after the one that ended the Gather, or that come before it, are dropped.
def test_keys_that_no_gather_takes_are_dropped(phone: Phone, line: Line) -> None:
    line.says("/voice", f'<Say>{TEN_WORDS}</Say><Gather action="/keyed" numDigits="1"/>')
    line.says("/keyed", '<Gather action="/keyed" numDigits="1"/>')
    phone.dial()
    phone.press("9")
    assert phone.dropped_keys == "9"
    phone.hear()
    phone.press("12")
    assert phone.dropped_keys == "92"
    assert digits(line) == ["1"]


def test_a_key_right_after_the_last_word_reaches_the_next_documents_gather(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Say>tapez</Say><Redirect>/menu</Redirect>")
    line.says("/menu", '<Gather action="/keyed" numDigits="1"/>')
    line.says("/keyed", "<Hangup/>")
    phone.dial()
    phone.hear()
    phone.press("1")
    assert digits(line) == ["1"]


# input: keys are not gathered where only speech is.
def test_a_gather_of_speech_takes_no_keys(phone: Phone, line: Line) -> None:
    call(phone, line, '<Gather action="/keyed" input="speech"/>')
    phone.press("1")
    assert phone.dropped_keys == "1"


def test_silence_ends_at_the_next_gather_of_the_same_document(phone: Phone, line: Line) -> None:
    call(phone, line, "<Gather/>", "<Say>encore</Say><Gather/><Say>rien</Say>")
    assert [heard.what for heard in phone.silence()] == ["encore"]
    assert phone.waits
    assert [heard.what for heard in phone.silence()] == ["rien"]


def test_hear_out_stops_where_a_gather_that_spoke_falls_silent(phone: Phone, line: Line) -> None:
    line.says(
        "/voice", "<Say>un</Say><Gather><Pause/><Say>deux</Say><Say>trois</Say><Pause/><Say>quatre</Say></Gather>"
    )
    phone.dial()
    assert [heard.what for heard in phone.hear_out()] == ["un", "deux", "trois"]
    assert phone.coming() is None
    assert phone.coming(1.1) == "quatre"


def test_only_keys_are_pressed(phone: Phone, line: Line) -> None:
    call(phone, line, "<Gather/>")
    for keys in ("", "1a", "A"):
        with pytest.raises(ValueError, match="not to be pressed"):
            phone.press(keys)


def test_a_key_after_the_end_fails(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Hangup/>")
    phone.dial()
    with pytest.raises(CallError, match="key 1 comes after the end of the call"):
        phone.press("1")
