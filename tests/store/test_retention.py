"""What is over goes, what is not stays; a number that is forgotten is in no table, no file and no byte any more."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete, event, func, insert, select, text, update

from ivr.desk import codes as rules
from ivr.store import jobs
from ivr.store.audit import Audit
from ivr.store.callbacks import Callbacks
from ivr.store.jobs import Done
from ivr.store.links import StoredLinks
from ivr.store.messages import Messages
from ivr.store.numbers import number_key, number_mask
from ivr.store.outbox import Outbox
from ivr.store.recordings import FOLDER, Recordings
from ivr.store.retention import CALLS, DAY, HOUR, SLICE, Purged, forget_number, purge
from ivr.store.tables import callbacks, calls, codes, messages, metadata, turns, watches
from ivr.store.turn import Caller
from ivr.store.turns import Turns
from ivr.store.watches import Watches
from tests.conftest import DATABASES
from tests.desk.house import LINE, MOBILE, NOON, House, call_id

CALLER, OTHER = "+33639980001", "+33639980002"
NEVER = 10_000 * DAY


@dataclass
class Kept(House):
    """A house in which calls leave everything behind that they can."""

    @property
    def recordings(self) -> Recordings:
        """The sounds."""
        return Recordings(self.folder / FOLDER, self.vault)

    def call(self, number: int, caller: str = CALLER, at: float = NOON) -> str:
        """A call of two turns that is cut a minute later."""
        sid = call_id(number)
        who = Caller(number_key(self.vault, caller), number_mask(caller))
        for turn_number in (0, 1):
            with Turns(self.engine).turn(sid, turn_number, at + turn_number) as turn:
                assert turn.taken() is None
                turn.write(who, event="key 1", step="a.b", state="a state", recipe="a recipe", disposition="")
        Turns(self.engine).close(sid, "completed", at + 60)
        return sid

    def everything(self, number: int, caller: str = CALLER, at: float = NOON) -> str:
        """A call that also leaves a message, a call-back, a watch, a text, a link and work in the background."""
        sid = self.call(number, caller, at)
        with self.engine.begin() as connection:
            box = Messages(connection, self.vault, self.recordings)
            message = box.add(sid, f"RE{number:032x}", caller, 9, at)
            box.attach(message, b"a sound")
            box.keep(message)
            Callbacks(connection, self.vault).book(sid, caller, at + HOUR, at + 2 * HOUR, at)
            Watches(connection, self.vault).start(sid, "a line", at, at + 300)
            Watches(connection, self.vault).wish(sid, "sms", caller)
            jobs.ask(connection, sid, "find", at)
        jobs.keep(self.engine, sid, "find", Done("known", "slots"))
        to_key = number_key(self.vault, caller)
        Outbox(self.engine).queue(sid, "code", self.vault.sealed(caller, "x"), at, to_key=to_key)
        StoredLinks(self.engine, self.vault).keep(f"{number:064x}", sid, at + HOUR)
        StoredLinks(self.engine, self.vault).use(f"{number:064x}", "203.0.113.7", at)
        return sid

    def purge(self, at: float, *, dry_run: bool = False) -> Purged:
        """The daily purge, at this time."""
        return purge(self.engine, self.vault, at, folder=self.folder, dry_run=dry_run)

    def forget(self, number: str = CALLER, *, dry_run: bool = False) -> Purged:
        """Forget a number."""
        return forget_number(self.engine, self.vault, number, NOON, folder=self.folder, dry_run=dry_run)

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with self.engine.begin() as connection:
            return connection.execute(select(func.count()).select_from(metadata.tables[table])).scalar_one()

    def counts(self) -> dict[str, int]:
        """How many rows each table has, the audit apart."""
        return {name: self.count(name) for name in metadata.tables if name != "audit"}

    def value(self, query: str) -> object:
        """One value."""
        with self.engine.begin() as connection:
            return connection.execute(text(query)).scalar_one()

    def everywhere(self) -> bytes:
        """Every byte under the folder: the database, its log, the sounds."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file())

    def ciphers(self) -> list[bytes]:
        """Every cipher that is kept."""
        found = list[bytes]()
        with self.engine.begin() as connection:
            for table in metadata.tables.values():
                for row in connection.execute(select(table)):
                    found += [value for value in row if isinstance(value, bytes) and len(value) > 20]
        return found


on_both = pytest.mark.parametrize("kept", DATABASES, indirect=True)


