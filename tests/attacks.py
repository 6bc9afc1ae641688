"""Attacks on the line, of any size: claimants for a pool of codes, and guesses at one-time passwords.

Each attack is a function of its size, and gives back what it saw, to be judged by who calls it: `tests/test_attack.py`
in seconds, `claims_in_full` and `guesses_in_full` (`python -m tests.attacks`) at the size of facts/reliability.md B3
and B5. The attackers come through the front door: signed webhooks over HTTP, followed as a carrier would, by callers
who do not listen and lose no time.
"""

from __future__ import annotations

import itertools
import random
import re
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from sqlalchemy import insert, select

from ivr.desk.identity import Draw, Limits
from ivr.desk.lines import e164
from ivr.desk.register import NewLine
from ivr.phone import wire
from ivr.recipe import opened_state, sealed_state
from ivr.store import database as store
from ivr.store.accounts import Accounts
from ivr.store.lines import Lines
from ivr.store.tables import calls as calls_table
from ivr.web import voice
from ivr.web.server import THREADS
from ivr.web.voice import GOODBYE, LIMITED, SORRY
from tests.desk.house import NOON, House
from tests.line import ACCOUNT, ROOT, TOKEN, Line

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DAY = 86_400.0
PATIENCE = 60.0
ADDRESS = "203*0*113*7"


def call_sid(number: int) -> str:
    """A call's id."""
    return f"CA{number:032x}"


def line_number(number: int) -> str:
    """One of the 10,000 lines that are kept for fiction, as it is typed; the line's own number is the first."""
    return f"019900{number + 1:04}"


def mobile(number: int) -> str:
    """One of the 10,000 mobiles that are kept for fiction, in E.164."""
    return f"+3363998{number:04}"


# Callers at the front door.


def _so_many(app: WSGIApplication, threads: int) -> WSGIApplication:
    """The app, behind a door for so many; who waits longest is next."""
    seats = threading.BoundedSemaphore(threads)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with seats:
            return [*app(environ, start_response)]  # some answers are worked out only while they are read

    return answer


@dataclass
class Heard:
    """What came back of all webhooks: how many, those that a caller would hear as an error, and twins that differ."""

    webhooks: int = 0
    twins: int = 0
    errors: list[str] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)
    slowest: float = 0.0


class Door:
    """The line's front door. Webhooks may be delivered several times at once, byte for byte the same.

    However many come, the app answers as many at once as it does in production (`ivr.web.server`).
    """

    def __init__(self, line: Line, at_once: int = 50) -> None:
        self.line, self.heard = line, Heard()
        line.app.wsgi_app = _so_many(line.app.wsgi_app, THREADS)  # type: ignore[assignment, method-assign]
        self._again = ThreadPoolExecutor(at_once)
        self._sounds = {name: line.sounds(prompt.pieces()) for name, prompt in line.flow.texts() if name in LISTENED}

    def close(self) -> None:
        """Nobody delivers anything twice any more."""
        self._again.shutdown()

    def deliver(self, path: str, form: dict[str, str], copies: int = 1) -> str:
        """The answer to one webhook."""
        request = wire.request("POST", self.line.url + path, form, TOKEN)
        twins = [self._again.submit(wire.send, request) for _ in range(copies - 1)]
        began = time.monotonic()
        answers = [wire.send(request), *(twin.result() for twin in twins)]
        self.heard.slowest = max(self.heard.slowest, time.monotonic() - began)
        self.heard.webhooks += copies
        self.heard.twins += copies > 1
        for answer in answers:
            if answer.status != 200 or not (answer.content_type or "").startswith("text/xml"):
                self.heard.errors.append(f"{path}: {answer.status} {answer.content_type}")
            elif any(words.encode() in answer.body for words in (SORRY, LIMITED, GOODBYE)):
                self.heard.errors.append(f"{path}: the apology")
        if len({answer.body for answer in answers}) > 1:
            self.heard.unlike.append(path)
        return answers[0].body.decode()

    def says(self, document: str, step: str) -> bool:
        """Whether a document says the words of a step, slots apart."""
        return all(any(name in document for name in names) for names in self._sounds[step])


