"""`ivr db`: the database is upgraded, checked, backed up, brought back; one from the past issues nothing twice."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ivr.cli import main
from ivr.operators import Operators
from ivr.phone.transcript import parse, play
from ivr.services.memory import WENT_BACK, remember
from ivr.store.audit import Audit
from ivr.store.database import as_it_is, open_database, upgrade
from ivr.store.outbox import Outbox
from tests.desk.house import NOON, House
from tests.line import ROOT, Line, book_of, turns_of

KEY = "a secret key of nobody of thirty-two bytes or more"
CODE = "471803925604"

Ivr = Callable[..., tuple[int, str]]


@pytest.fixture
def ivr(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ivr:
    """The command, on a database; what it gives back: its exit code, and what it printed."""
    monkeypatch.setenv("IVR_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("IVR_DATABASE_URL", database)
    monkeypatch.setenv("IVR_SECRET_KEY", KEY)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.fixture
def pool(ivr: Ivr, tmp_path: Path) -> Path:
    """A file of codes, which are in the pool."""
    file = tmp_path / "codes.csv"
    file.write_text(f"code\n{CODE}\n471803925605\n")
    assert ivr("codes", "import", str(file))[0] == 0
    return file


def test_a_backup_comes_back_and_its_codes_are_in_doubt(ivr: Ivr, pool: Path, tmp_path: Path) -> None:
    code, said = ivr("db", "backup")
    assert code == 0
    [backup] = (tmp_path / "backups").iterdir()
    assert str(backup) in said
    code, said = ivr("db", "restore", str(backup))
    assert (code, said.splitlines()[1][:24]) == (0, "2 codes sont en doute : ")
    assert "0 en réserve" in ivr("codes", "list")[1]
    assert "2 en doute." in ivr("codes", "list")[1]
    assert "codes.csv : 2 codes en doute de retour" in ivr("codes", "confirm", str(pool))[1]
    assert "2 en réserve" in ivr("codes", "list")[1]
    assert "database.restored  2 codes" in ivr("audit")[1]
    assert ivr("db", "check") == (0, "La base tient : pages, lignes, chaîne de l'audit, valeurs chiffrées.\n")


def test_a_base_with_calls_is_replaced_when_that_is_said(ivr: Ivr, pool: Path, database: str, tmp_path: Path) -> None:
    ivr("db", "backup", str(tmp_path / "b.sqlite"))
    house = House(tmp_path, database=database)
    house.begin_call("CA" + "1" * 32)
    house.engine.dispose()
    code, said = ivr("db", "restore", str(tmp_path / "b.sqlite"))
    assert code == 2
    assert "ajoutez --replace" in said
    assert "1 appel" in ivr("calls")[1]
    assert ivr("db", "restore", str(tmp_path / "b.sqlite"), "--replace")[0] == 0
    assert "0 appel" in ivr("calls")[1]


def test_what_was_to_leave_leaves_no_more(ivr: Ivr, pool: Path, database: str, tmp_path: Path) -> None:
    engine = open_database(database)
    outbox = Outbox(engine)
    for channel, kind in (("sms", "pause"), ("call", "rappel"), ("handover", "passage")):
        outbox.queue("CA" + "1" * 32, kind, b"x", NOON, channel=channel)  # type: ignore[arg-type]
    ivr("db", "backup", str(tmp_path / "b.sqlite"))
    ivr("db", "restore", str(tmp_path / "b.sqlite"))
    states = [outbox.state("CA" + "1" * 32, kind) for kind in ("pause", "rappel", "passage")]
    assert states == ["failed", "failed", "queued"], "whom something is handed over to drops twins"
    engine.dispose()


def test_what_is_no_backup_changes_nothing(ivr: Ivr, pool: Path) -> None:
    code, said = ivr("db", "restore", str(pool))
    assert code == 1
    assert said.startswith(f"{pool} n'est pas reprise, rien n'a changé : ")
    assert "2 en réserve" in ivr("codes", "list")[1]
    assert ivr("db", "restore")[0] == 2


def test_an_older_base_is_upgraded(ivr: Ivr, fresh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IVR_DATABASE_URL", fresh)
    engine = as_it_is(fresh)
    upgrade(engine, "0003")
    engine.dispose()
    assert re.search(r"version 0003 du schéma, et non \d{4} : ivr db upgrade|table \w+ absente", ivr("db", "check")[1])
    assert re.fullmatch(r"La base passe de la version 0003 à \d{4}\.\n", ivr("db", "upgrade")[1])
    assert re.fullmatch(r"La base est à la version \d{4}, la dernière\.\n", ivr("db", "upgrade")[1])
    assert ivr("db", "check")[0] == 0


@pytest.fixture
def fresh(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/fresh.sqlite"


def test_a_base_that_a_newer_version_upgraded_is_told(ivr: Ivr, pool: Path, database: str) -> None:
    engine = open_database(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    code, said = ivr("codes", "list")
    assert (code, said) == (1, "la base vient d'une version plus récente de ce programme : mettez-le à jour\n")


def test_the_check_tells_what_was_changed(ivr: Ivr, pool: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_database(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE codes SET id = 'x' || substr(id, 2) WHERE place = 1"))
    engine.dispose()
    code, said = ivr("db", "check")
    assert code == 1
    assert said.splitlines()[0] == "La base ne tient pas :"
    assert "des valeurs chiffrées (codes) ne s'ouvrent pas" in said
    monkeypatch.setenv("IVR_SECRET_KEY", "another secret key of thirty-two bytes or more")
    assert "la chaîne de l'audit est rompue à la ligne 1" in ivr("db", "check")[1]


# A base that comes from the past


def remembered(house: House) -> int | None:
    """One round of the line's memory."""
    return remember(house.engine, house.vault, house.folder, NOON)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.add_codes(CODE, "471803925605")
    yield house
    house.engine.dispose()