@pytest.fixture
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """As SQLite is built in most places: what is deleted is not overwritten unless it is asked for. Or PostgreSQL."""
    if getattr(request, "param", "sqlite") == "postgresql":
        kept = Kept(tmp_path, database=request.getfixturevalue("postgres_database"))
        yield kept
        kept.engine.dispose()
        return
    kept = Kept(tmp_path)
    event.listen(kept.engine, "connect", lambda dbapi, _entry: dbapi.execute("PRAGMA secure_delete = OFF"))
    kept.engine.dispose()
    yield kept
    kept.engine.dispose()


def ran(gone: Purged) -> dict[str, int]:
    """What went of which."""
    return {name: count for name, count in gone.counts.items() if count}


# Day by day


@on_both
def test_answers_and_work_go_a_day_after_the_longest_call_and_nothing_else(kept: Kept) -> None:
    kept.everything(1)
    over = NOON + 28 * HOUR + 1
    assert ran(kept.purge(over - 1)) == {"links": 1, "watched lines": 1}
    assert ran(kept.purge(over)) == {"answers": 2, "jobs": 1}
    assert (kept.count("turns"), kept.count("jobs"), kept.count("links")) == (2, 0, 0)
    assert kept.value("SELECT max(recipe) FROM turns") == ""
    assert kept.value("SELECT state FROM calls") == "a state"
    with kept.engine.begin() as connection:
        watch = Watches(connection, kept.vault).of(call_id(1))
    assert watch
    assert (watch.line, watch.number, watch.wish) == ("", "", "sms")


def test_a_state_goes_after_a_week_and_the_record_stays(kept: Kept) -> None:
    kept.call(1)
    assert kept.purge(NOON + 60 + 7 * DAY).counts["states"] == 0
    assert kept.purge(NOON + 61 + 7 * DAY).counts["states"] == 1
    [shown] = Turns(kept.engine).latest(9)
    assert (shown.mask, shown.disposition, shown.last_step) == ("+336****01", "cut", "a.b")


@on_both
def test_who_called_goes_after_six_months_and_how_it_ended_stays(kept: Kept) -> None:
    kept.call(1)
    kept.call(2, at=NOON + HOUR)
    kept.purge(NOON + 183 * DAY + 2)
    [first, second] = Turns(kept.engine).latest(9)
    assert (first.mask, second.mask) == ("", "+336****01")
    kept.purge(NOON + 184 * DAY)
    assert [call.mask + call.follows for call in Turns(kept.engine).latest(9)] == ["", ""]
    assert kept.count("turns") == 0
    tally = Turns(kept.engine).tally(0)
    assert (tally.dispositions, tally.again_in_a_day) == ({"cut": 2}, 1), "counted, and of nobody"


@on_both
def test_messages_and_call_backs_go_a_month_after_somebody_dealt_with_them(kept: Kept) -> None:
    for call in (1, 2):
        kept.everything(call)
    for path in (kept.folder / FOLDER).iterdir():
        os.utime(path, (NOON + NEVER, NOON + NEVER))  # not because they are old
    with kept.engine.begin() as connection:
        box, promised = Messages(connection, kept.vault, kept.recordings), Callbacks(connection, kept.vault)
        box.done(box.of_call(call_id(1))[0].id, NOON + DAY)
        promised.done(promised.shown()[0].id, NOON + DAY)
    kept.purge(NOON + 31 * DAY)
    assert (kept.count("messages"), kept.count("callbacks")) == (2, 2)
    gone = kept.purge(NOON + 31 * DAY + 1)
    assert (gone.counts["messages"], gone.counts["callbacks"]) == (1, 1)
    assert len(list((kept.folder / FOLDER).iterdir())) == 1
    kept.purge(NOON + 184 * DAY)
    assert (kept.count("messages"), kept.count("callbacks"), kept.count("watches")) == (0, 0, 0), "nobody ever came"
    assert list((kept.folder / FOLDER).iterdir()) == []


@pytest.mark.parametrize("is_discarded", [False, True])
def test_a_message_that_was_not_sent_goes_the_day_after(kept: Kept, is_discarded: bool) -> None:
    with kept.engine.begin() as connection:
        box = Messages(connection, kept.vault, kept.recordings)
        message = box.add(call_id(1), "RE" + "1" * 32, CALLER, 9, NOON)
        box.attach(message, b"a sound")
        if is_discarded:
            box.discard(message, NOON)
    assert kept.purge(NOON + DAY).counts["messages"] == 0
    assert kept.purge(NOON + DAY + 1).counts["messages"] == 1
    assert list((kept.folder / FOLDER).iterdir()) == []


