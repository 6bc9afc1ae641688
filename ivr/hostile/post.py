"""A carrier's post that does everything wrong: webhooks twice, in twins, late, out of order, to another process.

It stands where the telephone's wire is (`ivr.phone.wire.Send`), and looks at every answer: what must hold of a single
one, and of a webhook that was answered before. It must not know the script, nor what a caller means.

Twins are made without threads, so that they happen again: just before the first one's nth transaction the second is
answered whole, by the other process. Within a transaction SQLite lets nobody in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from ivr.hostile.rules import Broken, Rule
from ivr.hostile.stand import TOKEN, Stand
from ivr.phone import TwimlError, wire
from ivr.phone.twiml import Gather, Redirect, Verb, parse
from ivr.phone.wire import Answer, Request
from ivr.web.voice import LIMITED, SORRY

_A_TURN = re.compile(r"/voice(/\d+/[0-9a-f]+/(key|silence|recorded|dialled))?", re.ASCII)
_PUT_THROUGH = re.compile(r"/voice/\d+/[0-9a-f]+/taken|/voice/rappel/.*", re.ASCII)
_READ_OUT = re.compile(rb"<Play>[^<]*/audio/code/[^<]*</Play>")


@dataclass(frozen=True, slots=True)
class Delivered:
    """One webhook of a turn, its answer, and what else the document before it had offered."""

    request: Request
    answer: Answer
    offered: tuple[Verb, ...]


Read = tuple[Answer, tuple[Verb, ...]]
"""An answer, and its verbs."""


@dataclass
class Post:
    """Delivers, and looks. `counts` are how many were delivered, by kind."""

    stand: Stand
    counts: Counter[str] = field(default_factory=Counter)
    past: list[Delivered] = field(default_factory=list)
    _process: int = 0
    _twin: int | None = None
    _offered: tuple[Verb, ...] = ()
    _by_bytes: dict[tuple[str, bytes], Delivered] = field(default_factory=dict)

    # What the attack asks for.

    def twins(self, at: int) -> None:
        """The next webhook comes in twins, the second just before the first one's transaction of this number."""
        self._twin = at

    def elsewhere(self) -> None:
        """From now on the webhooks go to the other process."""
        self._process = 1 - self._process

    def redeliver(self, back: int) -> bool:
        """Deliver once more the webhook that came so many before; False when there is none."""
        if not 1 <= back <= len(self.past) or is_apology(self.past[-back].answer.body):
            return False
        self.counts["late"] += back > 1
        self._repeat(self.past[-back], self._process)
        return True

    def stray(self, key: str) -> bool:
        """Deliver what else could have come of the last turn: another key (« silence » for none)."""
        if not self.past or is_apology(self.past[-1].answer.body) or not (request := _other(self.past[-1], key)):
            return False
        self.counts["stray"] += 1
        self._repeat(Delivered(request, self.past[-1].answer, ()), self._process)
        return True

    # What the telephone asks for.

    def send(self, wanted: Request) -> Answer:
        """Deliver one request of the telephone."""
        if wanted.method == "GET":
            return self._clip(wanted)
        path = urlsplit(wanted.url).path
        if path == "/voice/status":
            return self._told(wanted)
        before = self._by_bytes.get((wanted.url, wanted.body))
        if before and not is_apology(before.answer.body):
            return self._repeat(before, self._process)
        twin, self._twin = self._twin, None
        self._offered = self._offered if path != "/voice" else ()  # a call begins
        answer, verbs = self._first(wanted) if twin is None else self._in_twins(wanted, twin)
        if _A_TURN.fullmatch(path):
            self.past.append(Delivered(wanted, answer, self._offered))
            self._by_bytes[wanted.url, wanted.body] = self.past[-1]
            self._offered = verbs
        return answer

    def _first(self, wanted: Request) -> Read:
        """Deliver it for the first time: at most one code leaves the pool by it."""
        pool, read = self._pool(), self._delivered(wanted, self._process)
        self._check_pool(pool, wanted)
        return read

    def _in_twins(self, wanted: Request, at: int) -> Read:
        self.counts["twins"] += 1
        pool, second = self._pool(), list[Answer]()
        begun = Counter[str]()

        def begins() -> None:
            begun["transactions"] += 1
            if begun["transactions"] == at and not second:
                second.append(self._delivered(wanted, 1)[0])

        with self.stand.before_transactions(begins):
            answer, verbs = self._delivered(wanted, 0)
        self._check_pool(pool, wanted)
        if not second:
            self._repeat(Delivered(wanted, answer, ()), 1)
        elif _A_TURN.fullmatch(urlsplit(wanted.url).path):
            self._check_same(wanted, answer, second[0])
        return answer, verbs

    def _repeat(self, before: Delivered, process: int) -> Answer:
        """Deliver again what was answered before: the same answer, and nothing has moved."""
        self.counts["again"] += 1
        version, pool = self._version(), self._pool()
        answer, _ = self._delivered(before.request, process)
        if _A_TURN.fullmatch(urlsplit(before.request.url).path):
            self._check_pool(pool, before.request, most=0)
            self._check_same(before.request, before.answer, answer)
            if self._version() != version:
                raise Broken(Rule.ONCE, f"{_shown(before.request)} a encore écrit dans la base")
        return answer

    def _clip(self, wanted: Request) -> Answer:
        """A clip, asked for once; what is read out for one call alone, each time."""
        clips = self.stand.clips
        if wanted.url not in clips or "/audio/code/" in wanted.url:
            clips[wanted.url] = self._asked(wanted, self._process)
        return clips[wanted.url]

    def _told(self, wanted: Request) -> Answer:
        self.counts["status"] += 1
        with self._whole():
            return self._asked(wanted, self._process)

    # What must hold.

    def _delivered(self, wanted: Request, process: int) -> Read:
        self.counts["webhooks"] += 1
        with self._whole():
            answer = self._asked(wanted, process)
        try:
            verbs = parse(answer.body, answer.content_type)
        except TwimlError as error:
            raise Broken(Rule.VALID, f"{_shown(wanted)} : {error.sentence}") from error
        if answer.status != 200:
            raise Broken(Rule.VALID, f"{_shown(wanted)} : HTTP {answer.status}")
        if not verbs and not _PUT_THROUGH.fullmatch(urlsplit(wanted.url).path):
            raise Broken(Rule.HEARD, f"{_shown(wanted)} : une réponse vide")
        return answer, verbs

    def _asked(self, wanted: Request, process: int) -> Answer:
        return wire.into(self.stand.processes[process])(wanted)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Nothing goes wrong within, but for what the attack has broken itself."""
        injected = self.stand.injected
        self.stand.mishaps.clear()
        yield
        if self.stand.mishaps and self.stand.injected == injected:
            raise Broken(Rule.WHOLE, self.stand.mishaps[0])

    def _check_same(self, wanted: Request, one: Answer, other: Answer) -> None:
        """The same bytes; a code that must not be heard any more is not read out again."""
        if is_apology(one.body) or is_apology(other.body):
            return
        if _READ_OUT.sub(b"", one.body) != _READ_OUT.sub(b"", other.body):
            raise Broken(Rule.SAME, f"{_shown(wanted)} : une autre réponse la seconde fois")

    def _pool(self) -> int:
        count: int = self.stand.database.execute("SELECT count(*) FROM codes WHERE status = 'pool'").fetchone()[0]
        return count

    def _check_pool(self, before: int, wanted: Request, most: int = 1) -> None:
        """No webhook takes more than one code, nor any when it comes again."""
        if (taken := before - self._pool()) > most:
            raise Broken(Rule.CODES, f"{_shown(wanted)} a pris {taken} code(s), {most} au plus sont à prendre")

    def _version(self) -> int:
        """Changes whenever another connection has written (sqlite.org/pragma.html#pragma_data_version)."""
        version: int = self.stand.database.execute("PRAGMA data_version").fetchone()[0]
        return version


def is_apology(body: bytes) -> bool:
    """Whether the turn was lost by a fault: it was not taken, and is when it comes again."""
    return any(words.encode() in body for words in (SORRY, LIMITED))


def _other(last: Delivered, key: str) -> Request | None:
    """Another webhook that the document before could have led to."""
    form = dict(parse_qsl(last.request.body.decode(), keep_blank_values=True))
    form.pop("Digits", None)
    for verb in last.offered:
        match verb:
            case Redirect(url=url) if key == "silence":
                return wire.request("POST", _whole_url(last, url), form, TOKEN)
            case Gather(action=url) if key != "silence":
                return wire.request("POST", _whole_url(last, url), form | {"Digits": key}, TOKEN)
    return None


def _whole_url(last: Delivered, url: str) -> str:
    parts = urlsplit(last.request.url)
    return f"{parts.scheme}://{parts.netloc}{url}" if url.startswith("/") else url


def _shown(request: Request) -> str:
    """A request as it may be told: its path, without the call's own part."""
    return re.sub(r"/[0-9a-f]{16}/", "/…/", urlsplit(request.url).path)
