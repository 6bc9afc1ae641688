"""Canaries: every secret that goes through a test is looked for in everything that the test leaves behind.

A secret is a code, a one-time password, a PIN, a telephone number or an address. The watch notes each where it enters
or leaves: what is typed and who calls, what is imported, what is texted, what is sealed. It keeps what must not hold
them: every byte of every SQLite file and its WAL, every row of PostgreSQL, every log record as production writes it,
every answer of the app. They are searched whole, spaced, %-encoded, in base64, in hex, and as French words for digits.

What may hold a secret is written here, and nowhere else: `READ_BACK`, and the demo carrier's messages, which are not
searched.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_to_bytes

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.pool import Pool

from ivr.desk.identity import Identity
from ivr.store.codes import Codes
from ivr.store.vault import Vault
from ivr.telephony.rest import Twilio
from ivr.web.logs import JsonLines

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MOST_OF_A_KIND = 60
"""Secrets of a kind that are looked for in one test: a leak is no accident, it leaks them all."""

MOST_BYTES = 64 * 1024
"""A form larger than this is refused by the app, unread."""

READ_BACK = {
    "line": "a caller hears the line that he typed",
    "address": "and the address that was typed or caught",
    "caller": "a call that is put through names both its ends; the browser phone shows its own number",
}
"""Kinds of secrets that answers may hold, and why."""

MOST_SEARCHED = 16 * 1024 * 1024
"""Bytes of a database that is searched: a larger one holds the same kind of row a hundred thousand times."""

WORDS: dict[bytes, bytes] = {b"z\xc3\xa9ro": b"0", b"un": b"1", b"deux": b"2", b"trois": b"3", b"quatre": b"4"}
WORDS |= {b"cinq": b"5", b"six": b"6", b"sept": b"7", b"huit": b"8", b"neuf": b"9"}

_PRINTABLE = re.compile(rb"[\x20-\x7e\x80-\xf4]{4,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
_HEX = re.compile(rb"[0-9a-fA-F]{8,}")
_SPELT = re.compile(rb"(?:(?:" + b"|".join(WORDS) + rb")[ ,.]{0,4}){4,}", re.IGNORECASE)
_WORD = re.compile(b"|".join(WORDS))
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_TAGS = re.compile(rb"(?:<[^>]*>)+")
_BETWEEN = re.compile(rb"(?<=[0-9])[ ,.*_/()\xa0\xc2-]{1,4}(?=[0-9])")
_DIGITS = re.compile(rb"[0-9]{6,}")
_MANY_DIGITS = re.compile(rb"[0-9a-fA-F]*[0-9]{6,}[0-9a-fA-F]*")
_IDENTIFIER = re.compile(rb"(?=.*[a-fA-F])[0-9a-fA-F]{16,}")
_MOMENT = re.compile(rb"(?<=@)[0-9]{10}\.[0-9]{3}")
_SIX = re.compile(rb"[0-9/]{6}")
_LONG = re.compile(rb"[A-Za-z0-9+/]{40,}")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


class Secrets:
    """The secrets of a test, by kind: a code, password, pin, line, mobile, caller or address; and what it sealed."""

    def __init__(self) -> None:
        self.by_kind: dict[str, dict[str, None]] = {}
        self.ciphers: set[bytes] = set()

    def add(self, kind: str, secret: str) -> None:
        """Note a secret, unless it is none: too short, or so plain that it is everywhere (« 000000 »)."""
        known = self.by_kind.setdefault(kind, {})
        if len(known) < MOST_OF_A_KIND and len(secret) >= 6 and len(set(secret)) > 2:
            known[secret] = None

    def add_typed(self, digits: str) -> None:
        """Note what a caller typed, by what it looks like."""
        if "*" in digits.strip("*"):
            self.add("address", digits.strip("#").replace("*", "."))
        elif re.fullmatch(r"0\d{9}", digits):
            self.add("line", digits)
        else:
            self.add("password" if len(digits) == 6 else "code", digits)

    def add_text(self, to: str, body: str) -> None:
        """Note what a text message says, and to whom."""
        self.add("mobile", to)
        for password in re.findall(r"(?<!\d)\d{6}(?!\d)", body):
            self.add("password", password)
        for code in re.findall(r"(?:\d{3} )+\d{1,3}", body):
            self.add("code", code.replace(" ", ""))

    def add_sealed(self, value: str, place: str, cipher: bytes) -> None:
        """Note what was sealed for a place in the database, and its cipher as rows keep it."""
        self.ciphers.add(base64.b64encode(cipher).rstrip(b"="))
        if kind := _PLACES.get(place[: place.rfind("|")]):
            self.add(kind, value)
        elif place.startswith("outbox|"):
            self.add_text(next(iter(re.findall(r"\+\d{9,15}", value)), ""), value)
        elif value[:1] in ("{", "["):
            for found in re.findall(r'"(\+?[0-9.]{6,})"', value):
                kind = "address" if _IPV4.fullmatch(found) else "mobile" if found[0] == "+" else "line"
                self.add(kind, found)


_PLACES = {
    "codes|cipher": "code",
    "lines|number_cipher": "line",
    "lines|mobile_cipher": "mobile",
    "links|address": "address",
}


def traces(secrets: Secrets, left: Iterable[bytes], but: Iterable[str] = ()) -> list[str]:
    """Which secrets are in what was left, in whatever form; « code 471… » each, without the rest of it."""
    if not any(secrets.by_kind.values()):
        return []
    texts = {text for blob in left for text in _PRINTABLE.findall(blob)}
    seen = b"\n".join({view for text in texts for view in views(text)})
    close = _BETWEEN.sub(b"", seen)
    digits = b"\n".join(set(_DIGITS.findall(close)))
    meant = _MANY_DIGITS.findall(_BETWEEN.sub(b"", _MOMENT.sub(b"", unsealed(seen, secrets.ciphers))))
    short = b"\n".join({text for found in set(meant) for text in _IDENTIFIER.split(found)})
    spared = {secret for kind in but for secret in secrets.by_kind.get(kind, ())}
    return [
        f"{kind} {secret[:3]}…"
        for kind, known in secrets.by_kind.items()
        for secret in known
        if secret not in spared and any(form in (seen, digits, short)[where] for where, form in forms(kind, secret))
    ]


def forms(kind: str, secret: str) -> Iterator[tuple[int, bytes]]:
    """How a secret looks, and where: 0 in the text, 1 in its digits, 2 in those that are not there by chance.

    Six digits are once in a while in a long identifier, in a cipher, or in the moment that a command is named by
    (« identite.verifier@1800544320.085 », `ivr.flow.engine`); nine never are.
    """
    digits = re.sub(r"\D", "", secret)
    if kind == "address" or not re.fullmatch(r"\+?\d+", secret):
        yield from ((0, secret.encode()), (0, secret.replace(".", "*").encode()))
        yield from ((0, " ".join(secret[i : i + n] for i in range(0, len(secret), n)).encode()) for n in (1, 2, 3))
    elif kind in ("line", "mobile", "caller"):
        yield 1, digits[-9:].encode()
    else:
        yield (2 if len(digits) < 9 else 1), digits.encode()


def unsealed(text: bytes, ciphers: Iterable[bytes]) -> bytes:
    """A text without those of these ciphers that hold six digits, whatever they touch."""
    runs = b"\n".join(run for run in _LONG.findall(text) if _SIX.search(run))
    for cipher in ciphers:
        if cipher in runs:
            text = text.replace(cipher, b"=")
    return text


def views(text: bytes) -> Iterator[bytes]:
    """A text, and what it says once it is decoded: %-encoding, tags left out, words for digits, base64, hex."""
    yield text
    plain = _TAGS.sub(b" ", unquote_to_bytes(text).replace(b"\\u00e9", b"\xc3\xa9"))
    if plain != text:
        yield plain
    if _SPELT.search(plain):
        yield _SPELT.sub(_in_digits, plain)
    for run in _BASE64.findall(text):
        for start in range(4):
            yield from _PRINTABLE.findall(_from_base64(run[start:]))
    for run in _HEX.findall(text):
        for start in range(2):
            yield from _PRINTABLE.findall(binascii.unhexlify(run[start : start + (len(run) - start) // 2 * 2]))


def _in_digits(words: re.Match[bytes]) -> bytes:
    return b"".join(WORDS[word] for word in _WORD.findall(words[0].lower()))


def _from_base64(run: bytes) -> bytes:
    """What a run stands for, from its first letter on; in either alphabet, with or without its end."""
    whole = run[: len(run) - 1] if len(run) % 4 == 1 else run
    return base64.b64decode(whole.translate(_URL_SAFE) + b"=" * (-len(whole) % 4))


class Watch:
    """What one test's secrets are, and all that it leaves behind; `spared` are kinds that this test may leave."""

    def __init__(self) -> None:
        self.secrets = Secrets()
        self.spared: set[str] = set()
        self.files: dict[Path, tuple[int, int]] = {}
        self.kept: set[bytes] = set()
        self.logged: set[bytes] = set()
        self.answered: set[bytes] = set()

    def found(self) -> list[str]:
        """Which secrets lie where: « code 471… in the database »."""
        self.closed()
        for file in (file for file in self.files if file.exists() and file.stat().st_size < MOST_SEARCHED):
            self.kept.update(_PRINTABLE.findall(_bytes(file)))
            self.kept.update(_values(file))
        return [
            *(f"{trace} in the database" for trace in traces(self.secrets, self.kept, but=self.spared)),
            *(f"{trace} in the log" for trace in traces(self.secrets, self.logged)),
            *(
                f"{trace} in an answer"
                for trace in traces(self.secrets, self.answered, but=READ_BACK.keys() | self.spared)
            ),
        ]

    # What is noted while the test runs.

    def opened(self, connection: object, _record: object) -> None:
        """A database is used."""
        if isinstance(connection, sqlite3.Connection):
            for _, name, file in connection.execute("PRAGMA database_list"):
                if name == "main" and file:
                    self.files.setdefault(Path(file), (0, 0))

    def closed(self, *_: object) -> None:
        """A database is let go of: with the last connection, its WAL is gone."""
        for file, before in self.files.items():
            wal = file.with_name(f"{file.name}-wal")
            if wal.exists() and (now := (wal.stat().st_size, wal.stat().st_mtime_ns)) != before:
                self.files[file] = now
                self.kept.update(_PRINTABLE.findall(_bytes(wal)))

    def watched(self, app: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]) -> Any:
        """An app whose forms and answers are noted."""

        def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            def started(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
                self.answered.update(value.encode("latin-1") for _, value in headers)
                return start_response(status, headers, *error)

            self._note_form(environ)
            answer = app(environ, started)
            try:
                for part in answer:
                    if part[:4] not in (b"RIFF", b"\x89PNG"):
                        self.answered.update(_PRINTABLE.findall(part))
                    yield part
            finally:
                if hasattr(answer, "close"):
                    answer.close()

        return call

    def _note_form(self, environ: WSGIEnvironment) -> None:
        """Read the form of a webhook, and put it back."""
        length = environ.get("CONTENT_LENGTH") or "0"
        is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if not is_form or not length.isdecimal() or int(length) > MOST_BYTES:
            return
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)
        for name, value in parse_qsl(body.decode("latin-1")):
            if name in ("From", "Caller") and re.fullmatch(r"\+\d+", value):
                self.secrets.add("caller", value)
            elif name == "Digits" and len(value) >= 6 and value != "hangup":
                self.secrets.add_typed(value)