def test_a_file_that_belongs_to_no_message_goes_and_a_fresh_one_stays(kept: Kept) -> None:
    kept.everything(1)
    [message] = (kept.folder / FOLDER).iterdir()
    kept.recordings.put("nobodys", b"a sound")
    (kept.folder / FOLDER / "half.0011.draft").write_bytes(b"half")
    purge(kept.engine, kept.vault, time.time(), folder=kept.folder)
    assert len(list((kept.folder / FOLDER).iterdir())) == 3
    purge(kept.engine, kept.vault, time.time() + 2 * DAY, folder=kept.folder)
    assert list((kept.folder / FOLDER).iterdir()) == [message]


@on_both
def test_what_was_sent_goes_after_a_week_and_what_is_to_be_sent_stays(kept: Kept) -> None:
    outbox = Outbox(kept.engine)
    for kind in ("code", "succes"):
        outbox.queue(call_id(1), kind, b"x", NOON)
    job = outbox.claim(NOON)
    assert job
    outbox.settle(job, "sent", sid="SM1")
    assert kept.purge(NOON + 7 * DAY).counts["outbox"] == 0
    assert kept.purge(NOON + NEVER).counts["outbox"] == 1
    assert outbox.state(call_id(1), "succes") == "queued"


@on_both
def test_a_dry_run_counts_the_same_and_does_nothing(kept: Kept) -> None:
    for call in range(1, 4):
        kept.everything(call)
    before, late = kept.counts(), NOON + 400 * DAY
    would = kept.purge(late, dry_run=True)
    assert kept.counts() == before
    assert would.counts == kept.purge(late).counts
    assert kept.purge(late, dry_run=True).total == 0


@on_both
def test_no_transaction_takes_more_than_a_slice(kept: Kept) -> None:
    with kept.engine.begin() as connection:
        texts = ("state", "caller_key", "caller_mask", "status", "disposition", "remedy", "follows", "last_step")
        call = dict.fromkeys(texts, "") | {"turn": 9, "started_at": NOON, "updated_at": NOON, "direction": "inbound"}
        row = {"event": "", "step": "", "recipe": "x", "at": NOON}
        sids = [call_id(n) for n in range(2 * CALLS + 7)]
        connection.execute(insert(calls), [{"sid": sid, **call} for sid in sids])
        connection.execute(insert(turns), [{"call_sid": sid, "turn": n, **row} for sid in sids for n in range(9)])
    changed = list[int]()
    event.listen(kept.engine, "after_cursor_execute", lambda *args: changed.append(args[1].rowcount))
    gone = kept.purge(NOON + NEVER)
    assert (gone.counts["answers"], gone.counts["turns"]) == (9 * len(sids), 9 * len(sids))
    assert max(changed) == 9 * CALLS <= SLICE


@on_both
def test_the_audit_says_that_something_went_and_its_chain_holds(kept: Kept) -> None:
    kept.purge(NOON)
    kept.call(1)
    kept.purge(NOON + NEVER)
    with kept.engine.begin() as connection:
        audit = Audit(connection, kept.vault)
        [note] = audit.latest(9)
        assert (note.who, note.what, note.subject) == ("line", "data.purged", "6 rows")
        assert audit.broken_at() is None


def test_what_is_purged_is_in_no_byte_of_the_file(kept: Kept) -> None:
    key = number_key(kept.vault, CALLER)
    with kept.engine.begin() as connection:
        for n in range(300):
            who = {"sid": call_id(n), "caller_key": key, "caller_mask": number_mask(CALLER), "started_at": NOON + n}
            rest = dict.fromkeys(("state", "status", "disposition", "last_step", "remedy", "follows"), "x" * (n % 20))
            connection.execute(insert(calls).values(**who, **rest, turn=1, updated_at=NOON, direction="inbound"))
    for n in range(300):
        with kept.engine.begin() as connection:
            Callbacks(connection, kept.vault).book(call_id(n), CALLER, NOON, NOON + 1, NOON)
    assert key.encode() in kept.everywhere()
    assert kept.purge(NOON + NEVER).on_disk
    assert key.encode() not in kept.everywhere()
    assert not kept.purge(NOON + NEVER).on_disk, "nothing went, and nothing was written anew"


