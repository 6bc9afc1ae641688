"""The player: every sample where it belongs, and the mu-law of a telephone as Chromium's own decoder reads it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.web.browser.lines import HandLine, prompt, sound, wave

DECODED = """async () => {
  const { sampled } = await import("/telephone/sound.js");
  const context = new OfflineAudioContext(1, 256, 8000);
  const bytes = await (await fetch("/audio/all.wav")).arrayBuffer();
  const ours = await sampled(context, bytes);
  const theirs = await context.decodeAudioData(bytes.slice(0));
  const apart = ours.getChannelData(0).map((value, i) => Math.abs(value - theirs.getChannelData(0)[i]));
  return [ours.length, theirs.length, Math.max(...apart)];
}"""

LAID = """async () => {
  const { Player } = await import("/telephone/sound.js");
  const context = new OfflineAudioContext(1, 16000, 8000);
  let waits;
  const scheduled = new Promise((done) => (waits = done));
  const clock = { now: () => 0, audible: (when) => when, at: (when) => (when > 1.05 && waits(), () => {}) };
  const player = new Player(context, clock);
  const [a, b] = [{ clip: "audio/a.wav" }, { clip: "audio/b.wav" }];
  player.play([a, { silence: 0.25 }, a, b, { silence: 0.5 }]);
  await scheduled;
  const samples = (await context.startRendering()).getChannelData(0);
  const loud = [...samples].map((value) => Math.abs(value) > 0.1);
  return loud.flatMap((is, i) => (is === (loud[i - 1] ?? false) ? [] : [i]));
}"""

CUT = """async () => {
  const { Player } = await import("/telephone/sound.js");
  const context = new OfflineAudioContext(1, 16000, 8000);
  let waits;
  const scheduled = new Promise((done) => (waits = done));
  const clock = { now: () => 0, audible: (when) => when, at: (when) => (when > 1 && waits(), () => {}) };
  const player = new Player(context, clock);
  const heardWhole = player.play([{ clip: "audio/long.wav" }]);
  await scheduled;
  context.suspend(4096 / 8000).then(() => (player.stop(), context.resume()));
  const samples = (await context.startRendering()).getChannelData(0);
  return [samples.findLastIndex((value) => Math.abs(value) > 0.001), await heardWhole];
}"""


def test_a_sound_that_is_stopped_has_died_away_after_five_milliseconds(page: Page, hand: HandLine) -> None:
    hand.clips["long.wav"] = sound(1.5)
    page.goto(f"{hand.url}/telephone")
    last, whole = page.evaluate(CUT)
    assert 4096 <= last <= 4096 + 40
    assert whole is None


def test_every_byte_of_mu_law_is_the_sample_that_chromium_reads(page: Page, hand: HandLine) -> None:
    hand.clips["all.wav"] = wave(bytes(range(256)))
    page.goto(f"{hand.url}/telephone")
    ours, theirs, apart = page.evaluate(DECODED)
    assert (ours, theirs) == (256, 256)
    assert apart < 1e-4


def test_clips_and_silences_are_laid_to_the_sample(page: Page, hand: HandLine) -> None:
    hand.clips |= {"a.wav": sound(0.1), "b.wav": sound(0.4)}
    page.goto(f"{hand.url}/telephone")
    lead = 240
    first, gap, second = lead + 800, 2000, 800 + 3200
    assert page.evaluate(LAID) == [lead, first, first + gap, first + gap + second]


def test_the_listening_page_plays_a_prompt_and_stops_it(page: Page, hand: HandLine) -> None:
    hand.clips["a.wav"] = sound(5)
    hand.prompts = [prompt("accueil.bonjour", "a.wav", "Bonjour."), prompt("accueil.menu", "", "Tapez 1.")]
    page.goto(f"{hand.url}/ecoute")
    expect(page.locator(".prompt")).to_have_count(2)
    expect(page.locator(".badge")).to_have_count(1)
    button = page.get_by_role("button", name="Écouter accueil.bonjour")
    button.click()
    page.evaluate("heard((peak) => peak > 0.3)")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    page.evaluate("heard((peak) => peak < 0.01)")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_the_listening_page_plays_everything_in_order(timed: Page, hand: HandLine) -> None:
    hand.clips["a.wav"] = sound(1)
    hand.prompts = [prompt("un", "a.wav", "Un."), prompt("deux", "a.wav", "Deux.")]
    timed.goto(f"{hand.url}/ecoute")
    timed.get_by_role("button", name="Tout écouter").click()
    expect(timed.locator(".playing")).to_have_id("un")
    timed.wait_for_load_state("networkidle")
    timed.evaluate("letPass(3)")
    expect(timed.locator(".playing")).to_have_id("deux")
    timed.evaluate("letPass(3)")
    expect(timed.locator(".playing")).to_have_count(0)


def test_the_listening_page_finds_words_without_their_accents(page: Page, hand: HandLine) -> None:
    hand.prompts = [prompt("un", "", "Le câble Ethernet."), prompt("deux", "", "Le bouton.")]
    page.goto(f"{hand.url}/ecoute")
    page.get_by_label("Chercher").fill("cable")
    expect(page.locator(".prompt:visible")).to_have_count(1)
    page.get_by_label("Chercher").fill("rien de tel")
    expect(page.locator("#nothing")).to_be_visible()
