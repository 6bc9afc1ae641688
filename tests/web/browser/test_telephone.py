"""The browser phone: keys pressed, the line answering, sound really sounding."""

from __future__ import annotations

import io
import re
import wave

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.lines import HandLine, RealLine, sound

GATHER = '<Gather action="/voice/1/ab/key" method="POST" input="dtmf" numDigits="{digits}" finishOnKey="{finish}" '
GATHER += 'timeout="5">{inside}</Gather><Redirect method="POST">/voice/1/ab/silence</Redirect>'


DIAL = '<Dial action="/voice/1/ab/dialled" timeout="30" callerId="+33199000000">'
DIAL += '<Number method="POST" url="/voice/1/ab/agent">+33199000001</Number></Dial>'


def gather(inside: str, digits: int = 1, finish: str = "") -> str:
    return GATHER.format(inside=inside, digits=digits, finish=finish)


def call(page: Page, url: str) -> None:
    page.goto(f"{url}/telephone")
    page.get_by_role("button", name="Appeler", exact=True).click()


def key(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"touche {name}", exact=True).click()


def let_pass(page: Page, seconds: float) -> None:
    page.evaluate("seconds => letPass(seconds)", seconds)


def test_keys_by_mouse_and_by_keyboard_reach_the_line_and_the_step_shows(timed: Page, real: RealLine) -> None:
    call(timed, real.url)
    expect(timed.locator("#step")).to_have_text("accueil.menu")
    expect(timed.locator("#turn")).to_have_text("0")
    key(timed, "2")
    expect(timed.locator("#step")).to_have_text("bouton.alimentation")
    expect(timed.locator("#event")).to_have_text("key 2")
    timed.keyboard.press("2")
    expect(timed.locator("#step")).to_have_text("bouton.ethernet")
    expect(timed.locator("#turn")).to_have_text("2")
    expect(timed.locator("#pressed")).to_have_text(re.compile(r"2\s2"))


def test_the_words_show_as_they_are_said_and_silence_goes_on_by_itself(timed: Page, real: RealLine) -> None:
    call(timed, real.url)
    expect(timed.locator("#turn")).to_have_text("0")
    timed.wait_for_load_state("networkidle")  # every clip of the answer is there
    real.let_pass(timed, 0.1)
    expect(timed.locator("#now")).to_contain_text("Bonjour. Dépannage automatique")
    real.let_pass(timed, 60)
    expect(timed.locator("#turn")).to_have_text("1")
    expect(timed.locator("#event")).to_have_text("silence")


def test_the_line_answers_the_browser_as_any_other_caller(timed: Page, real: RealLine) -> None:
    with timed.expect_response("**/telephone/appel") as first:
        call(timed, real.url)
    assert "ticket" in first.value.json()
    timed.keyboard.press("Escape")
    expect(timed.locator("#state")).to_have_text("Raccroché")


def test_a_clip_really_sounds_and_a_key_stops_it_at_once(page: Page, hand: HandLine) -> None:
    hand.clips["long.wav"] = sound(8)
    hand.says("/voice", gather("<Play>{audio}long.wav</Play>"))
    hand.says("/voice/1/ab/key", gather('<Pause length="9"/>'))
    call(page, hand.url)
    page.evaluate("heard((peak) => peak > 0.3)")
    expect(page.locator("#now")).to_have_text("les mots de long.wav")
    page.keyboard.press("1")
    page.evaluate("heard((peak) => peak < 0.2)")
    expect(page.locator("#turn")).to_have_text("1")


def test_a_press_is_answered_by_the_two_tones_of_its_key(page: Page, hand: HandLine) -> None:
    page.goto(f"{hand.url}/telephone")
    key(page, "5")
    page.evaluate("heard((peak) => peak > 0.05, 0.7)")


def test_the_call_goes_on_by_the_sound_card_s_own_clock(page: Page, hand: HandLine) -> None:
    hand.clips["short.wav"] = sound(0.2)
    hand.says("/voice", "<Play>{audio}short.wav</Play><Redirect>/voice/1/ab/silence</Redirect>")
    call(page, hand.url)
    expect(page.locator("#state")).to_have_text("Raccroché")
    assert [path for path, _ in hand.forms][:2] == ["/voice", "/voice/1/ab/silence"]


