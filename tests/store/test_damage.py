"""A damaged SQLite file is never served as a good one (B17): in full, by `make torture`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ivr.store.database import DamagedError, open_database
from tests.damage import DAMAGES, Intact, intact, outcome
from tests.desk.house import House
from tests.line import ROOT


@pytest.fixture(scope="module")
def was(tmp_path_factory: pytest.TempPathFactory) -> Intact:
    """A line's file, as it was."""
    return intact(tmp_path_factory.mktemp("intact"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_gives_no_code_that_it_should_not(was: Intact, damage: str, tmp_path: Path) -> None:
    for seed in range(4):
        assert "WRONG" not in (said := outcome(was, damage, seed, tmp_path / "damaged")), f"{seed}: {said}"


@pytest.mark.parametrize(
    ("damage", "said"),
    [("something else", "refused"), ("empty", "went back"), ("no log", "went back"), ("an older log", "went back")],
)
def test_what_became_of_it_is_known(was: Intact, damage: str, said: str, tmp_path: Path) -> None:
    assert outcome(was, damage, 1, tmp_path / "damaged") == said


def test_an_index_that_disagrees_with_its_table_is_damage(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.add_codes("0042", "0043")
    with house.engine.begin() as connection:
        connection.execute(text("PRAGMA writable_schema = ON"))
        connection.execute(
            text("UPDATE sqlite_master SET sql = replace(sql, 'place', 'issued_at') WHERE name = 'ix_codes_status'")
        )
    house.engine.dispose()
    with pytest.raises(DamagedError, match="ivr db restore"):
        open_database(f"sqlite:///{tmp_path}/ligne.sqlite")


def test_what_its_disk_or_another_process_is_at_fault_for_is_no_damage(tmp_path: Path) -> None:
    house = House(tmp_path)
    with house.engine.begin(), pytest.raises(OperationalError, match="locked"):
        open_database(f"sqlite:///{tmp_path}/ligne.sqlite?timeout=0.1")
    house.engine.dispose()


def test_the_operator_reads_what_to_do_and_gets_his_backup_back(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.add_codes("0042")
    house.engine.dispose()
    environment = {
        "IVR_DATA_DIR": str(tmp_path),
        "IVR_SECRET_KEY": "a secret key of nobody of thirty-two bytes or more",
    }

    def ivr(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ivr.cli", *arguments]
        return subprocess.run(  # noqa: S603 - our own command
            command, cwd=ROOT, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )

    assert ivr("db", "backup", str(tmp_path / "b.sqlite")).returncode == 0
    (tmp_path / "ligne.sqlite").write_bytes(b"nothing of the kind" * 500)
    refused = ivr("codes", "list")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"{tmp_path}/ligne.sqlite est endommagée (")
    assert "ivr db restore SAUVEGARDE" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "La base ne tient pas" in ivr("db", "check").stderr
    restored = ivr("db", "restore", str(tmp_path / "b.sqlite"))
    assert "La base endommagée est gardée : " in restored.stdout
    assert len(list(tmp_path.glob("ligne.sqlite.damaged-*"))) >= 1
    assert "1 en doute" in ivr("codes", "list").stdout
