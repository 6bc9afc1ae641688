"""What an operator reads and gets: files imported whole or not at all, everything masked, an exit code that is true."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from ivr.cli import _parser, main
from ivr.operators import DOES_NOT_HOLD, DONE, WRONG_USAGE, Operators
from ivr.store.callbacks import Callbacks
from ivr.store.messages import Messages
from ivr.store.numbers import number_key, number_mask
from ivr.store.recordings import Recordings
from ivr.store.turn import Caller
from ivr.store.turns import Turns
from ivr.store.vault import Vault
from tests.desk.house import KEY, LINE, MOBILE, NOON, House, call_id, unguard_audit

HEADER = "ligne,mobile,modele\n"
GOOD = HEADER + "0199000107,0639980034,C590IP\n0199000108,0639980099,C610IP\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.engine.dispose()


@pytest.fixture
def operators(house: House) -> Operators:
    return Operators(house.engine, house.vault, "operator lea", lambda: NOON, house.dice.randrange, house.folder)


def file(house: House, content: str | bytes) -> Path:
    path = house.folder / "un fichier.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def counts(house: House) -> list[int]:
    with house.engine.begin() as connection:
        tables = ("lines", "codes", "audit")
        return [connection.execute(text(f"SELECT count(*) FROM {t}")).scalar_one() for t in tables]  # noqa: S608


def test_lines_are_imported_and_listed_masked(house: House, operators: Operators) -> None:
    report = operators.import_lines(file(house, GOOD))
    assert (report.text, report.code) == (
        "un fichier.csv : 2 lignes (2 nouvelles, 0 modifiée, 0 à l'identique).",
        DONE,
    )
    again = operators.import_lines(file(house, GOOD.replace("0639980099", "0639980098")))
    assert "(0 nouvelle, 1 modifiée, 1 à l'identique)" in again.text
    assert operators.list_lines().text.splitlines() == [
        "+331****07  mobile +336****34  C590IP",
        "+331****08  mobile +336****98  C610IP",
        "2 lignes.",
    ]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(house: House, operators: Operators) -> None:
    for report in (
        operators.import_lines(file(house, GOOD), dry_run=True),
        operators.import_codes(file(house, "code\n111\n"), dry_run=True),
    ):
        assert report.code == DONE
        assert "Essai à blanc : rien n'a changé." in report.text
    assert counts(house) == [0, 0, 0]


@pytest.mark.parametrize(
    "content",
    [GOOD + "x,y,z\n", GOOD + GOOD.split("\n")[1], GOOD.encode() + b"\xe9", "code\n111\n", "", GOOD.encode("utf-16")],
)
def test_a_bad_file_of_lines_changes_nothing(house: House, operators: Operators, content: str | bytes) -> None:
    report = operators.import_lines(file(house, content))
    assert report.code == DOES_NOT_HOLD
    assert report.text.startswith("un fichier.csv refusé, rien n'a changé.\nligne ")
    assert counts(house) == [0, 0, 0]


def test_a_file_with_very_many_faults_is_told_in_twenty_lines(house: House, operators: Operators) -> None:
    report = operators.import_lines(file(house, HEADER + "x,y,z\n" * 100_000))
    assert len(report.text.splitlines()) == 22
    assert report.text.endswith("… et 99980 autres fautes.")


def test_a_hundred_thousand_lines_are_imported_within_seconds(house: House, operators: Operators) -> None:
    rows = "".join(f"01990{i:05},06399800{i % 100:02},C590IP\n" for i in range(100_000))
    began = time.monotonic()
    assert operators.import_lines(file(house, HEADER + rows)).code == DONE
    assert time.monotonic() - began < 30
    assert counts(house)[0] == 100_000


def test_a_file_that_is_not_there_is_wrong_usage(house: House, operators: Operators) -> None:
    for report in (operators.import_lines(house.folder / "rien.csv"), operators.import_codes(house.folder)):
        assert report.code == WRONG_USAGE
        assert "ne peut pas être lu" in report.text


def test_codes_are_imported_counted_and_doubted_when_their_lengths_differ(house: House, operators: Operators) -> None:
    assert operators.import_codes(file(house, "code\n0042\n0043\n")).text == "un fichier.csv : 2 codes en réserve."
    doubtful = operators.import_codes(file(house, "code\n44\n0045\n")).text
    assert "1 de 2 caractères, 1 de 4 caractères" in doubtful
    assert operators.list_codes().text == "4 en réserve, 0 attribué, 0 lu, 0 expiré, 0 révoqué, 0 en doute."


@pytest.mark.parametrize("content", ["code\n\n0043\n", "code\n0043\n0042\n", "code\n" + "4" * 33, "0043\n"])
def test_a_bad_pool_changes_nothing(house: House, operators: Operators, content: str) -> None:
    operators.import_codes(file(house, "code\n0042\n"))
    before = counts(house)
    report = operators.import_codes(file(house, content))
    assert report.code == DOES_NOT_HOLD
    assert "ligne" in report.text
    assert not {"0042", "0043", "4" * 33} & set(report.text.split())
    assert counts(house) == before


def test_a_code_is_revoked_by_the_beginning_of_its_id(house: House, operators: Operators) -> None:
    house.add_lines({LINE: MOBILE})
    house.add_codes("0042", "0043")
    call = call_id(1)
    house.issue(call, house.prove(call))
    [shown] = operators.list_codes().text.splitlines()[1:]
    assert shown.endswith(f"active  {call}")
    assert operators.revoke_code(shown[:8]).code == DONE
    assert operators.list_codes().text.startswith("1 en réserve, 0 attribué, 0 lu, 0 expiré, 1 révoqué, 0 en doute.")
    assert "code.revoked" in operators.audit().text
    for wrong in ("zz", "", "%"):
        assert operators.revoke_code(wrong).code == DOES_NOT_HOLD


def test_a_pin_is_shown_once_and_works(house: House, operators: Operators) -> None:
    house.add_lines({LINE: MOBILE})
    text_shown = operators.make_pin("0199000107").text
    pin = text_shown.splitlines()[0].partition(" : ")[2].replace(" ", "")
    assert house.identity.check_pin(call_id(1), LINE, pin, NOON) == "verified"
    assert "PIN" in operators.list_lines().text
    assert pin not in operators.list_lines().text + operators.audit().text


def test_an_operator_unlocks(house: House, operators: Operators) -> None:
    house.add_lines({LINE: MOBILE})
    account = house.account()
    with house.accounts() as accounts:
        accounts.keep_standing(account, NOON, failures=10, locked_until=0, hard_locked=True)
    assert operators.unlock("01 99 00 01 07").text == "+331****07 débloquée (10 échecs de suite effacés)."
    assert house.send(call_id(1)).outcome == "sent"


def test_a_line_that_is_not_there_is_said(operators: Operators) -> None:
    for report in (operators.unlock("0199000999"), operators.make_pin("0199000999"), operators.unlock("x")):
        assert report.code == DOES_NOT_HOLD
        assert report.text.startswith("Aucune ligne ")


def test_the_audit_says_who_did_what_and_when_its_chain_is_broken(house: House, operators: Operators) -> None:
    operators.import_codes(file(house, "code\n0042\n"))
    operators.import_lines(file(house, GOOD))
    assert operators.audit().text.splitlines() == [
        "     1  2027-01-15 09:00:00  operator lea  codes.imported  1 codes",
        "     2  2027-01-15 09:00:00  operator lea  lines.imported  2 new, 0 changed, 0 same",
    ]
    with house.engine.begin() as connection:
        unguard_audit(connection)
        connection.execute(text("UPDATE audit SET who = 'nobody' WHERE seq = 1"))
    report = operators.audit()
    assert report.code == DOES_NOT_HOLD
    assert "LA CHAÎNE EST ROMPUE à la ligne 1" in report.text


def test_renewing_seals_with_the_newest_key(house: House, operators: Operators) -> None:
    house.add_lines({LINE: MOBILE})
    house.add_codes("0042")
    message = a_message(house, b"RIFF a sound")
    a_callback(house)
    nothing = "Rechiffrés : 0 ligne, 0 code, 0 message, 0 rappel."
    assert operators.renew().text == nothing
    new = b"the key that replaced it, of more than thirty-two"
    both, alone = (replace(operators, vault=Vault(keys)) for keys in ([new, KEY], [new]))
    assert alone.play_message(message, None).code == DOES_NOT_HOLD
    assert both.renew().text == "Rechiffrés : 1 ligne, 1 code, 2 messages, 1 rappel."
    assert both.renew().text == nothing
    assert alone.play_message(message, None).sound == b"RIFF a sound"
    assert CALLER in alone.number_of_message(message).text
    assert "vault.renewed" in both.audit().text


# Calls, messages, call-backs


CALLER = "+33639980001"
RECORDING = "RE" + "1" * 32


def a_call(house: House, number: int, said: str = "", at: float = NOON, remedy: str = "") -> str:
    """A call that ends a minute and five seconds later."""
    sid, turns = call_id(number), Turns(house.engine)
    with turns.turn(sid, 0, at) as turn:
        turn.taken()
        who = Caller(number_key(house.vault, CALLER), number_mask(CALLER))
        answer = {"event": "dialled", "step": "bouton.couleur", "state": "x", "recipe": "x"}
        turn.write(who, **answer, disposition=said, remedy=remedy)
    turns.close(sid, "completed", at + 65)
    return sid


def a_message(house: House, sound: bytes = b"", number: str = CALLER) -> str:
    """A message that was sent."""
    with house.engine.begin() as connection:
        box = Messages(connection, house.vault, Recordings(house.folder / "messages", house.vault))
        message = box.add(call_id(1), RECORDING, number, 12.4, NOON)
        box.keep(message)
        if sound:
            box.attach(message, sound)
    return message


def a_callback(house: House) -> str:
    """A call-back that was promised."""
    with house.engine.begin() as connection:
        callbacks = Callbacks(connection, house.vault)
        callbacks.book(call_id(1), CALLER, NOON + 3600, NOON + 7200, NOON)
        return callbacks.shown()[0].id


def test_calls_are_listed_masked_with_how_each_ended(house: House, operators: Operators) -> None:
    a_call(house, 1, at=NOON - 7200)
    a_call(house, 2, "solved", NOON - 60, "rebrancher la base")
    first, second = call_id(1)[:10], call_id(2)[:10]
    assert operators.calls().text.splitlines() == [
        f"{first}  2027-01-15 07:00:00  +336****01         1 min 05 s  coupé à l'étape bouton.couleur",
        f"{second}  2027-01-15 08:59:00  +336****01         1 min 05 s  réparé : rebrancher la base"
        "  (rappelle après 1 h 59)",
        "2 appels en 30 jours : réparé 1, coupé 1.",
        "Ont rappelé du même numéro : 1 dans les 24 heures, 1 dans les 7 jours.",
    ]
    assert len(operators.calls(limit=1).text.splitlines()) == 3


def test_a_message_is_listed_played_called_back_and_done(house: House, operators: Operators) -> None:
    assert operators.list_messages().text == "Aucun message."
    message, to = a_message(house, b"RIFF a sound"), house.folder / "message.wav"
    assert operators.list_messages().text == f"{message[:8]}  2027-01-15 09:00:00  +336****01    12 s  à traiter"
    assert operators.play_message(message[:8]).sound == b"RIFF a sound"
    assert operators.play_message(message[:8], to).code == DONE
    assert (to.read_bytes(), to.stat().st_mode & 0o777) == (b"RIFF a sound", 0o600)
    assert operators.play_message(message[:8], to).code == WRONG_USAGE, "what is there is not written over"
    assert operators.number_of_message(message[:8]).text == CALLER
    assert operators.done_message(message[:8]).code == DONE
    assert operators.done_message(message[:8]).code == DOES_NOT_HOLD
    assert operators.list_messages().text.endswith("traité")
    acts = ["message.played", "message.played", "number.shown", "message.done"]
    assert [line.split()[5] for line in operators.audit().text.splitlines()] == acts
    assert CALLER not in operators.audit().text


def test_a_message_without_its_sound_or_number_says_so(house: House, operators: Operators) -> None:
    message = a_message(house, number="")
    assert operators.list_messages().text.endswith("à traiter  (son attendu)")
    assert operators.play_message(message[:8]).code == DOES_NOT_HOLD
    assert operators.number_of_message(message[:8]).text == "Numéro masqué par l'appelant."


def test_a_message_that_was_tampered_with_is_not_played(house: House, operators: Operators) -> None:
    message = a_message(house, b"a sound")
    path = house.folder / "messages" / message
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    report = operators.play_message(message[:8])
    assert report.code == DOES_NOT_HOLD
    assert "ne s'ouvre pas" in report.text


def test_a_message_is_deleted_with_its_sound(house: House, operators: Operators) -> None:
    message = a_message(house, b"a sound")
    assert operators.delete_message(message[:8]).code == DONE
    assert list((house.folder / "messages").iterdir()) == []
    assert operators.list_messages().text == "Aucun message."


def test_a_call_back_is_listed_called_and_done(house: House, operators: Operators) -> None:
    assert operators.list_callbacks().text == "Aucun rappel promis."
    booking = a_callback(house)
    assert operators.list_callbacks().text == f"{booking[:8]}  2027-01-15 10:00 à 11:00  +336****01  promis"
    assert operators.number_of_callback(booking[:8]).text == CALLER
    assert operators.done_callback(booking[:8]).code == DONE
    assert operators.done_callback(booking[:8]).code == DOES_NOT_HOLD
    assert operators.list_callbacks().text.endswith("fait")


@pytest.mark.parametrize("start", ["zz", "", "%"])
def test_what_is_not_there_is_said(house: House, operators: Operators, start: str) -> None:
    a_message(house), a_callback(house)
    for act in (
        operators.play_message, operators.done_message, operators.delete_message, operators.number_of_message,
        operators.done_callback, operators.number_of_callback,
    ):  # fmt: skip
        report = act(start)
        assert report.code == DOES_NOT_HOLD
        assert report.text.startswith("Aucun ")


# Letting go


def test_a_purge_says_what_went_and_a_dry_run_what_would(house: House, operators: Operators) -> None:
    a_call(house, 1, at=NOON - 200 * 86_400)
    house.add_lines({LINE: MOBILE})
    house.add_codes("0042")
    call = call_id(2)
    house.issue(call, house.prove(call, at=NOON - 1900), NOON - 1800)
    told = "Arrivés à terme : réponses 1, états d'appels 1, appelants 1, tours 1."
    assert operators.purge(dry_run=True).text == f"{told[:-1]}. Essai à blanc : rien n'a changé."
    assert operators.purge().text == told
    assert "code.expired" in operators.audit().text
    assert operators.purge().text == "Arrivés à terme : rien."
    assert "0 attribué, 0 lu, 1 expiré" in operators.list_codes().text


def test_a_number_is_forgotten_however_it_is_written(house: House, operators: Operators) -> None:
    a_call(house, 1)
    assert operators.forget("06 39 98 00 01", dry_run=True).text.endswith("Essai à blanc : rien n'a changé.")
    assert operators.forget("06 39 98 00 01").text == "+336****01 oublié : appels anonymisés 1, tours 1."
    assert operators.forget("+33639980001").text == "+336****01 oublié : rien."
    assert "masqué" in operators.calls().text


def test_a_number_of_the_register_goes_with_its_line_and_the_operator_is_told(
    house: House, operators: Operators
) -> None:
    house.add_lines({LINE: MOBILE})
    report = operators.forget(MOBILE)
    assert "1 ligne du registre avec lui : retirez-le aussi de votre fichier" in report.text
    assert operators.list_lines().text == "0 ligne."


def test_what_is_no_number_is_wrong_usage_and_is_not_shown(operators: Operators) -> None:
    for wrong in ("", "12", "0639", "06399800011", "nobody"):
        report = operators.forget(wrong)
        assert report.code == WRONG_USAGE
        assert report.text.startswith("****" if len(wrong) < 8 else wrong[:4])


def test_every_command_of_an_operator_is_carried_out(house: House, operators: Operators) -> None:
    acts = [
        "calls", "messages list", "messages play zz", "messages number zz", "messages done zz", "messages delete zz",
        "callbacks list", "callbacks number zz", "callbacks done zz", "purge --dry-run", "forget 0639980001",
        "lines list", "codes list", "audit --limit 3",
    ]  # fmt: skip
    for act in acts:
        assert operators.carried_out(_parser().parse_args(act.split())).text


def test_a_message_is_sent_to_whatever_plays_it(
    house: House, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    message = a_message(house, b"RIFF\x00\xff a sound")
    monkeypatch.setenv("IVR_DATA_DIR", str(house.folder))
    monkeypatch.setenv("IVR_SECRET_KEY", KEY.decode())
    monkeypatch.delenv("IVR_DATABASE_URL", raising=False)
    assert main(["messages", "play", message[:8]]) == DONE
    assert capfdbinary.readouterr().out == b"RIFF\x00\xff a sound"
    assert main(["messages", "play", "zz"]) == DOES_NOT_HOLD
    assert main(["forget", "12"]) == WRONG_USAGE
    assert capfdbinary.readouterr().out == b""