def test_the_time_out_counts_from_the_end_of_the_sound_and_then_falls_through(timed: Page, hand: HandLine) -> None:
    hand.clips["two.wav"] = sound(2)
    hand.says("/voice", gather('<Play>{audio}two.wav</Play><Pause length="1"/>'))
    hand.says("/voice/1/ab/silence", gather('<Pause length="9"/>'))
    call(timed, hand.url)
    expect(timed.locator("#turn")).to_have_text("0")
    timed.wait_for_load_state("networkidle")
    let_pass(timed, 7.9)
    expect(timed.locator("#left")).to_contain_text("1\u00a0s")
    expect(timed.locator("#turn")).to_have_text("0")
    let_pass(timed, 0.2)
    expect(timed.locator("#turn")).to_have_text("1")
    assert hand.forms[-1][0] == "/voice/1/ab/silence"
    assert "Digits" not in hand.forms[-1][1]


def test_several_digits_end_with_the_last_one(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", gather('<Pause length="1"/>', digits=3, finish="#"))
    call(timed, hand.url)
    expect(timed.locator("#turn")).to_have_text("0")
    timed.keyboard.type("123")
    expect(timed.locator("#state")).to_have_text("Raccroché")
    path, form = hand.forms[1]
    assert (path, form["Digits"]) == ("/voice/1/ab/key", "123")


@pytest.mark.parametrize(
    ("typed", "path", "digits"), [("12#", "/voice/1/ab/key", "12"), ("#", "/voice/1/ab/silence", None)]
)
def test_the_finishing_key_ends_the_entry(
    typed: str, path: str, digits: str | None, timed: Page, hand: HandLine
) -> None:
    hand.says("/voice", gather('<Pause length="1"/>', digits=6, finish="#"))
    call(timed, hand.url)
    expect(timed.locator("#turn")).to_have_text("0")
    timed.keyboard.type(typed)
    expect(timed.locator("#state")).to_have_text("Raccroché")
    assert (hand.forms[1][0], hand.forms[1][1].get("Digits")) == (path, digits)


def test_silence_between_two_keys_ends_the_entry(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", gather('<Pause length="9"/>', digits=6, finish="#"))
    call(timed, hand.url)
    expect(timed.locator("#turn")).to_have_text("0")
    timed.keyboard.press("1")
    let_pass(timed, 4.9)
    timed.keyboard.press("2")
    let_pass(timed, 4.9)
    expect(timed.locator("#state")).to_have_text("Appel en cours")
    let_pass(timed, 0.2)
    expect(timed.locator("#state")).to_have_text("Raccroché")
    assert hand.forms[1][1]["Digits"] == "12"


def test_every_key_of_the_pad_is_taken_when_none_finishes(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", gather('<Pause length="1"/>', digits=12))
    call(timed, hand.url)
    expect(timed.locator("#turn")).to_have_text("0")
    for name in (*"123456789", "étoile", "0", "dièse"):
        key(timed, name)
    expect(timed.locator("#state")).to_have_text("Raccroché")
    assert hand.forms[1][1]["Digits"] == "123456789*0#"


def test_a_clip_that_is_missing_is_said_and_the_call_goes_on(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", gather("<Play>{audio}missing.wav</Play>"))
    call(timed, hand.url)
    expect(timed.locator("#turn")).to_have_text("0")
    timed.wait_for_load_state("networkidle")
    let_pass(timed, 0.1)
    expect(timed.locator(".log .missing")).to_contain_text("les mots de missing.wav")
    let_pass(timed, 10)
    expect(timed.locator("#state")).to_have_text("Raccroché")


def test_a_message_is_as_long_as_the_caller_takes(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", '<Record action="/voice/1/ab/recorded" finishOnKey="#" maxLength="90" timeout="5"/>')
    call(timed, hand.url)
    expect(timed.locator("#now")).to_contain_text("répondeur enregistre")
    let_pass(timed, 13)
    timed.keyboard.press("#")
    expect(timed.locator("#state")).to_have_text("Raccroché")
    told = hand.forms[1][1]
    assert (told["RecordingDuration"], told["Digits"]) == ("12", "#")
    assert told["RecordingUrl"].endswith(f"/Recordings/{told['RecordingSid']}")


def message(page: Page, line: HandLine, ends: str = 'finishOnKey="#"') -> None:
    """Call a line that records at once, without a beep."""
    line.says("/voice", f'<Record action="/voice/1/ab/recorded" playBeep="false" maxLength="90" {ends}/>')
    line.says("/voice/1/ab/recorded", gather('<Pause length="9"/>'))
    call(page, line.url)
    expect(page.locator("#now")).to_contain_text("Le répondeur enregistre")


def recorded(line: HandLine) -> tuple[float, int]:
    """How long the only recording lasts in seconds, and the peak of its samples."""
    ((name, kept),) = line.recordings.items()
    form = next(form for path, form in line.forms if path.endswith("/recorded"))
    assert form["RecordingSid"] == name
    with wave.open(io.BytesIO(kept)) as read:
        assert (read.getnchannels(), read.getsampwidth(), read.getframerate()) == (1, 2, 8000)
        seconds = read.getnframes() / 8000
        peak = max(map(abs, memoryview(read.readframes(read.getnframes())).cast("h")), default=0)
    assert form["RecordingDuration"] == str(round(seconds))
    return seconds, peak


def test_what_the_microphone_hears_reaches_the_carrier(page: Page, keeping: HandLine) -> None:
    page.context.grant_permissions(["microphone"])
    message(page, keeping)
    expect(page.locator("#now")).to_contain_text("votre voix. Pour finir\u00a0: dièse.")
    page.wait_for_timeout(1500)  # the card's own time: what is recorded is real
    page.keyboard.press("#")
    expect(page.locator("#turn")).to_have_text("1")
    seconds, peak = recorded(keeping)
    assert 1 < seconds < 4
    assert peak > 1000
    expect(page.get_by_role("alert")).to_be_empty()


@pytest.mark.parametrize("ends", ["Escape", "#"])
def test_a_microphone_that_is_refused_leaves_beeps_and_says_so(ends: str, timed: Page, keeping: HandLine) -> None:
    message(timed, keeping)
    expect(timed.get_by_role("alert")).to_contain_text("Le micro n’est pas disponible")
    let_pass(timed, 12.4)
    timed.keyboard.press(ends)
    if ends == "#":
        expect(timed.locator("#turn")).to_have_text("1")
    else:
        expect(timed.locator("#state")).to_have_text("Raccroché")
        timed.wait_for_load_state("networkidle")
    seconds, peak = recorded(keeping)
    assert seconds == pytest.approx(12.4, abs=0.01)
    assert peak == pytest.approx(3277, abs=10)


def test_a_caller_who_hangs_up_has_left_the_message(timed: Page, keeping: HandLine) -> None:
    message(timed, keeping)
    let_pass(timed, 5)
    with timed.expect_response("**/telephone/fin"):
        timed.keyboard.press("Escape")
    assert [path for path, _ in keeping.forms] == ["/voice", "/voice/1/ab/recorded", "/voice/status"]
    assert keeping.forms[1][1]["Digits"] == "hangup"
    assert recorded(keeping)[0] == pytest.approx(5, abs=0.01)


def test_a_message_ends_with_silence_where_a_microphone_hears_it(page: Page, keeping: HandLine) -> None:
    page.context.grant_permissions(["microphone"])
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => new AudioContext().createMediaStreamDestination().stream"
    )
    message(page, keeping, 'timeout="1"')
    expect(page.locator("#turn")).to_have_text("1")
    assert "Digits" not in keeping.forms[1][1]
    assert recorded(keeping)[1] == 0


def test_a_message_ends_at_its_longest(timed: Page, keeping: HandLine) -> None:
    message(timed, keeping, 'timeout="3"')
    let_pass(timed, 91)
    expect(timed.locator("#turn")).to_have_text("1")
    assert recorded(keeping)[0] == pytest.approx(90, abs=0.01)


@pytest.mark.parametrize(("who", "result"), [("Occupé", "busy"), ("Pas de réponse", "no-answer"), ("", "no-answer")])
def test_a_colleague_is_busy_or_does_not_answer(who: str, result: str, timed: Page, hand: HandLine) -> None:
    hand.says("/voice", DIAL)
    call(timed, hand.url)
    expect(timed.locator("#now")).to_have_text("Un autre poste sonne.")
    if who:
        timed.get_by_role("button", name=who).click()
    else:
        let_pass(timed, 31)
    expect(timed.locator("#state")).to_have_text("Raccroché")
    assert [path for path, _ in hand.forms][:2] == ["/voice", "/voice/1/ab/dialled"]
    assert dialled(hand) == (result, "false", None)
    expect(timed.locator("#person")).to_be_hidden()


@pytest.fixture
def whispering(timed: Page, hand: HandLine) -> Page:
    """A page on which a colleague has answered, and hears what the line says to him alone."""
    hand.says("/voice", DIAL)
    hand.clips["b.wav"] = sound(1)
    said = "<Play>{audio}b.wav</Play><Say>Tapez un.</Say>"
    accept = '<Gather action="/voice/1/ab/taken" numDigits="1" finishOnKey="" timeout="6">'
    hand.says("/voice/1/ab/agent", f"{accept}{said}</Gather><Hangup/>")
    hand.says("/voice/1/ab/taken", "")
    call(timed, hand.url)
    timed.get_by_role("button", name="Le conseiller répond").click()
    expect(timed.locator("#person-does")).to_have_text("Le conseiller écoute l’annonce")
    timed.wait_for_load_state("networkidle")
    let_pass(timed, 0.5)
    return timed


def dialled(hand: HandLine) -> tuple[str, str, str | None]:
    (told,) = (form for path, form in hand.forms if path.endswith("/dialled"))
    return told["DialCallStatus"], told["DialBridged"], told.get("DialCallDuration")


def test_a_colleague_hears_the_whisper_accepts_and_talks(whispering: Page, hand: HandLine) -> None:
    expect(whispering.locator(".log .agent")).to_contain_text("conseiller\u00a0: les mots de b.wav")
    let_pass(whispering, 4)
    whispering.keyboard.press("1")
    expect(whispering.locator("#person-does")).to_have_text("En communication avec le conseiller")
    let_pass(whispering, 29.8)
    whispering.get_by_role("button", name="Il raccroche").click()
    expect(whispering.locator("#state")).to_have_text("Raccroché")
    agent, taken = (form for path, form in hand.forms if path.endswith(("/agent", "/taken")))
    caller = hand.forms[0][1]
    for form in (agent, taken):
        assert (form["Direction"], form["ParentCallSid"]) == ("outbound-dial", caller["CallSid"])
        assert (form["From"], form["To"], form["CallStatus"]) == ("+33199000000", "+33199000001", "in-progress")
    assert taken["Digits"] == "1"
    told = hand.forms[3][1]
    assert (told["DialCallSid"], told["CallSid"]) == (agent["CallSid"], caller["CallSid"])
    assert dialled(hand) == ("completed", "true", "34")


def test_the_whisper_sounds_and_the_button_accepts(page: Page, hand: HandLine) -> None:
    hand.clips["long.wav"] = sound(8)
    hand.says("/voice", DIAL)
    hand.says("/voice/1/ab/agent", gather("<Play>{audio}long.wav</Play>"))
    hand.says("/voice/1/ab/key", "")
    call(page, hand.url)
    page.get_by_role("button", name="Le conseiller répond").click()
    page.evaluate("heard((peak) => peak > 0.3)")
    page.get_by_role("button", name="Il tape 1").click()
    expect(page.locator("#person-does")).to_have_text("En communication avec le conseiller")
    page.evaluate("heard((peak) => peak < 0.01)")


def test_a_whisper_that_is_not_accepted_connects_nobody(whispering: Page, hand: HandLine) -> None:
    let_pass(whispering, 20)
    expect(whispering.locator("#state")).to_have_text("Raccroché")
    expect(whispering.locator(".log")).to_contain_text("Le conseiller n’a pas pris l’appel.")
    assert dialled(hand)[:2] == ("completed", "false")


def test_a_colleague_who_hangs_up_in_the_whisper_is_not_connected(whispering: Page, hand: HandLine) -> None:
    whispering.get_by_role("button", name="Il raccroche").click()
    expect(whispering.locator("#state")).to_have_text("Raccroché")
    assert dialled(hand)[:2] == ("completed", "false")


def test_a_caller_who_hangs_up_in_the_whisper_ends_both_legs(whispering: Page, hand: HandLine) -> None:
    with whispering.expect_response("**/telephone/fin"):
        whispering.keyboard.press("Escape")
    expect(whispering.locator("#person")).to_be_hidden()
    let_pass(whispering, 60)
    assert [path for path, _ in hand.forms] == ["/voice", "/voice/1/ab/agent", "/voice/status"]
    assert hand.forms[-1][1]["CallSid"] == hand.forms[0][1]["CallSid"]


def test_without_a_whisper_whoever_answers_is_connected(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", DIAL.replace(' url="/voice/1/ab/agent"', ""))
    call(timed, hand.url)
    timed.get_by_role("button", name="Le conseiller répond").click()
    let_pass(timed, 12)
    timed.get_by_role("button", name="Il raccroche").click()
    expect(timed.locator("#state")).to_have_text("Raccroché")
    assert dialled(hand) == ("completed", "true", "12")


@pytest.mark.parametrize("how", ["Escape", "Enter", "button"])
def test_hanging_up_ends_the_call_and_tells_the_line(how: str, timed: Page, hand: HandLine) -> None:
    hand.says("/voice", gather('<Pause length="9"/>'))
    timed.goto(f"{hand.url}/telephone")
    timed.keyboard.press("Enter")
    expect(timed.locator("#turn")).to_have_text("0")
    with timed.expect_response("**/telephone/fin"):
        if how == "button":
            timed.get_by_role("button", name="Raccrocher").click()
        else:
            timed.keyboard.press(how)
    expect(timed.locator("#state")).to_have_text("Raccroché")
    expect(timed.get_by_role("button", name="Appeler", exact=True)).to_be_visible()
    path, form = hand.forms[-1]
    assert (path, form["CallStatus"]) == ("/voice/status", "completed")


def test_a_withheld_number_stays_withheld(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", gather('<Pause length="9"/>'))
    timed.goto(f"{hand.url}/telephone")
    timed.get_by_label("Appeler en numéro masqué").check()
    timed.get_by_role("button", name="Appeler", exact=True).click()
    expect(timed.locator("#turn")).to_have_text("0")
    timed.keyboard.press("1")
    expect(timed.locator("#state")).to_have_text("Raccroché")
    assert {form["From"] for _, form in hand.forms} == {"anonymous"}


def test_a_network_that_fails_ends_the_call_and_says_so(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", gather('<Pause length="9"/>'))
    call(timed, hand.url)
    expect(timed.locator("#turn")).to_have_text("0")
    timed.context.set_offline(True)
    timed.keyboard.press("1")
    expect(timed.get_by_role("alert")).to_contain_text("Le réseau a manqué")
    expect(timed.locator("#state")).to_have_text("Raccroché")


def test_what_the_carrier_would_refuse_is_told(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", "<Saye>Bonjour.</Saye>")
    call(timed, hand.url)
    expect(timed.get_by_role("alert")).to_contain_text("Twilio error 12200")


def test_every_button_has_a_name_and_the_log_does_not_talk_over_the_call(page: Page, hand: HandLine) -> None:
    page.goto(f"{hand.url}/telephone")
    names = [button.get_attribute("aria-label") for button in page.locator(".key").all()]
    assert names == [f"touche {name}" for name in (*"123456789", "étoile", "0", "dièse")]
    assert page.get_by_role("log").get_attribute("aria-live") == "off"
    page.get_by_label("lecteur d’écran").check()
    assert page.get_by_role("log").get_attribute("aria-live") == "polite"


def test_a_focused_key_is_pressed_once_by_the_keyboard(timed: Page, hand: HandLine) -> None:
    hand.says("/voice", gather('<Pause length="9"/>', digits=2))
    call(timed, hand.url)
    expect(timed.locator("#turn")).to_have_text("0")
    timed.get_by_role("button", name="touche 7").focus()
    timed.keyboard.press("Enter")
    timed.keyboard.press("Space")
    expect(timed.locator("#state")).to_have_text("Raccroché")
    assert hand.forms[1][1]["Digits"] == "77"


@pytest.mark.parametrize("path", ["/telephone", "/ecoute"])
def test_nothing_is_wider_than_the_smallest_screen(path: str, timed: Page, real: RealLine) -> None:
    timed.set_viewport_size({"width": 360, "height": 740})
    timed.goto(real.url + path)
    if path == "/telephone":
        timed.get_by_role("button", name="Appeler", exact=True).click()
        expect(timed.locator("#turn")).to_have_text("0")
        real.let_pass(timed, 5)
        key(timed, "2")
        expect(timed.locator("#turn")).to_have_text("1")
    assert timed.evaluate("document.documentElement.scrollWidth") == 360
