"""`ivr doctor`: a line that is fit is told so; each thing that is wrong is found, named, and has its mend."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from ivr.cli import _parser
from ivr.demo import ovh
from ivr.demo.loopback import Loopback, Reply, Request
from ivr.demo.twilio_rest import ACCOUNT, SECRET, TwilioRest
from ivr.desk.register import read_codes, read_lines
from ivr.doctor import Finding, Look, examined, french, keeping, outside, refused, safety, said
from ivr.doctor.looks import HERE, OUTSIDE
from ivr.doctor.outside import Answer
from ivr.settings import Settings, settings
from ivr.store.audit import Audit
from ivr.store.codes import Codes
from ivr.store.database import open_database
from ivr.store.lines import Lines
from ivr.store.messages import Messages
from ivr.store.outbox import Outbox
from ivr.store.recordings import Recordings
from ivr.store.tables import attempts, breaker
from ivr.store.vault import Vault
from tests.line import ROOT, TOKEN
from tests.test_cli import ivr

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdef"
NUMBER = "+33199000000"
URL = "https://ligne.example.com"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The settings of a line that is fit to go live, but for what is outside."""
    folder = tmp_path / "var"
    folder.mkdir(mode=0o700)
    return {
        "IVR_ENV": "production",
        "IVR_PUBLIC_URL": URL,
        "IVR_SECRET_KEY": KEY,
        "IVR_DATA_DIR": str(folder),
        "IVR_PROXIES": "1",
        "IVR_NUMBERS": NUMBER,
        "IVR_AGENT": "+33199000001",
        "IVR_SMS_FROM": NUMBER,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_API_KEY": ACCOUNT,
        "TWILIO_API_SECRET": SECRET,
    }


@pytest.fixture
def fit(environment: dict[str, str]) -> Settings:
    """The same, with a database that has a line and codes."""
    found = settings(environment)
    engine, vault = open_database(found.database_url), Vault(found.secret_keys)
    with engine.begin() as connection:
        Lines(connection, vault).take_in(read_lines(b"ligne,mobile,modele\n0199000107,0639980034,C610IP\n"), 0.0)
        codes = "\n".join(["code", *(f"4718039256{number:02}" for number in range(20)), ""])
        Codes(connection, vault).take_in(read_codes(codes.encode()), 0.0)
    engine.dispose()
    return found


def findings(look: Look, found: Settings) -> list[Finding]:
    return list(look(found))


def wrong(found: list[Finding]) -> list[tuple[str, str]]:
    """What is not well: its level, and the beginning of what is said. Each has its mend."""
    assert all(one.mend for one in found if one.level != "bien")
    return [(one.level, one.what) for one in found if one.level != "bien"]


# As it is typed


def test_a_line_that_is_fit_is_told_so_and_nothing_is_changed(fit: Settings, environment: dict[str, str]) -> None:
    before = (fit.data_dir / "ligne.sqlite").read_bytes()
    told = ivr("doctor", "--local", environment=environment)
    assert (told.returncode, "La ligne peut ouvrir." in told.stdout) == (0, True), told.stdout
    assert "✗" not in told.stdout
    assert {one.about for one in examined(fit, HERE).findings} >= set(HERE) - {"travail", "script"}
    assert (fit.data_dir / "ligne.sqlite").read_bytes() == before
    for secret in (KEY, TOKEN, SECRET, "39980034", "99000107"):
        assert secret not in told.stdout


def test_a_line_that_is_not_fit_is_told_why_and_how_to_mend_it(environment: dict[str, str]) -> None:
    weak = {**environment, "IVR_SECRET_KEY": "a" * 40, "IVR_AGENT": NUMBER}
    told = ivr("doctor", "--local", environment=weak)
    assert told.returncode == 1
    assert "✗ clé\u00a0: IVR_SECRET_KEY se devine" in told.stdout
    assert "→ Faites-en une avec `openssl rand -hex 32`\u202f; gardez l'ancienne" in told.stdout
    assert told.stdout.rstrip().splitlines()[-1].startswith("À corriger avant d'ouvrir la ligne\u00a0: 2.")


