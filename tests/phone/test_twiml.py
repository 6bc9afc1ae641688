"""What the phone takes for TwiML, and what it says of the rest."""

import inspect

import pytest
from twilio.twiml import TwiML, lower_camel, voice_response

from ivr.phone.errors import TwimlError
from ivr.phone.twiml import RULES, Dial, Gather, Number, Pause, Play, Record, Reject, Say, parse


def twiml(verbs: str) -> bytes:
    return f"<Response>{verbs}</Response>".encode()


def test_a_document_is_its_verbs_in_order() -> None:
    verbs = parse(b'<?xml version="1.0"?>\n<Response><!-- hi --><Say>a</Say><Pause length="2"/></Response>', "text/xml")
    assert verbs == (Say(("a",), 1), Pause(2))


@pytest.mark.parametrize("kind", ["text/xml", "application/xml; charset=utf-8", "Text/HTML"])
def test_twiml_comes_under_three_content_types(kind: str) -> None:
    assert parse(b"<Response/>", kind) == ()


# twilio.com/docs/voice/twiml/gather: the defaults
def test_gather_has_twilios_defaults() -> None:
    assert parse(twiml("<Gather/>"), "text/xml") == (Gather((), "", "POST", 5, "#", None, False, True),)


# twilio.com/docs/voice/twiml/record: the defaults; 120 s at most when transcribed
def test_record_has_twilios_defaults() -> None:
    plain = Record("", "POST", 5, "1234567890*#", 3600, True, True, "", "POST")
    assert parse(twiml("<Record/>"), "text/xml") == (plain,)
    (transcribed,) = parse(twiml('<Record transcribe="true"/>'), "text/xml")
    assert isinstance(transcribed, Record)
    assert transcribed.max_length == 120


# twilio.com/docs/voice/twiml/dial, /reject, /say#loop: loop 0 is a thousand times
def test_other_verbs_have_twilios_defaults() -> None:
    verbs = parse(
        twiml('<Dial>+33199000001</Dial><Reject/><Say loop="0">a</Say><Play>http://x/a.wav</Play>'), "text/xml"
    )
    assert verbs == (
        Dial((Number("+33199000001"),), "", "POST", 30, 14400, ""),
        Reject("rejected"),
        Say(("a",), 1000),
        Play("http://x/a.wav", "", 1),
    )


# twilio.com/docs/voice/twiml/number
def test_a_number_may_have_a_whisper_and_callbacks() -> None:
    attributes = (
        'url="/w" method="GET" statusCallback="/s" statusCallbackMethod="GET" statusCallbackEvent="ringing completed"'
    )
    (dial,) = parse(twiml(f"<Dial><Number {attributes}>+33199000001</Number></Dial>"), "text/xml")
    assert isinstance(dial, Dial)
    assert dial.numbers == (Number("+33199000001", "/w", "GET", "/s", "GET", ("ringing", "completed")),)


# twilio.com/docs/voice/twiml, twilio.com/docs/api/errors/11200, /11750, /12100, /12300
@pytest.mark.parametrize(
    ("number", "told", "body", "kind"),
    [
        (11200, "no Content-Type", b"<Response/>", None),
        (12300, "'text/plain', not TwiML's", b"<Response/>", "text/plain; charset=utf-8"),
        (12300, "'audio/mpeg'", b"ID3", "audio/mpeg"),
        (11750, "more than 64 kB", twiml(f"<Say>{'a' * 65536}</Say>"), "text/xml"),
        (12100, "not XML: no element found", b"", "text/xml"),
        (12100, "not at start", b'\n<?xml version="1.0"?><Response/>', "text/xml"),
        (12100, "mismatched tag", b"<Response><Say>a</Response>", "text/xml"),
        (12100, "not well-formed", b"<Response><Say>Plug & phone</Say></Response>", "text/xml"),
        (12100, "not well-formed", b"<Response><Say>\x07</Say></Response>", "text/xml"),
        (12100, "not well-formed", "<Response><Say>é</Say></Response>".encode("latin-1"), "text/xml"),
        (12100, "DOCTYPE", b'<!DOCTYPE r [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>', "text/xml"),
        (12100, "<html>; wrap", b"<html><body/></html>", "text/html"),
    ],
)
def test_what_is_not_twiml_is_refused_with_twilios_number(number: int, told: str, body: bytes, kind: str) -> None:
    with pytest.raises(TwimlError, match=told) as caught:
        parse(body, kind)
    assert caught.value.number == number


