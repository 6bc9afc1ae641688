"""The longer verbs: Say and its SSML, Play, Record, Dial."""

import pytest

from ivr.phone import BUSY, Agent, CallError, Heard, Phone, TwimlError

from .line import Line, wav

WORD = 60 / 165


def all_heard(phone: Phone) -> list[Heard]:
    heard = []
    while utterance := phone.hear():
        heard.append(utterance)
    return heard


def said(phone: Phone, line: Line, verbs: str) -> list[tuple[str, float, float]]:
    """What a caller hears of verbs: words, length in words, silence before in seconds."""
    line.says("/voice", verbs)
    phone.dial()
    return [(heard.what, round(heard.seconds / WORD, 2), heard.silence_before) for heard in all_heard(phone)]


# twilio.com/docs/voice/twiml/say/text-speech#break
def test_a_break_cuts_a_say_in_utterances(phone: Phone, line: Line) -> None:
    verbs = '<Say>un, deux <break time="1500ms"/>trois<break time="2s"/> <break time="1s"/>quatre</Say>'
    assert said(phone, line, verbs) == [("un, deux", 2, 0), ("trois", 1, 1.5), ("quatre", 1, 3)]


def test_a_break_without_pause_cuts_too(phone: Phone, line: Line) -> None:
    assert said(phone, line, '<Say>un<break strength="none"/>deux</Say>') == [("un", 1, 0), ("deux", 1, 0)]


def test_prosody_changes_the_pace(phone: Phone, line: Line) -> None:
    verbs = '<Say>un <prosody rate="50%">deux <prosody rate="fast">trois</prosody></prosody></Say>'
    assert said(phone, line, verbs) == [("un deux trois", round(1 + 2 + 1 / 0.5 / 1.25, 2), 0)]


def test_what_is_heard_is_what_the_voice_says(phone: Phone, line: Line) -> None:
    verbs = (
        '<Say>le <sub alias="cé cinq cent quatre-vingt-dix">C590</sub> <lang xml:lang="en-US">plug</lang>'
        ' <say-as interpret-as="digits">0042</say-as><p>fin</p></Say>'
    )
    assert said(phone, line, verbs) == [("le cé cinq cent quatre-vingt-dix plug 0042 fin", 1 + 4 + 1 + 4 + 1, 0)]


def test_even_an_ellipsis_takes_its_time(phone: Phone, line: Line) -> None:
    assert said(phone, line, "<Say>…</Say>") == [("…", 1, 0)]


def test_french_spaces_are_no_words(phone: Phone, line: Line) -> None:
    assert said(phone, line, "<Say>Est-il\n bleu\xa0?</Say>") == [("Est-il bleu ?", 2, 0)]


# twilio.com/docs/voice/twiml/say#loop
def test_a_say_can_loop(phone: Phone, line: Line) -> None:
    assert [what for what, _, _ in said(phone, line, '<Say loop="3">un</Say>')] == ["un"] * 3


# twilio.com/docs/voice/twiml/play: fetched with GET, without the standard parameters; cached
def test_a_clip_is_fetched_once_and_measured(phone: Phone, line: Line) -> None:
    line.sends("/a.wav", wav(2.5), Content_Type="audio/wav")
    line.sends("/b.mp3", b"\xff" * 4000, Content_Type="audio/mpeg")
    line.says(
        "/voice", f"<Play>{line.url}/a.wav</Play><Play>{line.url}/b.mp3</Play><Play loop='2'>{line.url}/a.wav</Play>"
    )
    phone.dial()
    heard = all_heard(phone)
    assert [(one.clip, one.seconds) for one in heard] == [
        ("a.wav", 2.5),
        ("b.mp3", 0.5),
        ("a.wav", 2.5),
        ("a.wav", 2.5),
    ]
    assert line.paths() == ["/voice", "/a.wav", "/b.mp3"]
    assert line.received[1].form == {}


# twilio.com/docs/voice/twiml/gather: all nested clips are fetched before the first plays
@pytest.mark.parametrize("title", ["Tapez 1.", "Tapez 1. ", "Écoutez…"])
def test_nested_clips_are_fetched_together(phone: Phone, line: Line, title: str) -> None:
    line.sends("/a.wav", wav(2), Content_Type="audio/wav")
    line.sends("/b.wav", wav(3, title=title), Content_Type="audio/x-wav")
    line.says("/voice", f"<Gather><Play>{line.url}/a.wav</Play><Play>{line.url}/b.wav</Play></Gather>")
    phone.dial()
    phone.wait(0)
    assert line.paths() == ["/voice", "/a.wav", "/b.wav"]
    assert [heard.title for heard in all_heard(phone)] == ["", title.strip()]