def test_a_program_reads_the_same_findings(fit: Settings) -> None:
    looks = {"clé": safety.keys, "numéros": safety.numbers}
    report = json.loads(examined(replace(fit, agent=NUMBER), looks).as_json())
    assert report["fit"] is False
    assert [(one["about"], one["level"], one["mend"] is None) for one in report["findings"]] == [
        ("clé", "bien", True),
        ("numéros", "grave", False),
    ]


def test_settings_that_are_refused_are_findings_and_stop_nothing_else_short(environment: dict[str, str]) -> None:
    told = ivr("doctor", environment={**environment, "IVR_WORKERS": "many", "TWILIO_AUTH_TOKEN": ""})
    assert told.returncode == 1
    assert told.stdout.count("✗ réglages") == 2
    assert not refused("one thing").is_fit()


def test_a_look_that_stumbles_is_a_finding(fit: Settings) -> None:
    def stumbles(_settings: Settings) -> list[Finding]:
        raise RuntimeError("of +33639980001")

    begun: list[str] = []
    report = examined(fit, {"essai": stumbles, "mode": safety.mode}, begun.append)
    assert wrong(list(report.findings)) == [("grave", "Impossible à vérifier (RuntimeError).")]
    assert begun == ["essai", "mode"]
    assert french("Quoi ? « Rien » : non !") == "Quoi\u202f? «\u00a0Rien\u00a0»\u00a0: non\u202f!"


def test_every_look_is_taken_and_none_twice() -> None:
    modules = (safety, said, keeping, outside)
    looks = {look for looks in (HERE, OUTSIDE) for look in looks.values()}
    assert len(looks) == len(HERE) + len(OUTSIDE)
    assert {look.__module__ for look in looks} == {module.__name__ for module in modules}
    assert _parser().parse_args(["doctor", "--json", "--local"]).json


# Who is let in


@pytest.mark.parametrize(
    ("changed", "look", "level", "what"),
    [
        ({"production": False}, safety.mode, "grave", "La ligne est en développement."),
        ({"softphone": True}, safety.mode, "grave", "Le téléphone de navigateur est servi"),
        ({"auth_tokens": ()}, safety.signature, "grave", "Aucune signature n'est vérifiée"),
        ({"auth_tokens": ("old", "new")}, safety.signature, "avis", "2 jetons sont acceptés."),
        ({"account_sid": ""}, safety.signature, "avis", "Les webhooks d'un autre compte"),
        ({"secret_keys": (b"0123456789" * 4,)}, safety.keys, "", ""),
        ({"secret_keys": (bytes(range(65, 97)),)}, safety.keys, "grave", "IVR_SECRET_KEY se devine"),
        ({"secret_keys": (b"abab" * 10,)}, safety.keys, "grave", "IVR_SECRET_KEY se devine"),
        ({"secret_keys": (KEY.encode(), KEY[::-1].encode())}, safety.keys, "avis", "2 clés"),
        ({"numbers": frozenset[str]()}, safety.numbers, "grave", "Un appel vers n'importe quel numéro"),
        ({"agent": NUMBER}, safety.numbers, "grave", "Le conseiller a le numéro de la ligne"),
        ({"agent": ""}, safety.numbers, "avis", "Aucun conseiller n'est appelé."),
        ({"sms_from": "+33199000009"}, safety.numbers, "avis", "Les SMS partent d'un numéro qui n'est pas"),
        ({"sms_from": ""}, safety.numbers, "avis", "Aucun SMS ne part"),
    ],
)
def test_what_lets_people_in_is_found(
    changed: dict[str, object], look: Look, level: str, what: str, fit: Settings
) -> None:
    assert wrong(findings(look, fit)) == []
    found = wrong(findings(look, replace(fit, **changed)))  # type: ignore[arg-type]
    assert [(is_level, said_so[: len(what)]) for is_level, said_so in found] == ([(level, what)] if level else [])


