"""Who knocks: forged and shifted requests by the million (B2), and strings that no telephone sends (B7)."""

from __future__ import annotations

import base64
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import func, select

from ivr.phone import wire
from ivr.phone.wire import Answer, Request
from ivr.store.tables import turns
from tests.attacks import call_sid
from tests.line import ACCOUNT, ROOT, TOKEN, Line
from tests.torture.bars import Bar, Size, trial
from tests.torture.databases import NO_SERVER, database
from tests.twiml_schema import complaints

FORM = {"AccountSid": ACCOUNT, "From": "+33639980001", "To": "+33199000000", "Direction": "inbound"}
SIGNATURE = "X-Twilio-Signature"

NASTY = (
    "", "hangup", "\x00", "\x0b", "\ufffe", "\U0010ffff", "\u202e1", "é", "</Say><Dial>+33899000000</Dial>", "]]>",
    "&#0;", "&lt;", "\r\n", "1\r\nX: y", "=cmd()", "1' OR '1'='1", "'; DROP TABLE calls; --", "{{7*7}}", "%00", "%s%n",
    "../../etc/passwd", "1" * 33, "1" * 5000, "A" * 60_000, "١٢٣", "１２３", "1;2", "1&Digits=2", "\t1", " 1", "-1",
)  # fmt: skip
"""Strings that have broken something somewhere."""


@trial("B2", seconds=150)
def forged_requests(size: Size) -> Iterator[Bar]:
    """A call's own webhooks, forged in every way that changes what is signed or who signed it."""
    count, dice = size.of(1_000_000, 2_000), random.Random(size.seed)  # noqa: S311 - the same every time
    with _line() as line:
        send, genuine = wire.into(line.app), _recorded(line)
        before, answers = _turns(line), Counter[int]()
        for done in range(count):
            forged = _FORGERIES[done % len(_FORGERIES)](dice, dice.choice(genuine))
            answers[send(forged).status] += 1
            if done % 5000 == 0:
                size.went(done / count)
        moved = _turns(line) - before
        shifted = list(_shifted(line, genuine))
    refused = answers[403] + answers[413] + answers[404] + answers[405]
    told = ", ".join(f"{status}: {number:,}" for status, number in sorted(answers.items()))
    yield Bar(
        f"forged requests accepted, of {count:,} in {len(_FORGERIES)} ways", "0", str(count - refused), refused == count
    )
    yield Bar("turns that they took; what they were answered", "0", f"{moved}; {told}", moved == 0)
    yield from shifted


def _shifted(line: Line, genuine: list[Request]) -> Iterator[Bar]:
    """What a captured signature lets somebody move between a name, a value and the address: signed, and of no use."""
    send, before, wrong, tried = wire.into(line.app), _turns(line), 0, 0
    for request in genuine:
        for body in _boundaries(request.body.decode()):
            answer = send(replace(request, body=body.encode()))
            tried += 1
            wrong += answer.status not in (200, 204, 403)
    moved = _turns(line) - before
    name = f"turns taken by parameters moved under {len(genuine)} captured signatures, {tried:,} ways"
    yield Bar(name, "0, no HTTP error", f"{moved}, {wrong}", moved == wrong == 0)


def _boundaries(form: str) -> Iterator[str]:
    """The same signed text, with a boundary of a parameter that decides something moved, or that parameter twice."""
    pairs = [pair.split("=", 1) for pair in form.split("&")]
    for place, (name, value) in enumerate(pairs):
        if name not in ("Digits", "CallSid", "AccountSid", "To"):
            continue
        for shifted in ((name + value[:1], value[1:]), (name[:-1], name[-1:] + value), (name + value, "")):
            yield "&".join(f"{n}={v}" for n, v in [*pairs[:place], shifted, *pairs[place + 1 :]])
        yield "&".join(f"{n}={v}" for n, v in [*pairs, (name, value)])


Forge = Callable[[random.Random, Request], Request]