# twilio.com/docs/api/errors/12200: unknown or misspelt verb or attribute, bad nesting
@pytest.mark.parametrize(
    ("told", "verbs"),
    [
        ("<say> is no verb .* did you mean 'Say'", "<say>a</say>"),
        ("<Enqueue> is no verb that this phone plays", "<Enqueue>q</Enqueue>"),
        ("<Response> is no verb", "<Response/>"),
        ("<Pause> has no attribute 'lenght'; did you mean 'length'", '<Pause lenght="2"/>'),
        ("<Hangup> has no attribute 'reason'; it may have none", '<Hangup reason="x"/>'),
        ("<Gather> has no place in <Gather>", "<Gather><Gather/></Gather>"),
        ("<Redirect> has no place in <Gather>", "<Gather><Redirect>/a</Redirect></Gather>"),
        ("<Number> has no place in <Response>", "<Number>+33199000001</Number>"),
        ("<break> has no place in <Response>", "<break/>"),
        ("<Pause> has no place in <Say>", "<Say>a <Pause/></Say>"),
        ("<p> has no place in <s>", "<Say><s>a <p>b</p></s></Say>"),
        ("<Response> holds the text 'Bonjour'", "Bonjour"),
        ("<Gather> holds the text 'Tapez 1'", "<Gather>Tapez 1</Gather>"),
        ("<Gather> has numDigits='0'; it must be a whole number, 1 or more", '<Gather numDigits="0"/>'),
        ("<Gather> has timeout='0'", '<Gather timeout="0"/>'),
        ("<Gather> has timeout='2.5'", '<Gather timeout="2.5"/>'),
        ("<Gather> has finishOnKey='12'", '<Gather finishOnKey="12"/>'),
        ("<Gather> has method='post'; it must be GET or POST", '<Gather method="post"/>'),
        ("<Gather> has actionOnEmptyResult='True'", '<Gather actionOnEmptyResult="True"/>'),
        (r"<Gather> has input=\"\['dtmf'\]\"", "<Gather input=\"['dtmf']\"/>"),
        ("<Gather> has action='/é'; it must be an address in ASCII", '<Gather action="/é"/>'),
        ("<Gather> has action=''", '<Gather action=""/>'),
        ("<Pause> has length='0'", '<Pause length="0"/>'),
        ("<Say> has language='fr'; it must be a language with its region", '<Say language="fr">a</Say>'),
        ("<Say> has loop='-1'", '<Say loop="-1">a</Say>'),
        ("<Say> says nothing", "<Say> </Say>"),
        ("<break> has time='1'; it must be a time like 500ms", '<Say>a<break time="1"/></Say>'),
        ("<prosody> has rate='-5%'", '<Say><prosody rate="-5%">a</prosody></Say>'),
        ("<Play> plays '/audio/a.wav'; write the clip's whole address", "<Play>/audio/a.wav</Play>"),
        ("<Play> has both", '<Play digits="1">http://x/a.wav</Play>'),
        ("<Play> plays digits within <Gather>", '<Gather><Play digits="1"/></Gather>'),
        ("<Redirect> holds ''; it must be an address", "<Redirect/>"),
        ("<Reject> has reason='no'; it must be rejected or busy", '<Reject reason="no"/>'),
        ("<Record> has finishOnKey='a'", '<Record finishOnKey="a"/>'),
        ("<Dial> needs either", "<Dial/>"),
        ("<Dial> needs either", "<Dial>+33199000001<Number>+33199000002</Number></Dial>"),
        ("<Dial> dials '0199000001'; it must be a number like", "<Dial>0199000001</Dial>"),
        ("<Dial> has 11 <Number> elements; ring 10", f"<Dial>{'<Number>+33199000001</Number>' * 11}</Dial>"),
        ("<Number> holds '12'; it must be a number like", "<Dial><Number>12</Number></Dial>"),
        ("<Number> has no attribute 'action'", '<Dial><Number action="/a">+33199000001</Number></Dial>'),
        ("<Number> has url=''; it must be an address", '<Dial><Number url="">+33199000001</Number></Dial>'),
        ("<Number> has method='PUT'", '<Dial><Number method="PUT">+33199000001</Number></Dial>'),
        (
            "<Number> has statusCallbackEvent='ringing,completed'; it must be events of initiated, ringing",
            '<Dial><Number statusCallbackEvent="ringing,completed">+33199000001</Number></Dial>',
        ),
    ],
)
def test_what_twilio_warns_of_is_refused(told: str, verbs: str) -> None:
    with pytest.raises(TwimlError, match=f"^Twilio error 12200: line 1: {told}"):
        parse(twiml(verbs), "text/xml")


def test_an_error_names_its_line() -> None:
    with pytest.raises(TwimlError, match="line 2: <Pause>"):
        parse(twiml('\n<Pause lenght="2"/>'), "text/xml")


# twilio.com/docs/api/errors/13521: 3000 characters for a Polly voice, 4096 for a basic one, tags not counted
def test_too_many_words_for_a_voice_are_refused() -> None:
    words = "a" * 3001
    assert parse(twiml(f"<Say><p>{words}</p></Say>"), "text/xml")
    with pytest.raises(TwimlError, match="13521: line 1: <Say> has 3001 characters, more than 3000"):
        parse(twiml(f'<Say voice="Polly.Lea"><p>{words}</p></Say>'), "text/xml")


# twilio-python's classes are generated from Twilio's own schema.


def twilios_parameters(name: str) -> set[str]:
    """The attributes that twilio-python gives an element, from every method that makes it."""
    found: set[str] = set()
    for parent in vars(voice_response).values():
        if inspect.isclass(parent) and issubclass(parent, TwiML):
            for method in (m for n, m in vars(parent).items() if n == _method(name) and callable(m)):
                found |= set(inspect.signature(method).parameters)
    return {TwiML.MAP.get(parameter, lower_camel(parameter)) for parameter in found}


def twilios_nesting(name: str) -> set[str]:
    owner = {"Response": "VoiceResponse"}.get(name) or (name if name[0].isupper() else f"Ssml{_pascal(name)}")
    return {method for method in vars(getattr(voice_response, owner)) if not method.startswith("__")}


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _method(name: str) -> str:
    return {"break": "break_", "say-as": "say_as"}.get(name, name.lower())


@pytest.mark.parametrize("name", sorted(set(RULES) - {"Response"}))
def test_every_attribute_of_the_table_is_twilios(name: str) -> None:
    assert set(RULES[name].attributes) <= twilios_parameters(name)


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_nesting_of_the_table_is_twilios(name: str) -> None:
    assert {_method(child) for child in RULES[name].nests} <= twilios_nesting(name)


def test_every_speech_tag_nests_as_twilio_lets_it() -> None:
    for name in RULES:
        if name == "Say" or name[0].islower():
            assert {_method(child) for child in RULES[name].nests} == twilios_nesting(name), name
