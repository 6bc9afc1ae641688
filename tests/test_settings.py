"""Settings: every wrong one is told, with its mend, before the line starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.settings import MEANINGS, SettingsError, settings
from tests.line import ROOT

PRODUCTION = {
    "IVR_ENV": "production",
    "IVR_PUBLIC_URL": "https://ligne.example.com",
    "IVR_SECRET_KEY": "x" * 32,
    "TWILIO_AUTH_TOKEN": "token",
}


def test_the_line_starts_with_nothing_set(tmp_path: Path) -> None:
    found = settings({"IVR_DATA_DIR": str(tmp_path)})
    assert found.public_url == "http://127.0.0.1:5000"
    assert found.database_url == f"sqlite:///{tmp_path}/ligne.sqlite"
    assert found.prompts_dir == ROOT / "prompts"
    assert found.auth_tokens == ()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"TWILIO_AUTH_TOKEN": ""}, "TWILIO_AUTH_TOKEN is missing"),
        ({"IVR_SECRET_KEY": ""}, "IVR_SECRET_KEY is missing"),
        ({"IVR_SECRET_KEY": "short"}, "IVR_SECRET_KEY is shorter than 32"),
        ({"IVR_PUBLIC_URL": "ligne.example.com"}, "IVR_PUBLIC_URL is 'ligne.example.com'"),
        ({"IVR_PUBLIC_URL": "https://ligne.example.com/?a=1"}, "IVR_PUBLIC_URL is"),
        ({"IVR_WORKERS": "many"}, "IVR_WORKERS is 'many'"),
    ],
)
def test_production_refuses_to_start_with_what_is_missing_or_wrong(
    wrong: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=told.replace("?", "[?]")):
        settings({**PRODUCTION, "IVR_DATA_DIR": str(tmp_path), **wrong})


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        settings({"IVR_ENV": "production", "IVR_WORKERS": "0", "IVR_DATA_DIR": str(tmp_path)})
    assert len(str(error.value).splitlines()) == 3


def test_two_tokens_and_several_numbers(tmp_path: Path) -> None:
    env = {**PRODUCTION, "TWILIO_AUTH_TOKEN": "old, new", "IVR_NUMBERS": "+33199000000, +33199000001"}
    found = settings({**env, "IVR_DATA_DIR": str(tmp_path)})
    assert found.auth_tokens == ("old", "new")
    assert found.numbers == {"+33199000000", "+33199000001"}
    assert found.path_prefix == ""


def test_only_settings_reads_the_environment_and_knows_every_setting() -> None:
    source = (ROOT / "ivr" / "settings.py").read_text()
    assert all(source.count(f'"{name}"') >= 2 for name in MEANINGS)