class Caller:
    """One call: `said` is the last document. It presses without listening, and never waits."""

    def __init__(self, door: Door, number: int, shown: str, said: str = "") -> None:
        self.door, self.sid, self.shown, self.said = door, call_sid(number), shown, said
        self._form = {"CallSid": self.sid, "AccountSid": ACCOUNT, "From": shown, "To": "+33199000000"}

    def dial(self, copies: int = 1) -> None:
        """Call the line."""
        self._ask("/voice", copies, CallStatus="ringing")

    def press(self, *keys: str, copies: int = 1) -> None:
        """Press keys, one answer after the other."""
        for typed in keys:
            self._ask(_found(r'action="([^"]+)"', self.said), copies, CallStatus="in-progress", Digits=typed)

    def silence(self, copies: int = 1) -> None:
        """Say nothing until the line goes on by itself."""
        self._ask(_found(r"<Redirect[^>]*>([^<]+)<", self.said), copies, CallStatus="in-progress")

    def hears(self, step: str) -> bool:
        """Whether the last document says the words of a step."""
        return self.door.says(self.said, step)

    def _ask(self, path: str, copies: int, **about: str) -> None:
        self.said = self.door.deliver(path, {**self._form, **about}, copies)


def _found(pattern: str, document: str) -> str:
    found = re.search(pattern, document)
    assert found, f"nothing leads on from {document}"
    return found[1]


def ask_for_password(caller: Caller, typed: str) -> bool:
    """Walk a new call to the six digits of a line that is typed; whether an SMS was promised."""
    caller.dial()
    if caller.hears("reprise.proposer"):  # an earlier call from this number still stands
        caller.press("2")
    caller.press("3")
    return ask_again(caller, typed)


def ask_again(caller: Caller, typed: str) -> bool:
    """The same from where a code was chosen in the main menu."""
    if caller.hears("code.regarder"):
        caller.press("1")
    caller.press("1")
    if not caller.hears("votre-ligne.taper"):  # the line is guessed from the number shown
        caller.press("2")
    caller.press(typed, "1")
    return caller.hears("identite.saisir")


def type_password(caller: Caller, digits: str, copies: int = 1) -> str:
    """Type six digits: « verified », « wrong », or « refused » when they were not even compared."""
    caller.press(digits, copies=copies)
    for _ in range(10):
        for step, meaning in MEANINGS.items():
            if caller.hears(step):
                return meaning
        caller.silence()
    raise AssertionError(f"the line never answers: {caller.said}")


LISTENED = frozenset(
    f"{script}.{step}"
    for script, steps in {
        "reprise": ("proposer",),
        "code": ("regarder",),
        "votre-ligne": ("taper",),
        "identite": ("saisir", "refuse", "impossible"),
        "adresse": ("comment",),
        "creation": ("pret", "echec", "envoye"),
    }.items()
    for step in steps
)
"""The steps that callers can tell apart."""

MEANINGS = {"adresse.comment": "verified", "identite.refuse": "wrong", "identite.impossible": "refused"}


def customers(line: Line, count: int) -> None:
    """Put so many lines into the register, each with a mobile of its own."""
    rows = [NewLine(e164(line_number(i)), mobile(i), "C610IP") for i in range(count)]
    with line.services.ground.engine.begin() as connection:
        Lines(connection, line.services.ground.vault).take_in(rows, line.clock.now() - 90 * DAY)


# B3: claimants.


@dataclass(frozen=True)
class Claims:
    """What became of the claimants: what each mobile's owner heard, the codes texted to it; and all answers."""

    said: dict[str, str]
    texted: dict[str, list[str]]
    heard: Heard
    seconds: float


