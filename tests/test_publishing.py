"""A script that is published, seen from the telephone: who calls hears the new one, who is calling stays on his own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from ivr.folder import read_files, revision_of
from ivr.operators import Report
from ivr.phone import Phone
from ivr.publishing import Publisher, clips_in_use, started_with
from ivr.settings import Settings, settings
from ivr.speech.clips import take
from ivr.speech.shelf import wave
from ivr.store.revisions import Revisions
from ivr.store.vault import Vault
from tests.line import ROOT, Line

CARRIER = {"IVR_VOICE": "carrier", "IVR_SECRET_KEY": "k" * 32}
KOKORO = {**CARRIER, "IVR_VOICE": "kokoro"}
README = (ROOT / "README.md").read_text()
OLD, NEW, NEWER = "Bonjour. Dépannage", "Bonsoir. Dépannage", "Bienvenue. Dépannage"

NUMBERS = count(10)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line on our own script, which the carrier's voice says: any sentence can be changed."""
    line = Line(tmp_path / "var", ROOT / "prompts", environment=CARRIER)
    yield line
    line.stop()


def edited(folder: Path, old: str, new: str, chapter: str = "accueil.toml") -> Path:
    """A folder with our script, changed in one place."""
    shutil.copytree(ROOT / "prompts", folder)
    text = (folder / chapter).read_text()
    assert old in text
    (folder / chapter).write_text(text.replace(old, new))
    return folder


def settings_of(line: Line, environment: dict[str, str] = CARRIER) -> Settings:
    folders = {"IVR_DATA_DIR": str(line.database_file.parent), "IVR_AUDIO_DIR": str(line.audio)}
    return settings({**environment, **folders, "IVR_PROMPTS_DIR": str(line.prompts)})


def publisher(line: Line, environment: dict[str, str] = CARRIER) -> Publisher:
    """Who publishes on the line's database, on its clock, as another process would."""
    ground = line.services.ground
    return Publisher(settings_of(line, environment), ground.engine, ground.vault, "operator lea", line.clock.now)


def publish(line: Line, folder: Path) -> Report:
    line.clock.advance(60)
    report = publisher(line).publish(folder)
    assert report.code == 0, report.text
    return report


def released(line: Line, folder: Path) -> None:
    """Let a folder's script go live that is known to hold."""
    line.clock.advance(60)
    files = read_files(folder)
    with line.services.ground.engine.begin() as connection:
        kept = Revisions(connection)
        kept.keep(revision_of(files), files, line.clock.now())
        kept.publish(revision_of(files), "operator lea", line.clock.now())


def begun(line: Line) -> Phone:
    """A call that has begun, from a number that has not called before."""
    phone = line.phone(f"+3363998{next(NUMBERS):04}")
    phone.dial()
    return phone


def opening(phone: Phone) -> str:
    """What the caller hears next."""
    heard = phone.hear()
    assert heard
    return heard.what


def test_a_call_in_progress_stays_on_its_script_and_the_next_one_begins_on_the_new_one(
    line: Line, tmp_path: Path
) -> None:
    phone = begun(line)
    new = edited(tmp_path / "new", "Il y a deux causes possibles", "Voici deux causes possibles", "bouton.toml")
    report = publish(line, new)
    assert "Étapes changées : bouton.causes." in report.text
    assert "1 appel en cours finit sur le script de son début." in report.text
    phone.press("2")
    assert opening(phone).startswith("Il y a deux causes")
    assert phone.last_answer == phone.again(), "delivered twice, and rendered with the call's own script"
    later = begun(line)
    later.press("2")
    assert opening(later).startswith("Voici deux causes")


def test_every_process_switches_and_a_call_stays_on_its_script_across_a_restart(line: Line, tmp_path: Path) -> None:
    other = Line(line.database_file.parent, ROOT / "prompts", environment=CARRIER)
    try:
        other.clock = line.clock
        phone = begun(line)
        new = edited(tmp_path / "new", OLD, NEW)
        bouton = new / "bouton.toml"
        bouton.write_text(bouton.read_text().replace("Il y a deux causes possibles", "Voici deux causes possibles"))
        released(line, new)
        assert opening(begun(other)).startswith(NEW)
        line.restart()
        phone.press("2")
        assert opening(phone).startswith("Il y a deux causes")
        assert opening(begun(line)).startswith(NEW), "what is published outlives the process, whatever the folder says"
    finally:
        other.stop()