def _flipped(dice: random.Random, request: Request) -> Request:
    """One bit of the signature."""
    signed = bytearray(base64.b64decode(request.headers[SIGNATURE]))
    bit = dice.randrange(len(signed) * 8)
    signed[bit // 8] ^= 1 << bit % 8
    return _with(request, **{SIGNATURE: base64.b64encode(signed).decode()})


def _another_value(dice: random.Random, request: Request) -> Request:
    """One parameter's value."""
    pairs = [pair.split("=", 1) for pair in request.body.decode().split("&")]
    pairs[dice.randrange(len(pairs))][1] = str(dice.randrange(10**9))
    return replace(request, body="&".join("=".join(pair) for pair in pairs).encode())


def _dropped(dice: random.Random, request: Request) -> Request:
    """One parameter less."""
    pairs = request.body.decode().split("&")
    del pairs[dice.randrange(len(pairs))]
    return replace(request, body="&".join(pairs).encode())


def _renamed(dice: random.Random, request: Request) -> Request:
    """One parameter's name, its case or a letter more."""
    pairs = request.body.decode().split("&")
    place = dice.randrange(len(pairs))
    name, _, value = pairs[place].partition("=")
    pairs[place] = f"{dice.choice((name.swapcase(), name + 'x', 'x' + name))}={value}"
    return replace(request, body="&".join(pairs).encode())


def _more(dice: random.Random, request: Request) -> Request:
    """One parameter more."""
    return replace(request, body=request.body + f"&Extra{dice.randrange(99)}=1".encode())


def _elsewhere(dice: random.Random, request: Request) -> Request:
    """Another address, or a query."""
    path = dice.choice(("/voice/status", "/voice/1/0123456789abcdef/key", "?a=1", "/voice/fallback", "/voice/"))
    base = request.url.split("/voice")[0]
    url = request.url + path if path[0] == "?" else base + path
    return replace(request, url=url + "" if url != request.url else url + "?b=2")


def _another_token(dice: random.Random, request: Request) -> Request:
    """Somebody else's token."""
    form = dict(pair.split("=", 1) for pair in request.body.decode().split("&"))
    return _with(request, **{SIGNATURE: wire.signature(request.url, form, f"token {dice.random()}")})


def _another_host(dice: random.Random, request: Request) -> Request:
    """Signed for the host that the request itself names."""
    host = f"evil{dice.randrange(999)}.example.com"
    form = {"CallSid": call_sid(dice.randrange(10**6)), **FORM}
    return replace(
        wire.request("POST", f"http://{host}/voice", form, "a token of theirs"),
        headers={**request.headers, "X-Forwarded-Host": host, "Content-Type": "application/x-www-form-urlencoded"},
    )


def _no_signature(_dice: random.Random, request: Request) -> Request:
    """None at all."""
    return replace(request, headers={name: value for name, value in request.headers.items() if name != SIGNATURE})


def _odd_signature(dice: random.Random, request: Request) -> Request:
    """One that is none."""
    return _with(request, **{SIGNATURE: dice.choice(("", "\xe9", "=", "A" * 28, "A" * 5000, "\xff" * 20))})


def _another_type(dice: random.Random, request: Request) -> Request:
    """A body of another kind."""
    return _with(request, **{"Content-Type": dice.choice(("application/json", "text/xml", "multipart/form-data", ""))})


_FORGERIES: tuple[Forge, ...] = (
    _flipped, _another_value, _dropped, _renamed, _more, _elsewhere, _another_token, _another_host, _no_signature,
    _odd_signature, _another_type,
)  # fmt: skip


def _with(request: Request, **headers: str) -> Request:
    return replace(request, headers={**request.headers, **headers})


@trial("B7", seconds=300)
def strings_that_no_telephone_sends(size: Size) -> Iterator[Bar]:
    """Signed webhooks whose digits are anything: nothing moves, and the answer is one that a carrier plays."""
    count = size.of(1_000_000, 2_000)
    with _line() as line:
        here = _recorded(line)[-1]
        before, documents, wrong = _turns(line), set[bytes](), 0
        for done, answer in enumerate(_answers(line, here, count, size.seed)):
            wrong += answer.status not in (200, 403, 413)
            if answer.status == 200:
                documents.add(answer.body)
            if done % 5000 == 0:
                size.went(done / count)
        moved = _turns(line) - before
    malformed = [found for body in documents for found in complaints(body)]
    yield Bar(f"answers of HTTP that a caller hears as an error, of {count:,} strings", "0", str(wrong), not wrong)
    yield Bar("turns taken by them", "0", str(moved), moved == 0)
    yield Bar(f"faults in the {len(documents)} documents answered", "0", str(len(malformed)), not malformed)


@trial("B7", seconds=100)
def the_same_strings_on_both_databases(size: Size) -> Iterator[Bar]:
    """A tenth of them, to a line on PostgreSQL and to one on SQLite."""
    count = size.of(100_000, 500)
    with tempfile.TemporaryDirectory() as folder, database("PostgreSQL", Path(folder)) as url:
        if not url:
            yield NO_SERVER
            return
        with _line() as line, _line(url) as other:
            ways = [(each, _recorded(each)[-1]) for each in (line, other)]
            before, unlike, answers = _turns(other), 0, Counter[int]()
            both = zip(*(_answers(each, here, count, size.seed) for each, here in ways), strict=True)
            for done, (one, another) in enumerate(both):
                answers[another.status] += 1
                unlike += _said(one, line) != _said(another, other)
                if done % 5000 == 0:
                    size.went(done / count)
            moved = _turns(other) - before
    told = ", ".join(f"{status}: {number:,}" for status, number in sorted(answers.items()))
    name = f"answers that differ between PostgreSQL and SQLite, of {count:,} strings"
    yield Bar(name, "0", f"{unlike}; {told}", not unlike and set(answers) <= {200, 403, 413})
    yield Bar("PostgreSQL: turns taken by them", "0", str(moved), moved == 0)


def _answers(line: Line, here: Request, count: int, seed: int) -> Iterator[Answer]:
    """What a line answers to strings in the place of a request's digits."""
    send, dice = wire.into(line.app), random.Random(seed)  # noqa: S311 - the same every time
    form = {"CallSid": call_sid(1), **FORM, "CallStatus": "in-progress"}
    for _ in range(count):
        form["Digits"] = _string(dice)
        body = urlencode(form, errors="surrogatepass").encode()
        signed = wire.signature(here.url, form, TOKEN) if _is_text(form["Digits"]) else "none"
        yield send(Request("POST", here.url, body, {**here.headers, SIGNATURE: signed}))


def _said(answer: Answer, line: Line) -> tuple[int, bytes]:
    """An answer, wherever the line is."""
    return answer.status, answer.body.replace(line.url.encode(), b"")


def _string(dice: random.Random) -> str:
    """One of the nasty strings, two of them joined, or anything."""
    match dice.randrange(4):
        case 0:
            return dice.choice(NASTY)
        case 1:
            return (dice.choice(NASTY) + dice.choice(NASTY))[:4000] or "x"
        case 2:
            return "".join(chr(dice.randrange(1, 0x2FF)) for _ in range(dice.randrange(1, 20))) + "é"
        case _:
            return "".join(chr(dice.randrange(0x110000)) for _ in range(dice.randrange(1, 9))) + "x"


def _is_text(value: str) -> bool:
    """Whether it can be written in UTF-8: no half of a surrogate pair."""
    return not any("\ud800" <= char <= "\udfff" for char in value)


@contextmanager
def _line(database_url: str = "") -> Iterator[Line]:
    """The line, asked without a wire; with the same key everywhere, so that the same is answered."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"IVR_SECRET_KEY": "of nobody and the same on both databases"}
        line = Line(Path(folder) / "var", ROOT / "prompts", database=database_url, environment=environment)
        try:
            yield line
        finally:
            line.stop()


def _recorded(line: Line) -> list[Request]:
    """The genuine webhooks of a call that goes on; the last one is not delivered: the line waits for it."""
    send, form = wire.into(line.app), {"CallSid": call_sid(1), **FORM}
    requests = [wire.request("POST", f"{line.url}/voice", {**form, "CallStatus": "ringing"}, TOKEN)]
    for keys in ("2", "2", "1"):
        said = send(requests[-1]).body.decode()
        action = said.split('action="')[1].split('"')[0]
        asked = {**form, "CallStatus": "in-progress", "Digits": keys}
        requests.append(wire.request("POST", line.url + action, asked, TOKEN))
    return requests


def _turns(line: Line) -> int:
    with line.services.ground.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(turns)) or 0
