"""Past calls: walked again from the database, on their own script and on another one; written as transcripts."""

from __future__ import annotations

import io
import re
import shutil
from collections import defaultdict, deque
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Engine

from ivr.calls import Quick, Work
from ivr.flow.engine import Command, Outcome, Pending
from ivr.flow.model import Run
from ivr.folder import read_script
from ivr.operators import Report
from ivr.phone import Phone
from ivr.phone.recorder import reads_out
from ivr.phone.terminal import call
from ivr.phone.transcript import parse, play, read
from ivr.replaying import record, replay, span
from tests.line import ACCOUNT, ROOT, TOKEN, Line, book_of, our_flow

README = (ROOT / "README.md").read_text()
CALLS = ROOT / "tests" / "calls"
KINDS = [
    "adresse-qui-ne-va-pas",
    "code-assistance",
    "deux-etoiles",
    "message-envoye",
    "ouvert-conseiller-repond",
    "reprise-b2",
    "touche-perdue-pendant-le-compte",
]
"""Calls with every kind of event in them."""


class Reciting(Line):
    """A line whose desks say what the transcript says that they said."""

    def __init__(self, folder: Path) -> None:
        self.said: defaultdict[str, deque[str]] = defaultdict(deque)
        commands = {step.command for step in our_flow().steps.values() if isinstance(step, Run)}
        super().__init__(folder, ROOT / "prompts", desks={command: Quick(self._recite) for command in commands})

    def _recite(self, command: Command, work: Work) -> Outcome | Pending:
        answer = self.said[command.name].popleft()
        return Pending(work.at) if answer == "pending" else Outcome(work.at, answer)

    def verb(self, name: str, args: tuple[str, ...], phone: Phone) -> None:
        """The verb `says COMMAND OUTCOME`, and those of every line."""
        match name, args:
            case "says", (command, answer):
                self.said[command].append(answer)
            case _:
                super().verb(name, args, phone)


def engine_of(line: Line) -> Engine:
    return line.services.ground.engine


def called(line: Line, name: str) -> None:
    """Place one of our calls."""
    play(read(CALLS / f"{name}.call"), line.phone(), book_of(line), line)


def replayed(line: Line, prompts: Path = ROOT / "prompts") -> str:
    report = replay(engine_of(line), read_script(prompts), 0.0, prompts.name, Console(quiet=True))
    assert report.code == 0
    return report.text


def sids(line: Line) -> list[str]:
    """The calls of a line, the oldest first."""
    with engine_of(line).begin() as connection:
        return list(connection.exec_driver_sql("SELECT sid FROM calls ORDER BY started_at").scalars())


def rows(line: Line) -> list[object]:
    """Everything in the database, but what it counts itself."""
    with engine_of(line).begin() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        return [tuple(row) for table in sorted(tables) for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]  # noqa: S608


@pytest.mark.parametrize("name", KINDS)
def test_a_call_goes_the_same_way_on_its_own_script_and_its_transcript_plays(
    line: Line, name: str, tmp_path: Path
) -> None:
    called(line, name)
    assert replayed(line).splitlines()[0].endswith(": aucun n’irait ailleurs.")
    written = record(engine_of(line), sids(line)[-1])
    assert written.code == 0, written.text
    again = Reciting(tmp_path / "again")
    try:
        play(parse(written.text, name), again.phone(), book_of(again), again)
        assert steps(again) == steps(line)
    finally:
        again.stop()


def steps(line: Line) -> list[str]:
    """Where the last call went."""
    last = sids(line)[-1]
    with engine_of(line).begin() as connection:
        query = "SELECT step FROM turns WHERE call_sid = ? ORDER BY turn"
        return list(connection.exec_driver_sql(query, (last,)).scalars())


def edited(folder: Path, chapter: str, old: str, new: str) -> Path:
    shutil.copytree(ROOT / "prompts", folder)
    text = (folder / chapter).read_text()
    assert old in text
    (folder / chapter).write_text(text.replace(old, new))
    return folder


