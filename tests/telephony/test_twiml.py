"""TwiML: what is written is what the carrier is told, whatever the text holds."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.engine import Connect, Count, End, Listen, Poll, Speak, Tape
from ivr.flow.model import Flow, Hold
from ivr.flow.script import load
from ivr.speech.clips import countdown, take, tick
from ivr.speech.lexicon import Lexicon
from ivr.speech.shelf import Filed, Shelf
from ivr.speech.voices import preferred
from ivr.telephony.twiml import MOST_BYTES, apology, dial, element, interrupted, notice, prefaced, whisper, xml_text
from tests.flow.test_script import SMALL
from tests.line import our_flow, renderer
from tests.twiml_schema import complaints

PETIT = load(SMALL)
ADDRESS = "/voice/3/0123456789abcdef/"


def answer(*actions: object, flow: Flow = PETIT) -> ET.Element:
    """The answer's XML, after the schema has accepted it."""
    document = renderer(flow).answer(actions, ADDRESS, first=False)  # type: ignore[arg-type]
    assert complaints(document) == []
    return ET.fromstring(document)  # noqa: S314 - our own answer


def test_a_menu_listens_for_one_key_over_all_its_words_and_silence_comes_back() -> None:
    root = answer(Speak("essai.bonjour"), Speak("essai.menu"), Listen("essai.menu"))
    gather, redirect = root
    assert gather.attrib == {
        "action": f"{ADDRESS}key",
        "finishOnKey": "",
        "input": "dtmf",
        "method": "POST",
        "numDigits": "1",
        "timeout": "7",
    }
    assert (redirect.tag, redirect.text, redirect.attrib) == ("Redirect", f"{ADDRESS}silence", {"method": "POST"})
    words = "".join(gather.itertext())
    assert words.startswith("Bonjour.")
    assert words.endswith("tapez 4.")


def test_options_are_half_a_second_apart_and_an_answer_begins_with_as_much() -> None:
    say = answer(Speak("essai.relire", slots=(("ligne", "0199000007"),)), Listen("essai.relire"))[0][0]
    gaps = [pause.attrib["time"] for pause in say]
    assert gaps == ["500ms", *["300ms"] * 4, "500ms", "500ms"]
    assert ": Zéro un.Quatre-vingt-dix-neuf.Zéro zéro.Zéro zéro.Zéro sept.Si c’est exact" in "".join(say.itertext())


def test_whole_seconds_of_silence_are_a_pause() -> None:
    root = answer(Count("essai.compter"))
    assert [(verb.tag, verb.attrib.get("length")) for verb in root[0] if verb.tag == "Pause"] == [
        ("Pause", "2"),
        ("Pause", "5"),
        ("Pause", "4"),
    ]
    assert root[0].attrib["timeout"] == "1"


def test_a_count_that_was_disturbed_goes_on_with_the_cues_that_are_left() -> None:
    words = "".join(answer(Count("essai.compter", start=2 + 5 * 60 / 165 + 6.0)).itertext())
    assert "Cinq." not in words
    assert "Relâchez." in words


def test_an_entry_waits_for_its_first_key_and_then_between_keys() -> None:
    gather = answer(Speak("essai.ligne"), Listen("essai.ligne", keys=10))[0]
    assert (gather.attrib["numDigits"], gather.attrib["finishOnKey"], gather.attrib["timeout"]) == ("10", "#", "4")
    assert gather[-1].attrib == {"length": "6"}


def test_slow_speech_is_slower_and_its_silences_longer() -> None:
    say = answer(Speak("essai.menu", slow=True), Listen("essai.menu", slow=True))[0][0]
    assert say[0].attrib == {"rate": "85%"}
    assert [pause.attrib["time"] for pause in say[0]] == ["500ms", "750ms", "750ms", "750ms"]


def test_recording_ringing_polling_and_hanging_up() -> None:
    record = answer(Speak("essai.message"), Tape("essai.message"))[-1]
    assert (record.tag, record.attrib["maxLength"], record.attrib["action"]) == ("Record", "90", f"{ADDRESS}recorded")
    dial = answer(Connect("essai.personne"))[-1]
    assert (dial.attrib["callerId"], dial[0].text) == ("+33199000000", "+33199000001")
    assert [verb.tag for verb in answer(Poll("essai.chercher", 1.0))] == ["Gather", "Redirect"]
    assert answer(Speak("essai.fini"), End("solved"))[-1].tag == "Hangup"


def test_clips_are_played_with_their_silences_and_missing_ones_are_said() -> None:
    one = take("Au revoir.", Lexicon({}), preferred("kokoro")[0]).name
    shelf = Shelf({one: Filed(Path(one), "", 1.0)})
    document = renderer(PETIT, shelf).answer((Speak("essai.fini"), End("solved")), ADDRESS, first=False)
    assert complaints(document) == []
    root = ET.fromstring(document)  # noqa: S314 - our own answer
    where = "https://ligne.example.com/audio/"
    assert [(verb.tag, verb.text) for verb in root] == [
        ("Play", f"{where}silence-500.wav"),
        ("Play", f"{where}{one}"),
        ("Hangup", None),
    ]