def test_the_key_that_development_made_and_files_that_all_can_read_are_found(
    fit: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fit.data_dir / "secret-key").write_text(KEY)
    assert wrong(findings(safety.keys, fit)) == [("grave", "La clé est celle que le développement s'est faite.")]
    file = tmp_path / "token"
    file.write_text("a-token")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN_FILE", str(file))
    file.chmod(0o600)
    assert wrong(findings(safety.files, fit)) == []
    file.chmod(0o644)
    fit.data_dir.chmod(0o755)
    assert [level for level, _ in wrong(findings(safety.files, fit))] == ["grave", "avis"]


# What callers hear


def test_a_script_that_does_not_hold_and_clips_that_are_missing_are_found(fit: Settings, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    shutil.copytree(ROOT / "prompts", prompts)
    bouton = prompts / "bouton.toml"
    bouton.write_text(bouton.read_text().replace('2 = "ethernet"', '2 = "ethernt"'))
    empty = tmp_path / "audio"
    empty.mkdir()
    found = findings(said.script, replace(fit, prompts_dir=prompts))
    assert {one.level for one in found if one.about == "script"} == {"grave"}
    assert any("ethernt" in one.what for one in found)
    assert [one.about for one in findings(said.script, replace(fit, audio_dir=empty)) if one.level == "avis"] == [
        "audio"
    ]


def test_hours_in_which_nobody_is_ever_there_are_found(fit: Settings, tmp_path: Path) -> None:
    assert wrong(findings(said.hours, fit)) == []
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    nobody = replace(fit, prompts_dir=tmp_path / "prompts")
    (tmp_path / "prompts" / "horaires.toml").write_text("[semaine]\n")
    assert wrong(findings(said.hours, nobody)) == [("grave", "Personne n'est là dans les sept jours qui viennent.")]
    (tmp_path / "prompts" / "horaires.toml").write_text('[semaine]\nlundi = ["25:00-26:00"]\n')
    assert [level for level, _ in wrong(findings(said.hours, nobody))] == ["grave"]


# What is kept


def test_a_disk_that_is_full_or_of_another_machine_is_found(fit: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, level in ((100 * 2**20, "grave"), (500 * 2**20, "avis")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: shutil._ntuple_diskusage(1, 1, free))
        assert [level for level, _ in wrong(findings(keeping.disk, fit))] == [level]
    monkeypatch.undo()
    monkeypatch.setattr(keeping, "_file_system", lambda _folder: "nfs4")
    assert [level for level, _ in wrong(findings(keeping.disk, fit))] == ["grave"]


def test_a_database_that_is_missing_old_broken_or_away_is_found(fit: Settings, tmp_path: Path) -> None:
    assert wrong(findings(keeping.database, fit)) == []
    missing = replace(fit, database_url=f"sqlite:///{tmp_path}/none/ligne.sqlite")
    assert wrong(findings(keeping.database, missing)) == [("avis", "La base n'existe pas encore.")]
    assert not (tmp_path / "none").exists()
    file = fit.data_dir / "ligne.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    database.close()
    assert wrong(findings(keeping.database, fit)) == [("avis", "Le schéma est d'une version antérieure.")]
    assert findings(keeping.work, fit) == []
    file.write_bytes(b"no database at all" * 1000)
    assert [level for level, _ in wrong(findings(keeping.database, fit))] == ["grave"]
    away = replace(fit, database_url="sqlite:////proc/nowhere/ligne.sqlite")
    assert [level for level, _ in wrong(findings(keeping.database, away))] == ["avis"]


def test_what_waits_for_too_long_is_found(fit: Settings) -> None:
    assert wrong(findings(keeping.work, fit)) == []
    engine, vault, now = open_database(fit.database_url), Vault(fit.secret_keys), time.time()
    outbox = Outbox(engine)
    outbox.queue("CA1", "verification", b"sealed", now - 600)
    with engine.begin() as connection:
        box = Messages(connection, vault, Recordings(fit.data_dir / "messages", vault))
        box.keep(box.add("CA1", "RE1", "+33639980001", 12.0, now - 8 * 86_400))
        row = {"account": "a", "failures": 10, "locked_until": 0.0, "hard_locked": True, "updated_at": now}
        connection.execute(insert(attempts).values(row))
        connection.execute(insert(breaker), [{"failed_at": now}] * 21)
    found = wrong(findings(keeping.work, fit))
    assert [(level, what.split(" ")[0]) for level, what in found] == [
        ("grave", "Un"), ("grave", "1"), ("avis", "1"), ("grave", "21")
    ]  # fmt: skip
    engine.dispose()


def test_a_pool_that_runs_dry_is_found(fit: Settings) -> None:
    engine = open_database(fit.database_url)
    for gone, expected in ((1, [("avis", "19 codes restent.")]), (20, [("grave", "0 codes restent.")])):
        with engine.begin() as connection:
            for code in connection.exec_driver_sql(f"SELECT id FROM codes LIMIT {gone}").scalars().all():  # noqa: S608
                connection.exec_driver_sql("UPDATE codes SET status = 'revoked' WHERE id = ?", (code,))
        assert wrong(findings(keeping.work, fit)) == expected
    engine.dispose()


def test_a_mobile_on_file_that_is_the_line_itself_or_ours_is_found(fit: Settings) -> None:
    assert wrong(findings(keeping.register, fit)) == []
    engine, vault = open_database(fit.database_url), Vault(fit.secret_keys)
    from ivr.store.tables import lines

    with engine.begin() as connection:
        line = next(Lines(connection, vault).every())
        sealed = vault.sealed(line.number, f"lines|mobile_cipher|{line.id}")
        connection.execute(update(lines).values(mobile_cipher=sealed))
    found = wrong(findings(keeping.register, fit))
    assert [level for level, _ in found] == ["grave"]
    assert line.number[-8:] not in found[0][1]
    engine.dispose()


def test_a_register_that_no_key_opens_and_an_audit_that_was_changed_are_found(fit: Settings) -> None:
    engine, vault = open_database(fit.database_url), Vault(fit.secret_keys)
    with engine.begin() as connection:
        Audit(connection, vault).note(1.0, "operator", "codes.imported", "20 codes")
        for (trigger,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql("UPDATE audit SET subject = '2 codes'")
    assert wrong(findings(keeping.register, fit)) == [("grave", "La chaîne est rompue à la ligne 1.")]
    other = replace(fit, secret_keys=(KEY[::-1].encode(),))
    assert [what for _, what in wrong(findings(keeping.register, other))] == [
        "Une ligne ne s'ouvre avec aucune de nos clés."
    ]
    engine.dispose()


# What is outside


@pytest.mark.parametrize(
    ("changed", "addresses", "what"),
    [
        ({}, ["8.8.8.8"], ""),
        ({"public_url": "http://ligne.example.com"}, ["8.8.8.8"], "http://ligne.example.com n'est pas en HTTPS."),
        ({"proxies": 0}, ["8.8.8.8"], "Un proxy est devant la ligne"),
        ({"public_url": "https://un-nom-bien-trop-long.ligne.example.com"}, ["8.8.8.8"], "Un lien ferait 64"),
        ({}, ["8.8.8.8", "2001:4860::8"], "ligne.example.com a une adresse IPv6."),
        ({}, ["10.0.0.1"], "ligne.example.com mène à une adresse privée."),
        ({}, [], "ligne.example.com n'a pas d'adresse."),
    ],
)
def test_a_name_that_twilio_or_a_link_cannot_use_is_found(
    changed: dict[str, object], addresses: list[str], what: str, fit: Settings
) -> None:
    def resolve(host: str) -> list[str]:
        assert host.endswith("ligne.example.com")
        if not addresses:
            raise OSError("no such name")
        return addresses

    found = wrong(list(outside.name(replace(fit, **changed), resolve)))  # type: ignore[arg-type]
    assert [(level, said_so[: len(what)]) for level, said_so in found] == ([("grave", what)] if what else [])


class Somebody(Loopback):
    """Whoever is at the public address: as a line that is fit answers, but for one path."""

    def __init__(self, path: str, status: int) -> None:
        super().__init__()
        self._answers = {"/healthz": 200, "/readyz": 404, "/voice": 403, "/telephone": 404, path: status}

    def operation(self, request: Request) -> str:
        """Its path."""
        return request.path

    def answer(self, request: Request) -> Reply:
        """The status alone."""
        return Reply(self._answers[request.path])


@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 502), ("/readyz", 503), ("/voice", 200), ("/telephone", 200), ("", 0)]
)
def test_a_public_address_that_lets_anybody_in_or_answers_nothing_is_found(
    path: str, status: int, fit: Settings
) -> None:
    with Somebody(path, status) as somebody:
        there = replace(fit, public_url=somebody.address)
        assert [level for level, _ in wrong(findings(outside.door, there))] == (["grave"] if path else [])
    assert "Personne ne répond" in findings(outside.door, there)[0].what


