"""Transcripts: what can be written, what is said of a mistake in one, and how a failing call is told."""

from pathlib import Path

import pytest

from ivr.phone import Clock, Phone
from ivr.phone.book import PromptBook
from ivr.phone.transcript import (
    Transcript,
    TranscriptError,
    TranscriptFailed,
    UnknownVerb,
    parse,
    play,
    read,
)

from .line import Line, wav

BOOK = PromptBook(
    {
        "accueil.bonjour": [("Bonjour.",)],
        "accueil.menu": [("Si le bouton est bleu, tapez 1.", "Sinon, tapez 2.")],
        "accueil.menu/options": [("Sinon,\xa0tapez 2.",)],
        "bouton.causes": [(frozenset({"Il y a deux causes.", "causes.wav"}),)],
        "patience": [("Je patiente.",)],
        "fin.resolu": [("Merci.",), ("Merci.", "Au revoir.")],
    }
)


class World:
    """A stage that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def verb(self, name: str, args: tuple[str, ...], phone: Phone) -> None:
        """Know `says` alone."""
        if name != "says":
            raise UnknownVerb(name)
        self.asked.append((name, args))

    def disposition(self, call_sid: str) -> str | None:
        """Every call was solved."""
        return "solved" if call_sid.startswith("CA") else None


def call(*lines: str) -> Transcript:
    return parse("\n".join(["# It works.", "dial from +33639980001", *lines]), "tests/calls/a.call")


def failure(phone: Phone, *lines: str, stage: World | None = None) -> str:
    with pytest.raises(TranscriptFailed) as caught:
        play(call(*lines), phone, BOOK, stage)
    return str(caught.value)


@pytest.fixture
def menu(line: Line) -> Line:
    """A line with a menu: key 1 solves, 2 tells the causes, no key is told twice, then the line hangs up."""
    line.sends("/causes.wav", wav(2), Content_Type="audio/wav")
    menu = "<Say>Si le bouton est bleu, tapez 1.<break time='300ms'/>Sinon, tapez 2.</Say>"
    gather = '<Gather numDigits="1" action="/key" timeout="7">'
    hold = "<Pause length='5'/><Say>Je patiente.</Say>"
    line.says("/voice", f"{gather}<Say>Bonjour.</Say>{menu}{hold}</Gather><Redirect>/late</Redirect>")
    line.says("/late", f"{gather}{menu}</Gather><Hangup/>")
    line.says("/key", f"<Play>{line.url}/causes.wav</Play><Say>Merci.</Say><Say>Au revoir.</Say>")
    return line


# Reading.


def test_a_file_is_read_with_its_sentence(tmp_path: Path) -> None:
    file = tmp_path / "a.call"
    file.write_text('# It works.\n\n# more\ndial from anonymous\n  hear a.b, "c, d" ,e/f@7\n', encoding="utf-8")
    transcript = read(file)
    assert (transcript.name, transcript.proves) == (str(file), "It works.")
    assert [(line.number, line.text) for line in transcript.lines] == [
        (4, "dial from anonymous"),
        (5, 'hear a.b, "c, d" ,e/f@7'),
    ]


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ("f:1: the first line must say what the call proves; begin with '# '", "dial from +33639980001"),
        ("f:1: the first line must say", ""),
        ("f:1: the first line must say", "#\ndial from anonymous"),
        ("f:1: nothing happens; go on with 'dial", "# It works."),
        ("f:2: cannot read 'dial 12'; write 'dial from NUMBER", "# It works.\ndial 12"),
        ("f:2: cannot read 'dial from 12'", "# It works.\ndial from 12"),
        ("f:2: cannot read 'dial from .* 25:00'", "# It works.\ndial from anonymous at 2026-11-23 25:00"),
        ("f:3: cannot read 'hear'; write 'hear ID", "# It works.\n\nhear"),
        ("f:2: cannot read 'hear a b'", "# It works.\nhear a b"),
        ("f:2: cannot read 'hear \"a'", '# It works.\nhear "a'),
        ("f:2: cannot read 'press 1a'; write 'press KEYS", "# It works.\npress 1a"),
        ("f:2: cannot read 'press 1 now'", "# It works.\npress 1 now"),
        ("f:2: cannot read 'silence all'; write 'silence ", "# It works.\nsilence all"),
        ("f:2: cannot read 'wait a while'; write 'wait SECONDS", "# It works.\nwait a while"),
        ("f:2: cannot read 'again 2'", "# It works.\nagain 2"),
        ("f:2: cannot read 'agent'; write 'agent answers ", "# It works.\nagent"),
        ("f:2: cannot read 'agent answers and talks'", "# It works.\nagent answers and talks"),
        ("f:2: cannot read 'agent answers and presses a'", "# It works.\nagent answers and presses a"),
        ("f:2: cannot read 'agent hears'", "# It works.\nagent hears"),
        ("f:2: cannot read 'hung out'; write 'hung up", "# It works.\nhung out"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_mend(told: str, text: str) -> None:
    with pytest.raises(TranscriptError, match=f"^{told}"):
        parse(text, "f")


# Playing.


def test_a_call_goes_as_written(phone: Phone, menu: Line) -> None:
    play(
        call(
            "hear accueil.bonjour, accueil.menu",
            "press 2",
            "again",
            "hear bouton.causes, fin.resolu",
            "hung up, solved",
        ),
        phone,
        BOOK,
        World(),
    )
    assert menu.forms("/key")[0]["Digits"] == "2"


def test_a_press_cuts_what_comes_later_in_the_same_gather(phone: Phone, menu: Line) -> None:
    play(call("hear accueil.bonjour, accueil.menu", "press 1"), phone, BOOK)
    assert [entry.kind for entry in phone.log].count("heard") == 3


def test_silence_and_what_is_heard_in_it(phone: Phone, menu: Line) -> None:
    play(
        call(
            "hear accueil.bonjour, accueil.menu", "silence", "hear patience", "hear accueil.menu", "silence", "hung up"
        ),
        phone,
        BOOK,
    )
    play(
        call("hear accueil.bonjour, accueil.menu", "silence any", "hear accueil.menu", "wait 7", "hung up"), phone, BOOK
    )


def test_waiting_is_exact_and_may_cut_into_speech(phone: Phone, menu: Line) -> None:
    play(call("wait 1", "hear accueil.bonjour", "press 1 early", "hear bouton.causes", "drop early"), phone, BOOK)
    assert phone.seconds == 3.0


def test_words_can_be_quoted_on_a_foreign_line(phone: Phone, menu: Line) -> None:
    play(call('hear "SINON", "tapez 2"', "press 2", 'hear "au revoir"', "hung up"), phone, PromptBook({}))
    assert menu.forms("/key")[0]["Digits"] == "2"


def test_what_is_said_beside_quoted_words_is_free(phone: Phone, menu: Line) -> None:
    play(call("wait 8", 'hear "bonjour"', "press 2", 'hear "merci"', "hung up"), phone, PromptBook({}))


def test_a_key_after_quoted_words_waits_for_its_gather(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Say>Bonjour.</Say><Say>Tapez 1.</Say><Gather numDigits="1" action="/key"/>')
    line.says("/key", "")
    play(call('hear "bonjour"', "press 1", "hung up"), phone, PromptBook({}))
    assert line.forms("/key")[0]["Digits"] == "1"


def test_quoted_words_may_come_in_a_silence(phone: Phone, menu: Line) -> None:
    play(call('hear "bonjour"', "silence", 'hear "patiente"', 'hear "sinon"', "drop"), phone, PromptBook({}))


def test_a_caller_speaks(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Record playBeep="false" action="/done"/>')
    line.says("/done", "<Say>Merci.</Say>")
    play(call("speak 9", "press #", "hear fin.resolu", "hung up"), phone, BOOK)
    assert line.forms("/done")[0]["RecordingDuration"] == "9"


def test_the_hour_is_that_of_paris(line: Line) -> None:
    line.says("/voice", "")
    phone = Phone(f"{line.url}/voice", clock=Clock(0.0))
    play(parse("# It works.\ndial from anonymous to +33199000009 at 2026-11-23 21:40", "f"), phone, BOOK)
    assert phone.clock.now() == 1795466400.0
    play(parse("# It works.\nhung up\ndial from anonymous at 2027-07-14 12:00", "f"), phone, BOOK)
    assert phone.clock.now() == 1815559200.0
    assert line.received[0].form["From"] == "anonymous"
    assert line.received[0].form["To"] == "+33199000009"


def test_other_verbs_are_the_stages(phone: Phone, menu: Line) -> None:
    world = World()
    play(call('says lines.last-ip 91.121.30.4 "une heure"', "hear accueil.bonjour"), phone, BOOK, world)
    assert world.asked == [("says", ("lines.last-ip", "91.121.30.4", "une heure"))]


# An agent.


@pytest.fixture
def person(line: Line) -> Line:
    """A line where key 0 leads to a person, who hears a whisper and accepts by key 1."""
    line.says("/voice", '<Gather numDigits="1" action="/person"><Say>Bonjour.</Say></Gather>')
    number = '<Number url="/whisper">+33199000001</Number>'
    line.says("/person", f'<Say>Merci.</Say><Pause/><Dial action="/rung" callerId="+33199000000">{number}</Dial>')
    whisper = "<Say>Il y a deux causes.</Say><Say>Tapez un.</Say>"
    line.says("/whisper", f'<Gather numDigits="1" action="/accepted">{whisper}</Gather><Hangup/>')
    line.says("/accepted", "")
    line.says("/rung", "<Say>Je patiente.</Say>")
    return line


def dialled(line: Line) -> tuple[str, str]:
    (rung,) = line.forms("/rung")
    return rung["DialCallStatus"], rung["DialBridged"]


@pytest.mark.parametrize(
    ("agent", "outcome"),
    [
        (["agent answers and presses 1 and talks 20"], ("completed", "true")),
        (["agent answers and presses 1"], ("completed", "true")),
        (["agent answers"], ("completed", "false")),
        (["agent refuses"], ("completed", "false")),
        (["agent is busy"], ("busy", "false")),
        (["agent does not answer"], ("no-answer", "false")),
        ([], ("no-answer", "false")),
        (["agent is busy", "agent refuses"], ("completed", "false")),
    ],
)
def test_an_agent_does_as_he_is_told_before_he_is_dialled(
    phone: Phone, person: Line, agent: list[str], outcome: tuple[str, str]
) -> None:
    play(call("hear accueil.bonjour", *agent, "press 0", "hear fin.resolu, patience", "hung up"), phone, BOOK)
    assert dialled(person) == outcome


def test_the_agent_talks_as_long_as_is_written(phone: Phone, person: Line) -> None:
    play(call("agent answers and presses 1 and talks 20", 'hear "bonjour"', "press 0", "wait 99 any"), phone, BOOK)
    assert person.forms("/rung")[0]["DialCallDuration"] == "23"


@pytest.mark.parametrize(
    "lines",
    [
        ["hear fin.resolu", 'agent hears bouton.causes, "tapez un"', "hear patience"],
        ["hear fin.resolu", "agent hears bouton.causes", 'agent hears "tapez un"', "hear patience"],
        ["hear fin.resolu, patience", 'agent hears bouton.causes, "tapez un"'],
        ['hear "merci"', 'agent hears "deux causes", "tapez un"', "hear patience"],
        ["hear fin.resolu", 'agent hears "tapez un"', "hear patience"],
    ],
)
def test_what_the_agent_hears_is_checked_while_he_hears_it_or_later(
    phone: Phone, person: Line, lines: list[str]
) -> None:
    play(call("agent answers and presses 1", "hear accueil.bonjour", "press 0", *lines, "hung up"), phone, BOOK)


def test_the_call_stands_where_the_agent_has_heard_that_much(phone: Phone, person: Line) -> None:
    heard = ["agent answers and presses 1", "hear accueil.bonjour", "press 0", "hear fin.resolu"]
    play(call(*heard, 'agent hears "tapez un"', "wait 30", "drop"), phone, BOOK)
    assert phone.ended == "drop"
    assert person.forms("/rung") == []


def test_what_is_said_beside_quoted_words_is_free_before_a_whisper_too(phone: Phone, person: Line) -> None:
    dial = person._answers["/person"].pop()[2].decode()
    person.sends("/person", dial.replace("<Pause/>", "<Pause/><Say>Un instant.</Say>").encode())
    heard = ['hear "merci"', "agent hears bouton.causes", "hear patience"]
    play(call("agent refuses", 'hear "bonjour"', "press 0", *heard, "hung up"), phone, BOOK)


def test_each_call_has_its_own_whisper(phone: Phone, person: Line) -> None:
    heard = ["hear fin.resolu, patience", 'agent hears bouton.causes, "tapez un"']
    one = ["hear accueil.bonjour", "press 0", *heard]
    play(call("agent refuses", *one, "hung up", "dial from anonymous", *one, "hung up"), phone, BOOK)


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        (
            'expected: patience\n  "Je patiente."\nheard:\n  4.7 s  bouton.causes: "Il y a deux causes."',
            ["press 0", "hear fin.resolu", "agent hears patience"],
        ),
        (
            'expected: the words "jamais"\nheard:\n  4.7 s  bouton.causes: "Il y a deux causes."\n'
            '  6.5 s  no known prompt: "Tapez un."\n'
            "then the agent heard no more; has the line dialled him, and does he answer?",
            ["press 0", "hear fin.resolu", 'agent hears "jamais"'],
        ),
        ("heard:\n  nothing\nthen the agent heard no more", ["press 0", "agent hears bouton.causes"]),
        (
            "heard:\n  nothing\nthen the agent heard no more",
            ["agent is busy", "press 0", "hear fin.resolu", "agent hears bouton.causes"],
        ),
        (
            'expected: the words "bouton rouge"',
            ["press 0", "hear fin.resolu, patience", 'agent hears "bouton rouge"'],
        ),
        (
            'expected: the words "tapez un"',
            ["press 0", "hear fin.resolu", 'agent hears "tapez un"', "wait 1", 'agent hears "tapez un"'],
        ),
    ],
)
def test_an_agent_who_hears_something_else_fails_the_call(
    phone: Phone, person: Line, told: str, lines: list[str]
) -> None:
    assert told in failure(phone, "agent refuses", "hear accueil.bonjour", *lines)


# Failing.


def test_a_failure_tells_all_there_is_to_know(phone: Phone, menu: Line) -> None:
    told = failure(phone, "hear accueil.bonjour, bouton.causes")
    assert told == "\n".join(
        [
            "tests/calls/a.call:3: hear accueil.bonjour, bouton.causes",
            "expected: bouton.causes",
            '  "Il y a deux causes. | causes.wav"',
            "heard:",
            '  0.4 s  accueil.menu: "Si le bouton est bleu, tapez 1."',
            "It was to prove: It works.",
            "The call so far:",
            "    0.0 s  dial     +33•••••••01 calls +33•••••••00",
            "    0.0 s  webhook  POST /voice CallStatus=ringing -> 200",
            "    0.0 s  heard    Bonjour.",
            "    0.4 s  heard    Si le bouton est bleu, tapez 1.",
        ]
    )


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ("there is no prompt 'acueil'; look it up", ["hear acueil"]),
        ('also heard: accueil.menu: "Si le bouton est bleu, tapez 1."\nlist it', ["hear accueil.bonjour", "press 1"]),
        (
            'expected: bouton.causes\n  "Il y a deux causes. | causes.wav"\nheard:\n  3.2 s  accueil.menu: "Sinon',
            ['hear "bleu", bouton.causes'],
        ),
        ("also heard: accueil.bonjour", ["silence"]),
        ("also heard: accueil.bonjour", ["drop"]),
        ("also heard: accueil.bonjour", ["hung up"]),
        (
            "also heard, and listed in no 'hear' since:\n  0.0 s  accueil.bonjour: \"Bonjour.\"",
            ["wait 1", "press 1 early"],
        ),
        (
            "also heard, and listed in no 'hear' since:\n  9.3 s  patience",
            ["hear accueil.bonjour, accueil.menu", "silence"],
        ),
        (
            "heard:\n  nothing\nthen the phone waited for the caller",
            ["hear accueil.bonjour, accueil.menu, patience, patience"],
        ),
        (
            'expected: the words "jamais"\nheard:\n  0.0 s  accueil.bonjour: "Bonjour."',
            ['hear "jamais"'],
        ),
        ("then the call ended (hangup)", ["press 1 early", "hear bouton.causes, fin.resolu", "hear patience"]),
        ("the line has not hung up: then the phone waited", ["hear accueil.bonjour, accueil.menu", "hung up"]),
        ('expected: the words "bonjour"', ['hear "bonjour"', "press 2", 'hear "bonjour"']),
        ("also heard: bouton.causes", ['hear "sinon"', "press 2", "press 1"]),
        ("no stage was given", ["drop early", "hung up, solved"]),
        ("there is no verb 'presse', on the telephone or on the stage; did you mean 'press'?", ["presse 1"]),
        ("there is no verb 'restart', on the telephone or on the stage; a telephone has dial", ["restart"]),
        ("a call is under way", ["hear accueil.bonjour, accueil.menu, patience", "dial from anonymous"]),
        ("key 1 comes after the end", ["drop early", "press 1"]),
    ],
)
def test_a_call_that_goes_otherwise_fails(phone: Phone, menu: Line, told: str, lines: list[str]) -> None:
    assert told in failure(phone, *lines)


def test_a_longer_variant_is_taken_if_it_goes_on(phone: Phone, menu: Line) -> None:
    play(call("press 1 early", "hear bouton.causes, fin.resolu", "hung up"), phone, BOOK)
    menu._answers["/key"].clear()
    menu.says("/key", "<Say>Merci.</Say><Say>Je patiente.</Say>")
    play(call("press 1 early", "hear fin.resolu, patience", "hung up"), phone, BOOK)


def test_another_disposition_fails(phone: Phone, menu: Line) -> None:
    told = failure(phone, "drop early", "hung up, abandoned at step accueil.menu", stage=World())
    assert "expected: the call ended as 'abandoned at step accueil.menu'\nfound:    'solved'" in told


def test_a_webhook_delivered_twice_must_get_the_same_bytes(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Pause/>", "<Hangup/>")
    told = failure(phone, "again")
    assert "first:  <Response><Pause/></Response>\nsecond: <Response><Hangup/></Response>" in told


def test_what_twilio_refuses_fails_at_its_line(phone: Phone, menu: Line) -> None:
    menu._answers["/key"].clear()
    menu.sends("/key", b"oops", 500)
    told = failure(phone, "hear accueil.bonjour, accueil.menu", "press 1")
    assert told.startswith("tests/calls/a.call:4: press 1\nTwilio error 11200: POST http://")
    assert told.count("The call so far:") == 1


def test_time_does_not_go_back_between_calls(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Hangup/>")
    again = "dial from anonymous at 2026-11-23 21:40"
    assert "would begin before the one above it" in failure(phone, "hung up", again)


# twilio.com/docs/voice/twiml/reject: a refused call is over too
def test_a_rejected_call_is_hung_up(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Reject/>")
    play(call("hung up"), phone, BOOK)