class _Log(logging.Handler):
    """Keeps every record as production writes it (`ivr.web.logs`), without its time; and our own of every level."""

    def __init__(self, kept: set[bytes]) -> None:
        super().__init__()
        self._kept = kept
        self.setFormatter(JsonLines())
        self.addFilter(lambda record: record.levelno >= logging.INFO or record.name.startswith(("ivr", "urllib3")))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        said = json.loads(self.format(record))
        said.pop("at")
        self._kept.add(json.dumps(said, ensure_ascii=False).encode())


@contextmanager
def watching() -> Iterator[Watch]:
    """Everything that happens within is watched."""
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch, _logs(watch.logged):
        for owner, name, note in _doors(watch.secrets):
            patch.setattr(owner, name, _noting(getattr(owner, name), note))
        asked = Flask.__call__
        patch.setattr(Flask, "__call__", lambda app, *call: watch.watched(asked.__get__(app))(*call))
        event.listen(Pool, "connect", watch.opened)
        event.listen(Pool, "close", watch.closed)
        try:
            yield watch
        finally:
            event.remove(Pool, "connect", watch.opened)
            event.remove(Pool, "close", watch.closed)


def _doors(secrets: Secrets) -> Iterator[tuple[type, str, Callable[..., None]]]:
    """Where secrets come in or go out, and what is noted there: of the arguments, and of the answer, which is last."""

    def pooled(_codes: object, rows: Iterable[Any], *_: object) -> None:
        for row in rows:
            secrets.add("code", row.code)

    yield Vault, "sealed", lambda _vault, value, place, cipher: secrets.add_sealed(value, place, cipher)
    yield Codes, "take_in", pooled
    yield Codes, "put", lambda _codes, _call, _line, code, *_: secrets.add("code", code)
    yield Twilio, "send", lambda _texts, sms, _answer: secrets.add_text(sms.to, sms.body)
    yield Identity, "new_pin", lambda _identity, made: secrets.add("pin", made[0])


def _noting(method: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
    def noting(*args: Any, **named: Any) -> Any:
        answer = method(*args, **named)
        note(*args, answer)
        return answer

    return noting


@contextmanager
def _logs(kept: set[bytes]) -> Iterator[None]:
    """Log what production does, and more of our own; keep it."""
    levels = {"": logging.INFO, "ivr": logging.DEBUG, "sqlalchemy": logging.WARNING, "alembic": logging.WARNING}
    before = {name: logging.getLogger(name).level for name in levels}
    handler = _Log(kept)
    logging.getLogger().addHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _bytes(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _values(file: Path) -> Iterator[bytes]:
    """Every value of every row, each by itself: on the disk, one text follows the other without a mark between."""
    if not file.exists():
        return
    try:
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        connection.text_factory = bytes
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table.decode()}"'):  # noqa: S608 - its own tables
                yield from (value for value in row if isinstance(value, bytes))
    except sqlite3.Error:  # what a test left is no database any more
        return
    finally:
        connection.close()
