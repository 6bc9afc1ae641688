"""The clips that are shipped: all of them there, none too many, each within the limits of a telephone."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

from ivr.flow.model import Flow, Words
from ivr.folder import read_lexicon
from ivr.phone.transcript import play, read
from ivr.speech.shelf import read_shelf
from ivr.speech.speaker import Speaker
from ivr.speech.voices import preferred
from ivr.web.listening import listened
from tests.line import ROOT, Line, book_of

IVR = str(Path(sys.executable).with_name("ivr"))


def ivr_speak(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IVR_")}
    return subprocess.run(  # noqa: S603
        [IVR, "speak", *arguments], capture_output=True, text=True, env=environment, timeout=120, check=False
    )


def test_the_audio_says_what_the_script_says() -> None:
    checked = ivr_speak("--check")
    assert checked.returncode == 0, checked.stdout


def test_every_clip_keeps_to_the_limits_of_a_telephone() -> None:
    measured = ivr_speak("--measure")
    assert measured.returncode == 0, measured.stdout


def test_the_whole_voice_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "audio").iterdir()) <= 12_000_000


def test_every_prompt_and_cue_sounds_in_clips_alone(flow: Flow) -> None:
    speaker = Speaker(flow, read_shelf(ROOT / "audio"), read_lexicon(ROOT / "prompts"), preferred("kokoro"))
    parts = [part for prompt in listened(speaker) for part in prompt.parts]
    assert len(parts) > 150
    assert [part for part in parts if isinstance(part, Words)] == []


def test_the_hold_lasts_what_the_guide_says(line: Line) -> None:
    shelf = read_shelf(ROOT / "audio")
    holds = [
        name for name, words in shelf.words.items() if "Je compte trente secondes." in words and "Relâchez" in words
    ]
    assert len(holds) == 1
    assert 40 < shelf.sounds[holds[0]].seconds < 50


def test_deleting_any_clip_breaks_no_call(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    audio.mkdir()
    for number, path in enumerate(sorted((ROOT / "audio").glob("*.wav"))):
        if number % 3:
            (audio / path.name).symlink_to(path)
    line = Line(tmp_path / "var", ROOT / "prompts", audio=audio)
    try:
        for name in ("s1-pas-de-base", "s2c-bouton-routeur", "s4-je-ne-sais-pas"):
            play(read(ROOT / "tests" / "calls" / f"{name}.call"), line.phone(), book_of(line), line)
    finally:
        line.stop()


def test_clips_are_served_for_a_year_with_an_etag(line: Line) -> None:
    client = line.app.test_client()
    name = next(iter(read_shelf(ROOT / "audio").sounds))
    first = client.get(f"/audio/{name}")
    assert (first.status_code, first.mimetype) == (200, "audio/wav")
    assert first.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert int(first.headers["Content-Length"]) == len(first.data)
    assert io.BytesIO(first.data).read(4) == b"RIFF"
    again = client.get(f"/audio/{name}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = client.head(f"/audio/{name}")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(first.data)))
    assert client.get("/audio/nothing.wav").status_code == 404
    assert client.get("/audio/../ligne.sqlite").status_code == 404
    later = client.get(f"/audio/{name}?from=100")
    assert (later.status_code, len(later.data) < len(first.data)) == (200, True)
    assert client.get(f"/audio/{name}?from=%00").status_code == 200