@pytest.mark.parametrize(("apart", "level"), [(0.0, ""), (-20.0, "avis"), (3600.0, "grave")])
def test_a_clock_that_is_wrong_is_found(apart: float, level: str, fit: Settings) -> None:
    date = format_datetime(datetime.fromtimestamp(1_800_000_000, UTC), usegmt=True)

    def ask(_method: str, _url: str) -> Answer:
        return Answer(404, {"date": date})

    found = wrong(list(outside.clock(fit, ask, lambda: 1_800_000_000 + apart)))
    assert [is_level for is_level, _ in found] == ([level] if level else [])
    assert [is_level for is_level, _ in wrong(list(outside.clock(fit, lambda _m, _u: Answer(200, {}))))] == ["avis"]


@pytest.fixture
def twilio() -> Iterator[TwilioRest]:
    with TwilioRest() as fake:
        asks = {"voice_url": f"{URL}/voice#rc=2&rp=all", "status_callback": f"{URL}/voice/status"}
        fake.numbers[NUMBER] = {**asks, "voice_fallback_url": f"{URL}/voice/fallback"}
        yield fake


def test_the_carriers_side_is_read_and_what_it_asks_is_compared(fit: Settings, twilio: TwilioRest) -> None:
    there = replace(fit, api_url=twilio.address)
    assert wrong(findings(outside.carrier, there)) == []
    assert findings(outside.clock, there)[0].level == "bien"
    twilio.numbers[NUMBER] |= {"voice_url": "https://demo.twilio.com/welcome", "voice_fallback_url": ""}
    assert [level for level, _ in wrong(findings(outside.carrier, there))] == ["grave", "avis"]
    twilio.numbers[NUMBER] |= {"voice_url": f"{URL}/voice", "voice_method": "GET"}
    assert [level for level, _ in wrong(findings(outside.carrier, there))] == ["avis", "grave"]
    twilio.numbers.clear()
    assert wrong(findings(outside.carrier, there)) == [("grave", "Le numéro …0000 n'est pas du compte.")]
    assert [level for level, _ in wrong(findings(outside.carrier, replace(there, api_secret="wrong")))] == ["grave"]
    assert [level for level, _ in wrong(findings(outside.carrier, replace(there, api_key="")))] == ["avis"]


def test_the_operators_rights_are_read(fit: Settings) -> None:
    assert findings(outside.operator, fit) == []
    with ovh.Ovh([]) as fake:
        keys = (ovh.APPLICATION_KEY, ovh.APPLICATION_SECRET, ovh.CONSUMER_KEY)
        there = replace(fit, ovh_keys=keys, ovh_endpoint=fake.endpoint)
        assert wrong(findings(outside.operator, there)) == []
        fake.rules = [("GET", "/telephony/*")]
        found = findings(outside.operator, there)
        assert (found[0].level, found[0].mend) == (
            "grave",
            "Refaites la clé avec POST /telephony/*/line/*/phone/resetConfig.",
        )
        fake.rules = [("GET", "/*"), ("POST", "/*")]
        assert [level for level, _ in wrong(findings(outside.operator, there))] == ["avis"]
        fake.status = "expired"
        assert [level for level, _ in wrong(findings(outside.operator, there))] == ["grave"]
        refusing = replace(there, ovh_keys=("another", *keys[1:]))
        assert [level for level, _ in wrong(findings(outside.operator, refusing))] == ["grave"]