def note(house: House, what: str = "code.issued", at: float = NOON) -> None:
    with house.engine.begin() as connection:
        Audit(connection, house.vault).note(at, "somebody", what, "a subject")


def put_back(house: House, file: Path) -> None:
    """Copy a file over the database, as somebody does who does not know `ivr db restore`."""
    house.engine.dispose()
    for path in house.folder.glob("ligne.sqlite*"):
        path.unlink()
    shutil.copyfile(file, house.folder / "ligne.sqlite")


def copied(house: House) -> Path:
    """The database as it is, in a file beside."""
    house.engine.dispose()
    return Path(shutil.copyfile(house.folder / "ligne.sqlite", house.folder / "copy"))


def test_a_base_that_goes_on_is_trusted(house: House) -> None:
    assert remembered(house) is None
    note(house)
    assert remembered(house) is None
    assert remembered(house) is None


def test_a_base_that_went_back_issues_no_code_until_somebody_confirms(house: House, tmp_path: Path) -> None:
    note(house)
    file = copied(house)
    note(house)
    remembered(house)
    put_back(house, file)
    note(house, "something else, under the number of what was lost")
    assert remembered(house) == 2
    with house.codes() as codes:
        assert codes.tally() == {"doubtful": 2}
        assert codes.claim("CA" + "1" * 32, "a line", at=NOON, expires_at=NOON + 900) is None
    with house.engine.begin() as connection:
        assert Audit(connection, house.vault).latest(1)[0].what == WENT_BACK
    assert remembered(house) is None, "it is told once"
    (tmp_path / "codes.csv").write_text(f"code\n{CODE}\n")
    Operators(house.engine, house.vault, "lea").confirm_codes(tmp_path / "codes.csv")
    with house.codes() as codes:
        assert codes.tally() == {"doubtful": 1, "pool": 1}


def test_an_empty_file_in_the_place_of_the_base_is_a_base_that_went_back(house: House) -> None:
    note(house)
    remembered(house)
    put_back(house, Path("/dev/null"))
    house.engine = open_database(f"sqlite:///{house.folder}/ligne.sqlite")
    assert remembered(house) == 0


def test_a_backup_that_was_restored_by_the_book_is_no_surprise_to_another_machine(house: House) -> None:
    note(house)
    remembered(house)
    with house.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_no_delete"))
        connection.execute(text("DELETE FROM audit"))
    note(house, "database.restored", NOON + 5)
    assert remembered(house) is None


def test_the_line_gives_no_code_of_a_base_that_went_back(line: Line) -> None:
    """A caller is given a code; the base is set back to before; the next one hears that there is none."""
    line.give_line("0199000007", "0639980001")
    line.give_codes(CODE)
    early = kept_aside(line)
    call = (ROOT / "tests" / "calls" / "s3-code-dicte.call").read_text()
    call = "\n".join(row for row in call.splitlines() if not row.startswith("given"))
    play(parse(call, "first"), line.phone(), book_of(line), line)
    line.work("memory")
    turns_of(line.app).close_database()
    shutil.copyfile(early, line.database_file)
    line.work("memory")
    again = call.partition("creation.pret")[0] + "creation.echec\ndrop\n"
    play(parse(again, "again"), line.phone(), book_of(line), line)


def kept_aside(line: Line) -> Path:
    """A copy of the line's file, whole: nobody has it open."""
    turns_of(line.app).close_database()
    return Path(shutil.copyfile(line.database_file, line.database_file.with_name("aside")))
