"""No code, password, number or address in clear: not in the database, a log, an answer or an address.

A whole call that makes, hears, checks and texts a code is played, and everything that it leaves behind is searched.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.phone.transcript import play, read
from tests.line import ROOT, Line, book_of

CODE, NUMBER, MOBILE, CALLER, ADDRESS = "471803925604", "0199000007", "0639980034", "+33639980001", "203.0.113.7"


def spellings(secret: str) -> set[str]:
    """A secret as it may be written: together, in groups, in pairs, in E.164, in words."""
    digits = re.sub(r"\D", "", secret)
    words = " ".join(
        ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"][int(digit)] for digit in digits
    )
    by = {size: " ".join(digits[i : i + size] for i in range(0, len(digits), size)) for size in (2, 3)}
    bare = digits[1:] if secret[0] == "0" else digits
    return {secret, digits, bare, *by.values(), words, ", ".join(words.split())}


@pytest.mark.parametrize("call", ["s3m-code-note", "code-par-sms", "s3-code-dicte"])
def test_a_call_leaves_no_secret_behind(call: str, line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    phone = line.phone()
    answers: list[bytes] = []
    phone.on_entry = lambda _entry: answers.append(phone.last_answer)
    play(read(ROOT / "tests" / "calls" / f"{call}.call"), phone, book_of(line), line)
    password = re.search(r"\b\d{6}\b", line.sent()[0].body)
    assert password
    kept = line.database_file.read_bytes() + line.wal_bytes()
    logged = "\n".join(str(record.__dict__) for record in caplog.records if "127.0.0.1" not in record.getMessage())
    addresses = "\n".join(record.getMessage() for record in caplog.records)
    said = b"\n".join(answers).decode()
    for secret in (CODE, NUMBER, MOBILE, CALLER, ADDRESS, password[0]):
        for spelled in spellings(secret):
            where = {"database": spelled.encode() in kept, "log": spelled in logged, "address": spelled in addresses}
            assert not any(where.values()), f"{spelled[:3]}… is in {where}"
    for spelled in spellings(CODE) | spellings(password[0]):
        assert spelled not in said


def test_the_sound_of_a_code_is_kept_by_nobody_and_serves_its_own_call_alone(line: Line) -> None:
    line.give_line(NUMBER, "0639980001")
    line.give_codes(CODE)
    phone = line.phone()
    phone.dial()
    for keys in ("3", "1", "1", "1"):
        phone.press(keys)
    phone.press(line.password())
    phone.silence()
    for keys in ("2", "203*0*113*7#", "1", "3"):
        phone.press(keys)
    address = re.search(rb"/audio/code/[A-Za-z0-9._~/-]+", phone.last_answer)
    assert address
    client = line.app.test_client()
    heard = client.get(address[0].decode())
    assert heard.headers["Cache-Control"] == "no-store"
    assert len(heard.data) > 8000 * 12
    assert CODE.encode() not in heard.data
    spoiled = address[0].decode().replace("code/", "code/A")
    assert len(client.get(spoiled).data) < 8000
    phone.drop()
    assert len(client.get(address[0].decode()).data) < 8000, "the call has ended, and with it the code"


def test_fixtures_hold_fictional_numbers_alone() -> None:
    allowed = re.compile(r"^(?:\+33|0)(?:639980\d{3}|19900\d{4})$")
    wrong = set()
    for path in (*(ROOT / "tests").rglob("*.call"), *(ROOT / "ivr" / "demo").glob("*.py"), Path(ROOT / "README.md")):
        for number in re.findall(r"(?<![\dA-Za-z])(?:\+33|0)[1-9]\d{8}(?!\d)", path.read_text()):
            if not allowed.match(number):
                wrong.add((path.name, number))
    assert wrong == set()
