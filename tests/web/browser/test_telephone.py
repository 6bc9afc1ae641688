"""The browser phone: keys pressed, the line answering, sound really sounding."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser.lines import HandLine, RealLine, sound

GATHER = '<Gather action="/voice/1/ab/key" method="POST" input="dtmf" numDigits="{digits}" finishOnKey="{finish}" '
GATHER += 'timeout="5">{inside}</Gather><Redirect method="POST">/voice/1/ab/silence</Redirect>'


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
    assert hand.forms[1][1]["RecordingDuration"] == "12"


@pytest.mark.parametrize(("who", "result"), [("Il répond", "completed"), ("Il est occupé", "busy"), ("", "no-answer")])
def test_another_telephone_answers_or_not(who: str, result: str, timed: Page, hand: HandLine) -> None:
    hand.says("/voice", '<Dial action="/voice/1/ab/dialled" timeout="30" callerId="+33199000000">+33199000001</Dial>')
    call(timed, hand.url)
    expect(timed.locator("#now")).to_have_text("Un autre poste sonne.")
    if who:
        timed.get_by_role("button", name=who).click()
    let_pass(timed, 31)
    expect(timed.locator("#state")).to_have_text("Raccroché")
    assert hand.forms[1][1]["DialCallStatus"] == result


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