def test_what_would_go_elsewhere_is_told_as_the_readme_shows_and_nothing_is_touched(line: Line, tmp_path: Path) -> None:
    shown = re.search(r"<!-- a test replays this -->\n```\n.*?\n(.*?)```", README, re.DOTALL)
    assert shown
    for name in ("s2a-bouton-alimentation", "s2b-bouton-ethernet", "s1-pas-de-base"):
        called(line, name)
        line.clock.advance(86_400)
    new = edited(
        tmp_path / "nouveau",
        "bouton.toml",
        'keys     = { 1 = "base-connectee", 2 = "ethernet" }',
        'keys     = { 1 = "ethernet", 2 = "base-connectee" }',
    )
    before = rows(line)
    told = replayed(line, new).replace(" sur nouveau ", " sur nouveau/ ")
    then = dict(zip(re.findall(r"CA\w+", shown[1]), (sid[:10] for sid in sids(line)), strict=False))
    assert told == re.sub(r"CA\w+", lambda found: then[found[0]], shown[1]).rstrip("\n")
    assert rows(line) == before


@pytest.fixture
def recorded(line: Line) -> Report:
    """A call with secrets, as it is written."""
    called(line, "code-assistance")
    return record(engine_of(line), sids(line)[-1][:12])


def test_what_callers_typed_is_not_in_a_transcript(recorded: Report) -> None:
    typed = [row for row in recorded.text.splitlines() if row.startswith("press ") and len(row) > 10]
    assert typed == ["press 0199000007", "press 00000000", "press 00000000"]
    assert "dial from +33639980001 at" in recorded.text


def test_a_call_that_nobody_knows_is_told(line: Line) -> None:
    assert record(engine_of(line), "CA00").code == 1
    assert record(engine_of(line), "").code == 1


def test_calls_from_before_answers_were_kept_are_counted_and_not_guessed(line: Line) -> None:
    called(line, "s1-pas-de-base")
    with engine_of(line).begin() as connection:
        connection.exec_driver_sql("UPDATE turns SET outcomes = ''")
    assert replayed(line).splitlines() == [
        "0 appel rejoué sur prompts : aucun n’irait ailleurs.",
        "1 non rejoué : d’avant que les réponses soient gardées.",
    ]
    assert "réponses soient gardées" in record(engine_of(line), sids(line)[0]).text


def test_a_call_placed_from_the_terminal_is_written_as_it_was_heard_and_plays(line: Line, tmp_path: Path) -> None:
    written, nobody = io.StringIO(), io.StringIO()
    keys = ["2", "2", "#", "*", "1", "2", "9"]
    code = call(f"{line.url}/voice", keys, TOKEN, io.StringIO(), nobody, account=ACCOUNT, record=written)
    assert code == 0
    assert "silence any" in written.getvalue()
    assert "hung up" in written.getvalue()
    placed = steps(line)
    again = Line(tmp_path / "again", ROOT / "prompts")
    try:
        anytime = re.sub(" at .*", "", written.getvalue(), count=1)  # the terminal's clock is the wall's
        play(parse(anytime, "placed"), again.phone(), book_of(again), again)
        assert steps(again) == placed
    finally:
        again.stop()


def test_a_number_that_is_typed_is_not_written(line: Line) -> None:
    written = io.StringIO()
    line.give_line("0199000007", "0639980002")
    line.give_codes("471803925604")
    keys = ["3", "1", "1", "0199000009"]
    call(f"{line.url}/voice", keys, TOKEN, io.StringIO(), io.StringIO(), account=ACCOUNT, record=written)
    assert "press 0000000000" in written.getvalue()
    assert "0199000009" not in written.getvalue()
    assert "J’ai noté" in written.getvalue()
    assert "uatre-vingt-dix-neuf" not in written.getvalue(), "nor as it is read back"


@pytest.mark.parametrize(
    ("heard", "is_left_out"),
    [
        ("Zéro neuf.", True),
        ("Quatre, deux fois deux.", True),
        ("203 point 0 point 113 point 7", True),
        ("Votre numéro est le 01 99 00 00 07.", True),
        ("Votre ligne se termine par :", False),
        ("Si le bouton devient bleu, tapez 1.", False),
    ],
)
def test_what_reads_digits_out_is_left_out(heard: str, is_left_out: bool) -> None:
    assert reads_out(heard) == is_left_out


@pytest.mark.parametrize(("said", "seconds"), [("30d", 2_592_000), ("12h", 43_200), ("2w", 1_209_600), ("soon", None)])
def test_a_length_of_time_is_written_in_a_word(said: str, seconds: float | None) -> None:
    assert span(said) == seconds