# twilio.com/docs/voice/twiml/play#digits
def test_tones_take_time(phone: Phone, line: Line) -> None:
    assert said(phone, line, '<Play digits="1wW"/><Say>un</Say>') == [("un", 1, 2.0)]


# twilio.com/docs/api/errors/11200, /12300
@pytest.mark.parametrize(
    ("told", "body", "status", "kind"),
    [
        ("11200: GET .*/a.wav answered HTTP 404", b"no", 404, "audio/wav"),
        ("12300: .* Content-Type 'text/html'", wav(1), 200, "text/html"),
        ("12300: .* Content-Type ''", wav(1), 200, ""),
        ("11200: .* is empty", b"", 200, "audio/mpeg"),
        ("11200: .* served as a WAV and is none", b"ID3", 200, "audio/x-wav"),
        ("11200: .* no samples", wav(0), 200, "audio/wav"),
        ("11200: .* cut short within its 'data' chunk", wav(1)[:-10], 200, "audio/wav"),
        ("11200: .* has format 85; a telephone plays PCM, A-law, mu-law", wav(1, tag=85), 200, "audio/wav"),
    ],
)
def test_a_bad_clip_ends_the_call(phone: Phone, line: Line, told: str, body: bytes, status: int, kind: str) -> None:
    line.sends("/a.wav", body, status, Content_Type=kind)
    line.says("/voice", f"<Play>{line.url}/a.wav</Play>")
    phone.dial()
    with pytest.raises(TwimlError, match=told):
        phone.hear()
    assert phone.ended == "error"


# twilio.com/docs/voice/twiml/record: ends on its keys, on `timeout` seconds of silence, at maxLength


def recording(phone: Phone, line: Line, attributes: str = "") -> None:
    line.says("/voice", f'<Say>parlez</Say><Record action="/done" {attributes}/><Say>jamais</Say>')
    line.says("/done", "<Say>merci</Say>")
    phone.dial()
    all_heard(phone)
    assert phone.waits


def test_a_key_ends_a_recording(phone: Phone, line: Line) -> None:
    recording(phone, line)
    phone.speak(12)
    phone.press("#")
    (done,) = line.forms("/done")
    assert (done["RecordingDuration"], done["Digits"]) == ("12", "#")
    assert done["RecordingUrl"].endswith(f"/Accounts/{phone.account}/Recordings/{done['RecordingSid']}")
    assert [heard.what for heard in all_heard(phone)] == ["merci"]


