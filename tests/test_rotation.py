"""Keys and tokens are replaced while people call: no call is lost, and what is taken away opens nothing any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.phone import Phone
from ivr.phone.transcript import parse, play
from ivr.settings import SECRETS, SettingsError, settings
from ivr.web.voice import NO_CALL
from tests.line import ACCOUNT, ROOT, TOKEN, Line, book_of
from tests.test_settings import PRODUCTION

FIRST, SECOND = "of the first year", "of the second year"
NEW_TOKEN = "the token that the console has promoted"


def key(name: str) -> str:
    return f"a made-up secret key {name}".ljust(48, "-")


class Rotated(Line):
    """A line whose secret key and carrier's token are replaced, in the middle of a transcript, by `rotate`."""

    keys: tuple[str, ...] = ()

    def verb(self, name: str, args: tuple[str, ...], phone: Phone) -> None:
        """The verbs of a line, and `rotate`."""
        if name == "rotate":
            self.keys = (key(str(len(self.keys))), *self.keys)
            self.restart(IVR_SECRET_KEY=",".join(self.keys), TWILIO_AUTH_TOKEN=f"{TOKEN},{NEW_TOKEN}")
        else:
            super().verb(name, args, phone)


@pytest.mark.parametrize("call", ["code-par-sms", "reprise-code-pas-lu"])
def test_a_call_goes_as_written_though_the_keys_are_replaced_before_each_of_its_turns(
    call: str, tmp_path: Path
) -> None:
    written = (ROOT / "tests" / "calls" / f"{call}.call").read_text().splitlines()
    moves = ("press", "silence", "types", "dial")
    rotated = "\n".join(f"rotate\n{each}" if each.startswith(moves) else each for each in written)
    line = Rotated(tmp_path / "var", ROOT / "prompts")
    line.verb("rotate", (), line.phone())
    try:
        play(parse(rotated, call), line.phone(), book_of(line), line)
        assert len(line.keys) > 10
    finally:
        line.stop()


def test_a_key_that_was_taken_away_signs_no_address_and_opens_no_call(line: Line) -> None:
    line.restart(IVR_SECRET_KEY=key(FIRST))
    phone = line.phone()
    phone.dial()
    line.restart(IVR_SECRET_KEY=key(SECOND))
    phone.press("2")
    phone.hear_out()
    assert NO_CALL[:30] in phone.so_far(), "the address of the turn is not ours any more"


def test_both_tokens_of_the_carrier_are_accepted_while_one_is_replaced(line: Line) -> None:
    line.restart(TWILIO_AUTH_TOKEN=f"{TOKEN},{NEW_TOKEN}")
    for caller, token in (("+33639980001", TOKEN), ("+33639980002", NEW_TOKEN)):
        phone = Phone(f"{line.url}/voice", caller=caller, token=token, account=ACCOUNT, clock=line.clock)
        phone.dial()
        phone.press("2")
        phone.hear_out()
        assert "le câble Ethernet" in phone.so_far()
        phone.drop()


# Where secrets are read from


def test_secrets_are_read_from_files_and_from_systemds_credentials(tmp_path: Path) -> None:
    named, credentials = tmp_path / "token", tmp_path / "credentials"
    named.write_text(f"{TOKEN.replace(' ', '-')}\nnew-token\n")
    credentials.mkdir()
    (credentials / "IVR_SECRET_KEY").write_text("k" * 40 + "\n" + "o" * 40 + "\n")
    given = {**PRODUCTION, "IVR_SECRET_KEY": "", "TWILIO_AUTH_TOKEN": "", "IVR_DATA_DIR": str(tmp_path)}
    found = settings({**given, "TWILIO_AUTH_TOKEN_FILE": str(named), "CREDENTIALS_DIRECTORY": str(credentials)})
    assert found.auth_tokens == (TOKEN.replace(" ", "-"), "new-token")
    assert found.secret_keys == (b"k" * 40, b"o" * 40)


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_be_in_a_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{name} cannot be read from .*nothing"):
        settings({"IVR_DATA_DIR": str(tmp_path), f"{name}_FILE": str(tmp_path / "nothing")})


def test_a_secret_in_two_places_stops_the_start_and_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("f" * 40)
    with pytest.raises(SettingsError) as error:
        settings({**PRODUCTION, "IVR_DATA_DIR": str(tmp_path), "IVR_SECRET_KEY_FILE": str(file)})
    assert "keep one of the two" in str(error.value)
    assert "f" * 8 not in str(error.value)
    assert "x" * 8 not in str(error.value)


def test_one_key_of_several_that_is_too_short_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="IVR_SECRET_KEY is shorter than 32"):
        settings({**PRODUCTION, "IVR_DATA_DIR": str(tmp_path), "IVR_SECRET_KEY": f"{'n' * 32},short"})
