"""The four symptoms, called from the browser in the shipped voice: every step speaks, and each key leads on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.browser.lines import RealLine
from tests.web.browser.test_telephone import call

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATHS = {
    "S1": "1 pas-de-base.verifier 1 combine.preparer 1 combine.menu-reglages 1 combine.maintenir "
    "1 combine.enregistre 1 fin.resolu",
    "S2": "2 bouton.alimentation 2 bouton.ethernet 2 bouton.routeur 1 bouton.base-connectee 1 fin.resolu",
    "S3": "3 code.regarder 1 code.choix 2 reinitialiser.preparer 1 reinitialiser.debrancher 1 reinitialiser.expliquer "
    "1 reinitialiser.compter",
    "S4": "4 accueil.diagnostic-bouton 1 accueil.diagnostic-combine 1 combine.preparer",
}


@pytest.mark.parametrize("name", PATHS)
def test_each_symptom_is_led_through_in_sound(name: str, timed: Page, real: RealLine) -> None:
    call(timed, real.url)
    expect(timed.locator("#step")).to_have_text("accueil.menu")
    words = PATHS[name].split()
    for key, step in zip(words[::2], words[1::2], strict=True):
        timed.keyboard.press(key)
        expect(timed.locator("#step")).to_have_text(step)
        timed.wait_for_load_state("networkidle")
    real.let_pass(timed, 1.0)
    assert "sans voix" not in timed.locator("body").inner_text()
    assert "(enregistrement)" not in timed.locator("body").inner_text()