def test_a_hold_is_one_clip_from_the_second_where_it_was() -> None:
    step = PETIT.steps["essai.compter"]
    assert isinstance(step, Hold)
    name = countdown(step, Lexicon({}), preferred("kokoro")[0]).name
    shelf = Shelf({name: Filed(Path(name), "", 20.0)})
    for start, query in ((0.0, ""), (6.25, "?from=6250")):
        document = renderer(PETIT, shelf).answer((Count("essai.compter", start),), ADDRESS, first=True)
        (play,) = ET.fromstring(document)[0]  # noqa: S314 - our own answer
        assert play.text == f"https://ligne.example.com/audio/{name}{query}"


def test_a_wait_is_filled_with_ticks_where_they_are_recorded() -> None:
    shelf = Shelf({tick(10).name: Filed(Path(tick(10).name), "", 10.0)})
    step = "pause.prenez-votre-temps"
    document = renderer(our_flow(), shelf).answer((Speak(step), Listen(step)), ADDRESS, first=False)
    assert complaints(document) == []
    gather = ET.fromstring(document)[0]  # noqa: S314 - our own answer
    loops = [play.attrib["loop"] for play in gather if play.tag == "Play" and "tick" in (play.text or "")]
    assert loops == ["6", "5", "5"]


@given(st.text())
def test_no_text_breaks_the_document(text: str) -> None:
    document = f"<Response>{element('Say', xml_text(text), voice=xml_text(text))}</Response>".encode()
    say = ET.fromstring(document)[0]  # noqa: S314 - our own answer
    assert (say.text or "").replace("\r", "\n") == "".join(c for c in text if xml_text(c)).replace(
        "\r\n", "\n"
    ).replace("\r", "\n")


@given(st.text())
def test_what_is_said_when_all_else_fails_is_valid(text: str) -> None:
    assert complaints(notice(text)) == []
    assert complaints(apology(text, text, "/voice/1/aa/again")) == []
    assert complaints(interrupted(text, "/voice/1/aa/again")) == []
    assert complaints(prefaced(notice(text), text)) == []


def test_an_answer_may_be_as_long_as_twilio_takes() -> None:
    """Source: twilio.com/docs/api/errors/11750."""
    assert MOST_BYTES == 65_536


ONE_KEY = {"finishOnKey": "", "input": "dtmf", "method": "POST", "numDigits": "1"}


def test_after_a_mishap_one_key_in_ten_seconds_leads_on_and_silence_ends_politely_or_leads_on_too() -> None:
    retry = "/voice/1/aa/again"
    gather, goodbye, hangup = ET.fromstring(apology("Pardon. Tapez 1.", "Au revoir.", retry))  # noqa: S314 - ours
    assert gather.attrib == {**ONE_KEY, "action": retry, "timeout": "10"}
    assert ["".join(verb.itertext()) for verb in (gather, goodbye)] == ["Pardon. Tapez 1.", "Au revoir."]
    assert hangup.tag == "Hangup"
    gather, redirect = ET.fromstring(interrupted("Pardon. Tapez 1.", retry))  # noqa: S314 - ours
    assert gather.attrib == {**ONE_KEY, "action": retry, "timeout": "10"}
    assert (redirect.tag, redirect.text, redirect.attrib) == ("Redirect", retry, {"method": "POST"})


def test_who_picks_up_hears_the_whisper_twice_takes_the_call_with_one_key_and_is_hung_up_on_otherwise() -> None:
    first, second, hangup = ET.fromstring(whisper("Un client. Tapez 1.", "/agent/yes"))  # noqa: S314 - ours
    assert first.attrib == second.attrib == {**ONE_KEY, "action": "/agent/yes", "timeout": "6"}
    assert "".join(first.itertext()) == "".join(second.itertext()) == "Un client. Tapez 1."
    assert hangup.tag == "Hangup"


def test_a_number_is_rung_under_ours_for_so_long() -> None:
    (call,) = ET.fromstring(dial("+33199000001", "+33199000000", "/agent/after", 25))  # noqa: S314 - ours
    rung = {"action": "/agent/after", "callerId": "+33199000000", "method": "POST", "timeout": "25"}
    assert (call.tag, call.attrib, call[0].tag, call[0].text) == ("Dial", rung, "Number", "+33199000001")


def test_a_code_that_nobody_may_read_is_not_read_and_nothing_fails() -> None:
    actions = (Speak("essai.code", slots=(("code", "reference"),)), Listen("essai.code"))
    assert b"essai" not in renderer(PETIT).answer(actions, ADDRESS, first=False)
    read = renderer(PETIT).answer(
        actions, ADDRESS, first=False, read=lambda manner, what: f"<Say>{manner} {what}</Say>"
    )
    assert b"<Say>noting reference</Say>" in read