def claim(
    folder: Path, *, callers: int, pool: int, at_once: int = 50, whole: bool = False, database: str = ""
) -> Claims:
    """So many callers at once for the codes of a pool; every fifth is delivered twice, every twentieth three times.

    Everybody has proved who he is, and gives the address and its confirmation over HTTP; who gets a code has it texted.
    `whole` walks every call from its first webhook on; else one call is walked that far, and the others are placed
    where it stands. Nobody is answered without the database because the machine is busy with others: how long the
    slowest answer took is told instead (`Heard.slowest`).
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "BUSY_SECONDS", PATIENCE)
        patch.setattr(voice, "ANSWER_SECONDS", PATIENCE)
        return _crowd(folder, callers, pool, at_once, whole=whole, database=database)


def _crowd(folder: Path, callers: int, pool: int, at_once: int, *, whole: bool, database: str) -> Claims:
    line = Line(folder / "var", ROOT / "prompts", database=database, environment={"IVR_SMS_AN_HOUR": "100000"})
    door = Door(line, at_once)
    try:
        customers(line, callers)
        line.give_codes(*pool_of(pool))
        claimants = _walked(door, callers, at_once) if whole else _placed(door, callers)
        began = time.monotonic()
        said = _claimed(claimants, at_once)
        texted: dict[str, list[str]] = defaultdict(list)
        for message in line.sent():
            if found := re.search(r"(?:\d{3} ){3}\d{3}", message.body):
                texted[message.to].append(found[0].replace(" ", ""))
        return Claims(said, texted, door.heard, time.monotonic() - began)
    finally:
        door.close()
        line.stop()


def pool_of(size: int) -> list[str]:
    """Codes of twelve digits, all different, in no order."""
    return [f"{(i * 7_919 + 104_729) * 1_000_003 % 10**12:012}" for i in range(size)]


def _claimed(claimants: Sequence[Caller], at_once: int) -> dict[str, str]:
    """What each heard, once everybody has given the address, confirmed it, and had the code texted: all at once."""
    in_no_order = random.Random(7).sample(claimants, len(claimants))  # noqa: S311 - the same every time
    with ThreadPoolExecutor(at_once) as crowd:
        list(crowd.map(partial(_press, ADDRESS), in_no_order))
        list(crowd.map(partial(_press, "1"), in_no_order))
        given = [caller for caller in in_no_order if caller.hears("creation.pret")]
        said = {caller.shown: "failed" for caller in claimants if caller.hears("creation.echec")}
        list(crowd.map(partial(_press, "2"), given))
    return said | {caller.shown: "texted" for caller in given if caller.hears("creation.envoye")}


def _press(keys: str, caller: Caller) -> None:
    caller.press(keys, copies=_copies(caller))


def _copies(caller: Caller) -> int:
    number = int(caller.sid[2:], 16)
    return 3 if number % 20 == 0 else 2 if number % 5 == 0 else 1


def _walked(door: Door, count: int, at_once: int) -> list[Caller]:
    """Every call, walked from its first webhook to where the address is typed."""
    callers = [Caller(door, i, mobile(i)) for i in range(count)]

    def to_password(caller: Caller) -> None:
        caller.dial(copies=_copies(caller))
        for keys in ("3", "1", "1", "1"):  # the line is guessed from the mobile that calls
            _press(keys, caller)

    def to_address(caller: Caller) -> None:
        assert type_password(caller, passwords[caller.shown], copies=_copies(caller)) == "verified"
        _press("2", caller)

    with ThreadPoolExecutor(at_once) as crowd:
        list(crowd.map(to_password, callers))
        passwords = passwords_of(door.line)
        list(crowd.map(to_address, callers))
    return callers


def passwords_of(line: Line) -> dict[str, str]:
    """The six digits of the last SMS to each mobile."""
    found = ((sms.to, re.search(r"\b\d{6}\b", sms.body)) for sms in line.sent())
    return {to: digits[0] for to, digits in found if digits}


def _placed(door: Door, count: int) -> list[Caller]:
    """One call walked, and every other put where that one stands, with a line and a proof of its own."""
    (model,) = callers = _walked(door, 1, 1)
    calls, services, now = door.line.app.extensions["ivr"], door.line.services, door.line.clock.now()
    secrets = door.line.flow.secrets  # the script is looked up in the database: not while we hold it
    with services.ground.engine.begin() as connection:
        accounts, kept = Accounts(connection, services.ground.vault), Lines(connection, services.ground.vault)
        row = connection.execute(select(calls_table).where(calls_table.c.sid == model.sid)).mappings().one()
        state = opened_state(services.ground.vault, model.sid, row["state"])
        assert state
        for i in range(1, count):
            caller = Caller(door, i, mobile(i))
            caller.said = model.said.replace(calls.mac(model.sid, row["turn"]), calls.mac(caller.sid, row["turn"]))
            slots = tuple((name, line_number(i) if name == "ligne" else value) for name, value in state.slots)
            sealed = sealed_state(services.ground.vault, caller.sid, replace(state, slots=slots), secrets)
            connection.execute(insert(calls_table).values({**row, "sid": caller.sid, "state": sealed}))
            line = kept.by_number(e164(line_number(i)))
            assert line
            accounts.ask(caller.sid, line.id, "sms", b"", at=now, expires_at=now, tries=0)
            accounts.use(caller.sid, now)
            callers.append(caller)
    return callers


# B5: guessers.


class Desk(Protocol):
    """What is attacked: a password is asked for, and guessed. `caller` is the number shown, in E.164."""

    threads: int

    def send(self, call: int, caller: str, account: int, at: float) -> str:
        """Ask for an SMS: « sent », or why not."""

    def guess(self, call: int, caller: str, digits: str, at: float) -> str:
        """Guess: « verified », « wrong », or why the digits were not even compared."""

    def restart(self) -> None:
        """The process dies and comes again."""


@dataclass(frozen=True)
class Attack:
    """Who attacks: so many guesses, by fours, each call from the next of so many numbers, at one of the accounts.

    All of it happens within so many days, in order, as far as threads have one; `together` of them guess in the same
    call. `restarts` are spread over it. `digits` draws a guess.
    """

    accounts: int
    callers: int
    guesses: int
    days: float
    restarts: int
    digits: Callable[[random.Random], str]
    together: int = 1
    seed: int = 20261124


@dataclass
class Siege:
    """What came of it. `compared` are the guesses that were compared: when, at which account, in which call, right."""

    compared: list[tuple[float, int, int, bool]] = field(default_factory=list)
    sent: list[tuple[float, int]] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def wins(self) -> int:
        """How many guesses were right."""
        return sum(right for *_, right in self.compared)

    def in_a_row(self) -> dict[int, int]:
        """The most wrong guesses in a row that each account gave, as far as threads have an order."""
        most: dict[int, int] = {}
        row: Counter[int] = Counter()
        for _, account, _, right in self.compared:
            row[account] = 0 if right else row[account] + 1
            most[account] = max(most.get(account, 0), row[account])
        return most

    def in_a_call(self) -> int:
        """The most wrong guesses that one call gave."""
        return max(Counter(call for _, _, call, right in self.compared if not right).values(), default=0)

    def in_an_hour(self) -> int:
        """The most wrong guesses within an hour, over all accounts."""
        return _busiest(sorted(at for at, _, _, right in self.compared if not right), 3600)

    def sent_in_a_day(self) -> int:
        """The most SMS that one account was sent within a day."""
        by_account: dict[int, list[float]] = defaultdict(list)
        for at, account in self.sent:
            by_account[account].append(at)
        return max((_busiest(sorted(times), DAY) for times in by_account.values()), default=0)


def _busiest(times: Sequence[float], seconds: float) -> int:
    """The most of these moments, in order, within so many seconds."""
    first, most = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def besiege(desk: Desk, attack: Attack) -> Siege:
    """Attack, and see."""
    siege, began = Siege(), time.monotonic()
    dice = random.Random(attack.seed)  # noqa: S311 - the same every time
    fours = attack.guesses // 4
    targets = [dice.randrange(attack.accounts) for _ in range(fours)]
    calls = [i // attack.together for i in range(fours)]
    jobs = [_Job(call, targets[call], NOON + attack.days * DAY * i / fours) for i, call in enumerate(calls)]
    per_life = -(-fours // (attack.restarts + 1))
    with ThreadPoolExecutor(desk.threads) as crowd:
        for first in range(0, fours, per_life):
            list(crowd.map(partial(_attacked, desk, attack, siege), jobs[first : first + per_life]))
            desk.restart()
    siege.seconds = time.monotonic() - began
    return siege


@dataclass(frozen=True)
class _Job:
    call: int
    account: int
    at: float


def _attacked(desk: Desk, attack: Attack, siege: Siege, job: _Job) -> None:
    caller = mobile(job.call % attack.callers)
    dice = random.Random(f"{attack.seed} {job}")  # noqa: S311 - the same every time
    said = desk.send(job.call, caller, job.account, job.at)
    siege.answers[f"asked: {said}"] += 1
    if said == "sent":
        siege.sent.append((job.at, job.account))
    for _ in range(4):
        said = desk.guess(job.call, caller, attack.digits(dice), job.at)
        siege.answers[said] += 1
        if said in ("verified", "wrong"):
            siege.compared.append((job.at, job.account, job.call, said == "verified"))


class HouseDesk:
    """The rules and their store, and no telephone: `ivr.desk.identity` on SQLite. It is not told who calls."""

    def __init__(self, folder: Path, accounts: int, threads: int, draw: Draw, limits: Limits | None = None) -> None:
        self.threads = threads
        self._made: Callable[[], House] = partial(House, folder, limits or Limits(), draw=draw)
        self._house = self._made()
        self._house.add_lines({e164(line_number(i)): mobile(i) for i in range(accounts)}, NOON - 90 * DAY)

    def send(self, call: int, caller: str, account: int, at: float) -> str:
        """Ask for an SMS."""
        return self._house.send(call_sid(call), e164(line_number(account)), at).outcome

    def guess(self, call: int, caller: str, digits: str, at: float) -> str:
        """Guess."""
        return self._house.identity.verify(call_sid(call), digits, at)

    def restart(self) -> None:
        """The process dies and comes again."""
        self._house.engine.dispose()
        self._house = self._made()

    def stop(self) -> None:
        """Let go of the database."""
        self._house.engine.dispose()


class FrontDesk:
    """The same through calls over HTTP, for attacks where nobody shares a call."""

    def __init__(self, folder: Path, accounts: int, threads: int) -> None:
        self.threads = threads
        self.line = Line(folder / "var", ROOT / "prompts")
        customers(self.line, accounts)
        self.door = Door(self.line, threads)
        self._calls: dict[int, Caller] = {}
        self._ticks = itertools.count(1)

    def send(self, call: int, caller: str, account: int, at: float) -> str:
        """Ask for an SMS, in a new call."""
        self.line.clock.set(at)
        mine = self._calls[call] = Caller(self.door, call, caller)
        return "sent" if ask_for_password(mine, line_number(account)) else "refused"

    def guess(self, call: int, caller: str, digits: str, at: float) -> str:
        """Guess, as long as the line asks."""
        mine = self._calls[call]
        self.line.clock.set(at + next(self._ticks) / 1000)  # no two guesses at the same moment
        if not any(mine.hears(step) for step in ("identite.saisir", "identite.refuse")):
            return "refused"
        return type_password(mine, digits)

    def restart(self) -> None:
        """The process dies and comes again."""
        self.line.restart()

    def stop(self) -> None:
        """The line is closed."""
        self.door.close()
        self.line.stop()


def even(dice: random.Random) -> Draw:
    """Draws even numbers: who guesses odd ones is never right."""
    return lambda below: dice.randrange(0, below, 2)


def odd_digits(dice: random.Random) -> str:
    """Six digits that make an odd number."""
    return f"{dice.randrange(1, 10**6, 2):06}"


def any_digits(dice: random.Random) -> str:
    """Six digits."""
    return f"{dice.randrange(10**6):06}"


# In full.


def claims_in_full(runs: int = 20) -> Iterator[Claims]:
    """1,000 callers for 100 codes, whole calls from the first webhook on, so many times (B3)."""
    for _ in range(runs):
        with _folder() as folder:
            yield claim(folder, callers=1000, pool=100, whole=True)


def guesses_in_full(guesses: int = 100_000, days: float = 60) -> Siege:
    """100,000 guesses from 10,000 numbers over 1,000 accounts, as many at once as production has threads (B5)."""
    with _folder() as folder:
        draw = random.Random(1).randrange  # noqa: S311 - the same every time
        desk = HouseDesk(folder, 1000, 12, lambda below: draw(below))
        try:
            return besiege(desk, Attack(1000, 10_000, guesses, days, 20, any_digits, together=2))
        finally:
            desk.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