def test_a_key_in_the_beep_ends_a_recording(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Record action="/done"/>')
    line.says("/done", "<Say>merci</Say>")
    phone.dial()
    phone.press("#")
    assert phone.hear() == Heard("merci", 0, round(WORD, 3), 0)


def test_other_keys_do_not_end_a_recording(phone: Phone, line: Line) -> None:
    recording(phone, line, 'finishOnKey="#"')
    phone.press("1")
    assert phone.dropped_keys == "1"
    assert line.forms("/done") == []


def test_silence_ends_a_recording(phone: Phone, line: Line) -> None:
    recording(phone, line, 'timeout="4" playBeep="false"')
    phone.wait(1)
    phone.speak(3)
    phone.wait(3.5)
    assert line.forms("/done") == []
    phone.silence()
    assert phone.seconds == pytest.approx(WORD + 1 + 3 + 4, abs=0.01)
    (done,) = line.forms("/done")
    assert done["RecordingDuration"] == "3"
    assert "Digits" not in done


def test_an_untrimmed_recording_keeps_its_silence(phone: Phone, line: Line) -> None:
    recording(phone, line, 'timeout="4" trim="do-not-trim"')
    phone.speak(3)
    phone.silence()
    assert line.forms("/done")[0]["RecordingDuration"] == "7"


def test_max_length_ends_a_recording(phone: Phone, line: Line) -> None:
    recording(phone, line, 'maxLength="10"')
    heard = phone.speak(60)
    assert line.forms("/done")[0]["RecordingDuration"] == "10"
    assert [one.what for one in heard] == ["merci"]


# twilio.com/docs/voice/twiml/record#timeout: 0 waits for ever
def test_a_recording_without_timeout_waits_for_its_length(phone: Phone, line: Line) -> None:
    recording(phone, line, 'timeout="0" maxLength="30"')
    phone.wait(29)
    assert line.forms("/done") == []
    phone.silence()
    assert line.forms("/done")[0]["RecordingDuration"] == "0"


# twilio.com/docs/voice/twiml/record#action: a caller who hangs up still triggers the action, with Digits=hangup
def test_hanging_up_ends_a_recording(phone: Phone, line: Line) -> None:
    recording(phone, line)
    phone.speak(2)
    phone.drop()
    (done,) = line.forms("/done")
    assert (done["Digits"], done["RecordingDuration"], done["CallStatus"]) == ("hangup", "2", "completed")
    assert phone.ended == "drop"


def test_hanging_up_at_the_very_beep_is_hanging_up_in_the_recording(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Say>parlez</Say><Record action="/done"/>')
    line.says("/done", "")
    phone.dial()
    phone.hear()
    phone.drop()
    assert line.forms("/done")[0]["Digits"] == "hangup"


# twilio.com/docs/voice/twiml/record#recordingstatuscallback
def test_a_finished_recording_is_told(phone: Phone, line: Line) -> None:
    line.says("/ready", "")
    recording(phone, line, 'recordingStatusCallback="/ready"')
    phone.speak(2)
    phone.press("1")
    (told,) = line.forms("/ready")
    assert (told["RecordingStatus"], told["RecordingDuration"], told["RecordingSource"]) == (
        "completed",
        "2",
        "RecordVerb",
    )
    assert told["CallStatus"] == "in-progress"


def test_a_recording_can_be_played_back_without_the_network(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Record action="/done"/>')
    line.says("/done", '<Gather numDigits="1"/>')
    phone.dial()
    phone.hear()
    phone.speak(8)
    phone.press("#")
    url = line.forms("/done")[0]["RecordingUrl"]
    line._answers["/done"].clear()
    line.says("/done", f"<Play>{url}.wav</Play>")
    phone.press("1")
    (played,) = all_heard(phone)
    assert (played.what, played.seconds) == (f"{url}.wav", 8)


# twilio.com/docs/voice/twiml/dial#action: with an action, what is below is not reached
@pytest.mark.parametrize(
    ("answer", "status", "seconds"),
    [(Agent(talks=42), "completed", 45), (BUSY, "busy", 1), (None, "no-answer", 20)],
)
def test_a_dial_tells_its_outcome(phone: Phone, line: Line, answer: Agent | None, status: str, seconds: int) -> None:
    if answer:
        phone.answers["+33199000001"] = answer
    line.says(
        "/voice", '<Dial action="/rung" timeout="20" callerId="+33199000000">+33199000001</Dial><Say>jamais</Say>'
    )
    line.says("/rung", "<Say>et voilà</Say>")
    phone.dial()
    assert [heard.what for heard in all_heard(phone)] == ["et voilà"]
    (rung,) = line.forms("/rung")
    assert (rung["DialCallStatus"], rung.get("DialCallDuration")) == (status, "42" if status == "completed" else None)
    assert rung["DialBridged"] == ("true" if status == "completed" else "false")
    assert phone.seconds == pytest.approx(seconds + 2 * WORD, abs=0.01)


# twilio.com/docs/voice/twiml/dial: without an action, the next verb; several numbers ring at once
def test_a_dial_without_action_goes_on_below(phone: Phone, line: Line) -> None:
    phone.answers["+33199000002"] = Agent(talks=100)
    numbers = "<Number>+33199000001</Number><Number>+33199000002</Number>"
    line.says("/voice", f'<Dial callerId="+33199000000" timeLimit="60">{numbers}</Dial><Say>après</Say>')
    phone.dial()
    phone.wait(62)
    assert [heard.what for heard in phone.wait(2)] == ["après"]


def test_a_long_talk_is_no_silence(phone: Phone, line: Line) -> None:
    phone.answers["+33199000001"] = Agent(talks=3000)
    line.says("/voice", '<Dial callerId="+33199000000">+33199000001</Dial><Say>après</Say>')
    phone.dial()
    (heard,) = all_heard(phone)
    assert (heard.at, heard.silence_before) == (3003, 0)


# twilio.com/docs/api/errors/13214, /13248: a withheld caller's number makes providers refuse the call
def test_a_dial_needs_a_caller_id(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Dial>+33199000001</Dial>")
    phone.dial()
    with pytest.raises(CallError, match="<Dial> has no callerId"):
        phone.hear()
