"""`ivr speak`: it makes what is missing and only that. Spoken with pico, which is small and needs no set-up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ivr.speech.clips import human
from ivr.speech.shelf import INDEX, read_shelf
from tests.line import ROOT

IVR = str(Path(sys.executable).with_name("ivr"))
TINY = {
    "ligne.toml": (ROOT / "tests" / "scripts" / "good" / "petit" / "ligne.toml").read_text(),
    "aide.toml": (ROOT / "tests" / "scripts" / "good" / "petit" / "aide.toml").read_text(),
    "essai.toml": (ROOT / "tests" / "scripts" / "good" / "petit" / "essai.toml").read_text(),
}


class Studio:
    """A script, a folder of clips, and the command."""

    def __init__(self, folder: Path) -> None:
        self.prompts, self.audio = folder / "prompts", folder / "audio"
        self.prompts.mkdir()
        for name, text in TINY.items():
            (self.prompts / name).write_text(text)
        self._environment = {
            **os.environ,
            "IVR_PROMPTS_DIR": str(self.prompts),
            "IVR_AUDIO_DIR": str(self.audio),
            "IVR_DATA_DIR": str(folder / "var"),
            "IVR_VOICE": "pico",
        }

    def speak(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `ivr speak`."""
        return self.run("speak", *arguments)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `ivr`."""
        return subprocess.run(  # noqa: S603
            [IVR, *arguments], capture_output=True, text=True, env=self._environment, timeout=170, check=False
        )

    def edit(self, old: str, new: str) -> None:
        """Change a sentence of the script."""
        path = self.prompts / "essai.toml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def files(self) -> dict[str, float]:
        """The clips, with when each was written."""
        return {path.name: path.stat().st_mtime_ns for path in self.audio.glob("*.wav")}


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A studio in which everything has been spoken once."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    assert studio.speak("--check").returncode == 1
    made = studio.speak()
    assert made.returncode == 0, made.stderr
    return studio


def test_the_second_run_makes_nothing(spoken: Studio) -> None:
    before = spoken.files()
    again = spoken.speak()
    assert "0 clips faits" in again.stdout
    assert spoken.files() == before
    assert spoken.speak("--check").returncode == 0


def test_an_edited_sentence_is_told_made_and_its_old_clip_thrown_away(spoken: Studio) -> None:
    before = spoken.files()
    spoken.edit("Après le bip, parlez.", "Parlez après le bip.")
    told = spoken.speak("--check")
    assert told.returncode == 1
    assert "manquant" in told.stdout
    assert "« Parlez après le bip. »" in told.stdout
    assert "orphelin" in told.stdout
    assert spoken.speak("--prune").returncode == 0
    after = spoken.files()
    assert len(after.keys() - before.keys()) == 2  # at both speeds
    assert len(before.keys() - after.keys()) == 2
    assert {name: at for name, at in after.items() if name in before} == {n: a for n, a in before.items() if n in after}
    assert spoken.speak("--check").returncode == 0


def test_a_deleted_clip_is_made_again_with_the_same_bytes(spoken: Studio) -> None:
    victim = sorted(spoken.audio.glob("pico-*.wav"))[3]
    data = victim.read_bytes()
    victim.unlink()
    (spoken.audio / ".half-written.wav.tmp").write_bytes(b"RIFF")
    assert "1 clips faits" in spoken.speak().stdout
    assert victim.read_bytes() == data


def test_a_persons_recording_is_treated_and_wins(spoken: Studio) -> None:
    import numpy as np
    import soundfile

    name = human("Au revoir.")
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    soundfile.write(spoken.audio / name, tone, 44_100)
    assert read_shelf(spoken.audio).find(name) is None
    assert spoken.speak("--prune").returncode == 0
    found = read_shelf(spoken.audio).find(name)
    assert found
    assert found.seconds == pytest.approx(1.0, abs=0.1)
    assert spoken.speak("--check").returncode == 0
    (spoken.audio / name).unlink()
    assert spoken.speak().returncode == 0


def test_everything_is_measured_by_one_command(spoken: Studio) -> None:
    measured = spoken.speak("--measure")
    assert "sonie" in measured.stdout
    assert "compte : 10.00" in measured.stdout


def test_the_index_tells_what_each_clip_says(spoken: Studio) -> None:
    index = json.loads((spoken.audio / INDEX).read_text())
    assert set(index) == set(spoken.files())
    assert "Bonjour." in index.values()


def test_the_text_to_record_names_each_file(spoken: Studio) -> None:
    text = spoken.run("read").stdout
    assert f"`{human('Bonjour.')}`  « Bonjour. »" in text
    assert text.index("essai.bonjour") < text.index("essai.menu") < text.index("essai.fini")


def test_the_words_of_hours_are_wanted_and_in_the_text_to_record(spoken: Studio) -> None:
    (spoken.prompts / "horaires.toml").write_text('[semaine]\nlundi = ["09:15-12:00"]')
    told = spoken.speak("--check")
    assert "« à neuf heures quinze »" in told.stdout
    text = spoken.run("read").stdout
    for words in ("entre neuf heures quinze et onze heures quinze", "hier"):
        assert f"`{human(words)}`  « {words} »" in text
    (spoken.prompts / "horaires.toml").unlink()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--engine", "anna"], "choose one of kokoro, pico, gtts, carrier"),
        (["--engine", "carrier"], "aucun clip à faire"),
        (["--play", "essai.nulle-part"], "n'est pas une étape"),
    ],
)
def test_what_cannot_be_spoken_is_told(spoken: Studio, arguments: list[str], told: str) -> None:
    refused = spoken.speak(*arguments)
    assert told in refused.stdout + refused.stderr