def test_a_folder_that_changed_between_two_starts_leaves_calls_in_progress_alone(line: Line, tmp_path: Path) -> None:
    phone = begun(line)
    line.prompts = edited(
        tmp_path / "new", "Il y a deux causes possibles", "Voici deux causes possibles", "bouton.toml"
    )
    line.restart()
    phone.press("2")
    assert opening(phone).startswith("Il y a deux causes")


def test_a_mistake_never_replaces_a_working_script(line: Line, tmp_path: Path) -> None:
    wrong = edited(tmp_path / "wrong", '2 = "ethernet"', '2 = "ethernt"', "bouton.toml")
    refused = publisher(line).publish(wrong)
    assert refused.code == 1
    assert "[alimentation]: key 2 leads to 'ethernt', which is not a step; did you mean 'ethernet'?" in refused.text
    assert "n’est pas publié. Rien n’a changé : la ligne garde son script." in refused.text
    (wrong / "bouton.toml").write_text("[causes")
    assert publisher(line).publish(wrong).code == 1
    assert publisher(line).publish(tmp_path / "nowhere").code == 1
    assert "Aucune révision publiée" in publisher(line).listed().text
    assert opening(begun(line)).startswith(OLD)


def test_a_sentence_without_its_clip_is_not_published_and_with_it_the_line_plays_it_at_once(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    audio.mkdir()
    for clip in (ROOT / "audio").iterdir():
        (audio / clip.name).symlink_to(clip)
    line, other = (Line(tmp_path / "var", ROOT / "prompts", audio=audio, environment=KOKORO) for _ in range(2))
    try:
        new = edited(tmp_path / "new", OLD, NEW)
        refused = publisher(line, KOKORO).publish(new)
        assert refused.code == 1
        assert "[accueil.bonjour]: « Bonsoir. Dépannage automatique" in refused.text
        assert f"IVR_PROMPTS_DIR={new} ivr speak" in refused.text
        words = f"{NEW} automatique de votre téléphone Gigaset."
        clips = [take(words, line.lexicon, line.voices[0], slow=slow).name for slow in (False, True)]
        for name in clips:
            (audio / name).write_bytes(wave(b"\x55" * 8000, words))
        assert publisher(line, KOKORO).publish(new).code == 0
        phone = begun(line)
        heard = phone.hear()
        assert heard
        assert heard.what.rpartition("/")[2] == clips[0]
        assert set(clips) <= clips_in_use(settings_of(line, KOKORO)), "pruning keeps what calls may play"
        fetched = other.app.test_client().get(f"/audio/{clips[1]}")
        assert fetched.status_code == 200, "a process without a call since is asked for a clip, too"
    finally:
        line.stop()
        other.stop()


def test_going_back_twice_is_two_releases_earlier_and_there_is_nothing_before_the_first(
    line: Line, tmp_path: Path
) -> None:
    begun(line)  # on the folder's own script, which the first publication keeps as the release before it
    publish(line, edited(tmp_path / "new", OLD, NEW))
    released(line, edited(tmp_path / "newer", OLD, NEWER))
    assert opening(begun(line)).startswith(NEWER)
    for expected in (NEW, OLD):
        assert publisher(line).go_back().code == 0
        assert opening(begun(line)).startswith(expected)
    assert "il n’y a rien avant elle" in publisher(line).go_back().text
    assert publisher(line).go_back("3").code == 0
    assert opening(begun(line)).startswith(NEWER)
    released(line, tmp_path / "new")
    assert publisher(line).go_back().code == 0
    assert opening(begun(line)).startswith(NEWER), "what was live before the last publication"
    assert publisher(line).go_back("no such name").code == 1


def test_the_list_tells_which_is_live_and_the_calls_on_each(line: Line, tmp_path: Path) -> None:
    begun(line).drop()
    begun(line)
    publish(line, edited(tmp_path / "new", OLD, NEW))
    begun(line)
    _head, first, second = publisher(line).listed().text.splitlines()
    assert first.split()[-6:] == ["2", "1", "(avant", "la", "première", "publication)"]
    assert second.split()[0] == "→"
    assert second.split()[-6:] == ["1", "1", "operator", "lea", "en", "service"]


def test_publishing_what_is_live_changes_nothing(line: Line, tmp_path: Path) -> None:
    new = edited(tmp_path / "new", OLD, NEW)
    released(line, new)
    assert "déjà en service. Rien n’a changé." in publish(line, new).text
    assert len(publisher(line).listed().text.splitlines()) == 2


def test_a_revision_can_be_written_into_a_folder_again(line: Line, tmp_path: Path) -> None:
    new = edited(tmp_path / "new", OLD, NEW)
    released(line, new)
    released(line, edited(tmp_path / "newer", OLD, NEWER))
    assert publisher(line).write("1", tmp_path / "found").code == 0
    found = {path.name: path.read_text() for path in (tmp_path / "found").iterdir()}
    assert found == {path.name: path.read_text() for path in new.glob("*.toml")}
    assert publisher(line).write("1", tmp_path / "found").code == 2, "nothing is written over"


# A revision that this program cannot read


def release_of_another_time(line: Line, name: str = "feedc0ffee00") -> None:
    """A release whose form this program does not know: a newer one wrote it."""
    with line.services.ground.engine.begin() as connection:
        kept = Revisions(connection)
        kept.keep(name, {"ligne.toml": "[line]\nform = 9"}, line.clock.now())
        kept.publish(name, "operator tom", line.clock.now())


def test_a_release_that_cannot_be_read_is_told_and_calls_begin_on_the_last_one_that_could(
    line: Line, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    released(line, edited(tmp_path / "new", OLD, NEW))
    assert opening(begun(line)).startswith(NEW)
    release_of_another_time(line)
    for _ in range(2):
        assert opening(begun(line)).startswith(NEW)
    told = [record for record in caplog.records if record.name == "ivr.scripts"]
    assert [record.__dict__["revision"] for record in told] == ["feedc0ffee00"], "told once"
    assert "start is missing" in told[0].__dict__["why"] or "form" in told[0].__dict__["why"]
    assert "feedc0ffee00 ne se lit pas avec ce programme" in publisher(line).listed().text
    assert publisher(line).go_back("2").code == 1
    line.restart()
    assert opening(begun(line)).startswith(OLD), "a process that starts has the folder, and says so"
    _steps, told_at_start = started_with(settings_of(line))
    assert "ne se lit pas avec ce programme" in told_at_start[0]


def test_a_call_whose_revision_cannot_be_read_goes_on_at_the_step_of_the_same_name(line: Line) -> None:
    phone = begun(line)
    phone.press("2")
    with line.services.ground.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE calls SET revision = 'feedc0ffee00'")
    phone.press("2")
    assert "câble Ethernet" in opening(phone)


def test_what_a_line_starts_with_is_told(line: Line, tmp_path: Path) -> None:
    assert started_with(settings_of(line))[1] == []
    released(line, edited(tmp_path / "new", OLD, NEW))
    [told] = started_with(settings_of(line))[1]
    assert told.startswith("Script : révision ")
    assert told.endswith("prompts/ en diffère : ivr publish prompts/")


def test_the_readme_shows_what_publishing_prints(line: Line, tmp_path: Path) -> None:
    shown = re.search(r"<!-- a test publishes this -->\n```\n(.*?)```", README, re.DOTALL)
    assert shown
    old = edited(tmp_path / "old", OLD, NEWER)
    released(line, old)
    for _ in range(10):
        begun(line).drop()
    begun(line)
    (old / "accueil.toml").write_text((ROOT / "prompts" / "accueil.toml").read_text())
    told = [publish(line, old.rename(tmp_path / "prompts")).text, publisher(line).listed().text]
    commands = re.findall(r"\$ \.venv/bin/ivr .*\n", shown[1])
    assert anybody("".join(f"{command}{text}\n" for command, text in zip(commands, told, strict=True))) == anybody(
        shown[1]
    )


def anybody(text: str) -> str:
    """The same of any script, at any time, in any folder."""
    text = re.sub(r"\b[0-9a-f]{12}\b", "revision", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "then", re.sub(r"\S*prompts/? :", "prompts :", text))


def test_publications_are_in_the_audit(line: Line, tmp_path: Path) -> None:
    publish(line, edited(tmp_path / "new", OLD, NEW))
    assert isinstance(line.services.ground.vault, Vault)
    with line.services.ground.engine.begin() as connection:
        noted = connection.exec_driver_sql("SELECT who, what, subject FROM audit").all()
    assert [(row[0], row[1], row[2][:2]) for row in noted] == [("operator lea", "revision.published", "1 ")]