def test_a_file_that_is_not_written_anew_is_overwritten_all_the_same(kept: Kept) -> None:
    link = StoredLinks(kept.engine, kept.vault)
    for n in range(9):
        link.keep(f"a canary {n}", call_id(n), NOON)
    assert b"a canary" in kept.everywhere()
    assert not purge(kept.engine, kept.vault, NOON + NEVER, folder=kept.folder, anew=False).on_disk
    assert b"a canary" not in kept.everywhere()
    assert purge(kept.engine, kept.vault, NOON + NEVER, folder=kept.folder, anew=True).on_disk


# A number is forgotten


@on_both
def test_a_number_is_forgotten_everywhere_and_others_are_not(kept: Kept) -> None:
    for call in range(1, 41):
        kept.everything(call, CALLER if call % 4 == 0 else OTHER, NOON + call)
    before = kept.counts()
    gone = kept.forget()
    assert gone.counts == {
        "calls": 10, "turns": 20, "jobs": 10, "links": 10, "messages": 10, "callbacks": 10, "watches": 10,
        "outbox": 10, "passwords": 0, "attempts": 0, "lines": 0,
    }  # fmt: skip
    after = kept.counts()
    assert after["calls"] == before["calls"]
    assert {name: before[name] - after[name] for name in ("turns", "messages", "outbox")} == {
        "turns": 20, "messages": 10, "outbox": 10
    }  # fmt: skip
    assert len(list((kept.folder / FOLDER).iterdir())) == 30
    own = [call for call in Turns(kept.engine).latest(99) if call.mask == ""]
    assert len(own) == 10
    assert kept.value("SELECT count(*) FROM calls WHERE state = ''") == 10
    assert kept.forget().total == 0


def test_nothing_of_it_is_left_in_any_byte(kept: Kept) -> None:
    kept.add_lines({LINE: MOBILE, "+33199000108": OTHER})
    for call in range(1, 61):
        kept.everything(call, MOBILE if call % 3 == 0 else OTHER, NOON + call)
    others = set(kept.ciphers())
    keys = [kept.vault.key(kind, MOBILE) for kind in ("caller", "mobile")] + [kept.vault.key("line", LINE)]
    assert all(key.encode() in kept.everywhere() for key in keys)
    gone = kept.forget(MOBILE)
    assert (gone.on_disk, gone.counts["lines"]) == (True, 1)
    left, still = kept.everywhere(), set(kept.ciphers())
    digits = MOBILE.removeprefix("+33")
    forms = [MOBILE, f"0{digits}", digits, " ".join(digits[i : i + 2] for i in range(1, 9, 2)), number_mask(MOBILE)]
    for form in [*forms, *keys]:
        for spelled in (form.encode(), base64.b64encode(form.encode()).rstrip(b"="), form.encode("utf-16-le")):
            assert spelled not in left, form[:4]
    assert len(others - still) > 60
    assert not any(cipher in left for cipher in others - still)
    assert all(cipher in left for cipher in others & still)


def test_what_was_deleted_before_and_never_overwritten_goes_too(kept: Kept) -> None:
    for call in range(1, 40):
        kept.everything(call, CALLER, NOON + call)
    with kept.engine.begin() as connection:
        for table in (callbacks, messages, watches):
            connection.execute(delete(table))
        connection.execute(update(calls).values(caller_key=""))
        connection.execute(text("DELETE FROM outbox"))
    key = number_key(kept.vault, CALLER).encode()
    assert key in kept.everywhere()
    assert kept.forget().on_disk
    assert key not in kept.everywhere()


def test_calls_of_others_that_concern_the_number_lose_what_was_keyed_in_them(kept: Kept) -> None:
    kept.add_lines({LINE: CALLER})
    texted, proved = kept.call(1, OTHER), kept.call(2, OTHER)
    key = number_key(kept.vault, CALLER)
    Outbox(kept.engine).queue(texted, "code", b"x", NOON, to_key=key)
    assert kept.send(proved).outcome == "sent"
    with kept.engine.begin() as connection:
        jobs.ask(connection, proved, "find", NOON)
    kept.call(3, OTHER)
    kept.forget()
    assert kept.value("SELECT sid FROM calls WHERE state <> ''") == call_id(3)
    assert kept.value("SELECT count(DISTINCT call_sid) FROM turns") == 1
    assert [call.mask for call in Turns(kept.engine).latest(9)] == ["+336****02"] * 3
    assert (kept.count("outbox"), kept.count("jobs")) == (0, 0)


def test_failures_and_passwords_that_no_rule_looks_back_to_go(kept: Kept) -> None:
    kept.add_lines({LINE: MOBILE})
    kept.send(call_id(1))
    kept.verify_wrong(call_id(1))
    kept.purge(NOON + DAY)
    assert (kept.count("passwords"), kept.count("breaker")) == (1, 1)
    kept.purge(NOON + DAY + 1)
    assert (kept.count("passwords"), kept.count("breaker"), kept.count("attempts")) == (0, 0, 1)


def test_a_call_back_asked_for_by_somebody_else_is_forgotten_with_what_he_keyed(kept: Kept) -> None:
    sid = kept.call(1, OTHER)
    with kept.engine.begin() as connection:
        Callbacks(connection, kept.vault).book(sid, CALLER, NOON + 1, NOON + 2, NOON)
    kept.forget()
    assert kept.count("callbacks") == 0
    [shown] = Turns(kept.engine).latest(9)
    assert shown.mask == "+336****02"
    assert (kept.value("SELECT state FROM calls"), kept.count("turns")) == ("", 0)


@on_both
def test_the_line_goes_with_its_number_and_its_codes_with_the_line(kept: Kept) -> None:
    kept.add_lines({LINE: MOBILE})
    kept.add_codes("0042", "0043")
    call = call_id(1)
    account = kept.prove(call)
    assert isinstance(kept.issue(call, account), rules.Issued)
    gone = kept.forget(LINE)
    assert (gone.counts["lines"], kept.count("lines"), kept.count("passwords"), kept.count("attempts")) == (1, 0, 0, 0)
    with kept.engine.begin() as connection:
        rows = connection.execute(select(codes.c.status, codes.c.cipher.is_(None)).order_by(codes.c.place)).all()
        assert [tuple(row) for row in rows] == [("revoked", True), ("pool", False)]
        audit = Audit(connection, kept.vault)
        assert [note.what for note in audit.latest(2)] == ["code.revoked", "number.forgotten"]
        assert audit.broken_at() is None
    assert kept.send(call_id(2)).outcome == "sent", "as for any line that we do not know"
    assert call_id(2) not in kept.posted


def test_a_dry_run_forgets_nothing(kept: Kept) -> None:
    kept.add_lines({LINE: MOBILE})
    kept.everything(1, MOBILE)
    before = kept.counts()
    would = kept.forget(MOBILE, dry_run=True)
    assert (kept.counts(), kept.count("audit")) == (before, 0)
    assert len(list((kept.folder / FOLDER).iterdir())) == 1
    assert would.counts == kept.forget(MOBILE).counts


def test_a_call_that_goes_on_starts_again_and_is_nobodys(kept: Kept) -> None:
    who = Caller(number_key(kept.vault, CALLER), number_mask(CALLER))
    with Turns(kept.engine).turn(call_id(1), 0, NOON) as turn:
        turn.taken()
        turn.write(who, event="dialled", step="a.b", state="a state", recipe="x", disposition="")
    kept.forget()
    with Turns(kept.engine).turn(call_id(1), 1, NOON + 9) as turn:
        assert turn.taken() is None
        assert turn.call() is None
        turn.write(who, event="dialled", step="a.b", state="anew", recipe="x", disposition="")
    assert [call.mask for call in Turns(kept.engine).latest(9)] == [""]


def test_a_number_that_nobody_knows_changes_nothing(kept: Kept) -> None:
    kept.everything(1)
    before = kept.counts()
    assert kept.forget("+33639980099").total == 0
    assert kept.counts() == before


def test_a_file_that_others_keep_busy_is_said(kept: Kept) -> None:
    kept.call(1)
    with kept.engine.connect() as reader:
        raw = reader.connection.dbapi_connection
        assert raw
        raw.execute("PRAGMA busy_timeout = 50")
        cursor = raw.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM calls").fetchone()
        event.listen(kept.engine, "checkout", lambda dbapi, *_: dbapi.execute("PRAGMA busy_timeout = 50"))
        assert not kept.forget().on_disk
        cursor.execute("ROLLBACK")
    assert kept.forget().on_disk
