"""No code, password, number or address in clear: not in the database, a log, an answer or an address; nor in our files.

Every test of the suite is watched (`tests/canaries.py`, `tests/conftest.py`). Here are the calls that everything goes
through, the proof that the watch can see, and the search of the repository itself.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from sqlalchemy import text

from ivr.phone.transcript import play, read
from tests.attacks import Attack, FrontDesk, besiege, odd_digits
from tests.canaries import Secrets, Watch, traces
from tests.line import ROOT, Line, book_of

CODE, NUMBER, CALLER, ADDRESS = "471803925604", "0199000007", "+33639980001", "203.0.113.7"


@pytest.mark.parametrize("call", ["s3m-code-note", "code-par-sms", "s3-code-dicte"])
def test_a_call_leaves_no_secret_behind(call: str, line: Line, watch: Watch) -> None:
    phone = line.phone()
    play(read(ROOT / "tests" / "calls" / f"{call}.call"), phone, book_of(line), line)
    noted = watch.secrets.by_kind
    assert {"code", "password", "line", "mobile", "address"} <= noted.keys()
    assert CODE in noted["code"]
    assert NUMBER[1:] in {number[-9:] for number in noted["line"]}
    assert ADDRESS in noted["address"]
    assert list(noted.get("caller", [CALLER])) == [CALLER], "or a withheld number"
    sent = re.search(r"\b\d{6}\b", line.sent()[0].body)
    assert sent
    assert one_secret("password", sent[0]).by_kind["password"].keys() <= noted["password"].keys(), "unless it is plain"
    assert watch.found() == []
    left = (watch.kept, watch.logged, watch.answered)
    assert all(len(blobs) > 10 for blobs in left), "nothing was searched"


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


# The watch can see.

WORDS = ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"]
DISGUISES: dict[str, Callable[[str], str]] = {
    "raw": str,
    "by two": lambda digits: " ".join(digits[i : i + 2] for i in range(0, len(digits), 2)),
    "by three": lambda digits: ".".join(digits[i : i + 3] for i in range(0, len(digits), 3)),
    "one by one": ", ".join,
    "%-encoded": lambda digits: "".join(f"%{ord(digit):02X}" for digit in digits),
    "base64": lambda digits: base64.b64encode(digits.encode()).decode(),
    "base64 of more": lambda digits: base64.b64encode(f"a code: {digits}!".encode()).decode(),
    "hex": lambda digits: digits.encode().hex(),
    "words": lambda digits: " ".join(WORDS[int(digit)] for digit in digits),
    "words and tags": lambda digits: "<break/>".join(WORDS[int(digit)] for digit in digits),
    "said": lambda digits: "".join(f"<Say>{WORDS[int(digit)].title()}.</Say><Pause/>" for digit in digits),
}


def one_secret(kind: str, secret: str) -> Secrets:
    secrets = Secrets()
    secrets.add(kind, secret)
    return secrets


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize(("kind", "secret"), [("code", CODE), ("password", "482913"), ("pin", "48291377")])
def test_the_watch_sees_through(disguise: str, kind: str, secret: str) -> None:
    left = f"dialled{DISGUISES[disguise](secret)} ok".encode()
    assert traces(one_secret(kind, secret), [b"something else", left]) == [f"{kind} {secret[:3]}…"]


@pytest.mark.parametrize("written", ["0199000007", "+33199000007", "01 99 00 00 07", "%2B33199000007", "33199000007"])
def test_the_watch_sees_a_number_however_it_is_written(written: str) -> None:
    assert traces(one_secret("line", NUMBER), [f"de {written}, à 10 h".encode()]) == ["line 019…"]


@pytest.mark.parametrize("written", ["203.0.113.7", "203*0*113*7"])
def test_the_watch_sees_an_address(written: str) -> None:
    assert traces(one_secret("address", ADDRESS), [written.encode()]) == ["address 203…"]


def test_the_watch_sees_a_code_of_letters() -> None:
    for written in ("A1-b*Z", "A1- b*Z", base64.b64encode(b"A1-b*Z").decode()):
        assert traces(one_secret("code", "A1-b*Z"), [written.encode()]) == ["code A1-…"]


def test_a_password_that_an_identifier_holds_by_chance_is_none() -> None:
    assert traces(one_secret("password", "482913"), [b"CA00c482913a00000000000000000000f1"]) == []


def test_a_password_that_a_moment_holds_by_chance_is_none() -> None:
    secrets = one_secret("password", "320085")
    assert traces(secrets, [b"identite.verifier@1800544320.085"]) == []
    assert traces(secrets, [b"identite.verifier@1800544320.085320085"]) == ["password 320…"]
    assert traces(secrets, [b"identite.verifier 544320.085"]) == ["password 320…"], "no moment: it may be typed"


def test_a_password_that_a_cipher_holds_by_chance_is_none() -> None:
    secrets = one_secret("password", "482913")
    cipher = base64.b64decode(b"x" * 40 + b"482913" + b"y" * 42)
    row = base64.b64encode(cipher)
    assert traces(secrets, [row]) == ["password 482…"], "it may be anything"
    secrets.add_sealed("a state", "calls|state|CA1", cipher)
    assert traces(secrets, [b"CA1" + row + b"336"]) == []
    assert traces(secrets, [row + b"482913"]) == ["password 482…"]


def test_the_watch_sees_passwords_in_the_database_of_a_siege(tmp_path: Path, watch: Watch) -> None:
    """Those that callers typed, each in another disguise, among hundreds of rows where six digits are by chance."""
    desk = FrontDesk(tmp_path, 2, 4)
    besiege(desk, Attack(2, 40, 40, 9, 1, odd_digits))
    assert watch.found() == []
    typed = list(watch.secrets.by_kind["password"])[: len(DISGUISES)]
    with desk.line.services.ground.engine.begin() as connection:
        for turn, (password, disguise) in enumerate(zip(typed, DISGUISES.values(), strict=True)):
            row = {"turn": turn, "event": f"key {disguise(password)}"}
            connection.execute(text("INSERT INTO turns VALUES ('CA1', :turn, :event, '', '', 0, '')"), row)
    desk.stop()
    assert watch.found() == [f"password {password[:3]}… in the database" for password in typed]
    watch.secrets.by_kind.clear()


def test_the_watch_sees_a_line_of_the_log(watch: Watch) -> None:
    with leaked(watch) as leaks:
        logging.getLogger("ivr.voice").info("turn", extra={"digits": "482 913"})
        assert leaks() == ["password 482… in the log"]


@pytest.mark.parametrize("table", ["turns", "a table that was dropped"])
def test_the_watch_sees_a_row(table: str, line: Line, watch: Watch) -> None:
    with leaked(watch) as leaks:
        with line.services.ground.engine.begin() as connection:
            if table == "turns":
                connection.execute(text("INSERT INTO turns VALUES ('CA1', 1, '482913', '', '', 0, '')"))
            else:
                connection.execute(text("CREATE TABLE notes (note TEXT)"))
                connection.execute(text("INSERT INTO notes VALUES ('482913')"))
        with line.services.ground.engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS notes"))
        assert leaks() == ["password 482… in the database"]


def test_the_watch_sees_an_answer(line: Line, watch: Watch) -> None:
    line.app.add_url_rule("/leak", "leak", lambda: "le code : 482-913")
    with leaked(watch) as leaks:
        line.app.test_client().get("/leak")
        assert leaks() == ["password 482… in an answer"]


@contextmanager
def leaked(watch: Watch) -> Iterator[Callable[[], list[str]]]:
    """A secret goes through the test; what the watch says of it is no fault of the test, once it is over."""
    assert watch.found() == []
    watch.secrets.add("password", "482913")
    yield watch.found
    watch.secrets.by_kind.clear()


# The repository.

FICTION = re.compile(r"(?:\+33|0033|0)(?:19900|26191|35301|46571|53649|63998)\d{4}")
"""What Arcep keeps for fiction (facts/ovh-and-gigaset.md 5)."""

EXAMPLES = [IPv4Network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
"""What is kept for examples (RFC 5737)."""

KNOWN = {
    "digits in order, and no number": ["0123456789"],
    "OVH's own, as its documentation writes a line": ["0972101010", "0033972101010", "+33972101010", "0972101007"],
    "how a carrier shows a withheld number: words on a keypad": [
        "+266696687", "+7378742833", "+86282452253", "+8656696", "+2562533"
    ],
    "Twilio's documentation": ["+14158675309", "+14158675310", "+18005551212", "+12349013030"],
    "a subscriber number of a fictional form in a range that only real ones are in: how the range is recognised": [
        "+262639000034", "+262692000034", "+596696000034", "0639000034", "0692000034", "0696000034", "0700000034",
        "0739980034", "+33739980034", "0899000107", "+33899000000", "+262262000001", "+262269000001", "+262639000001",
        "+262692000001", "+262693000001", "+262899000000", "+33739980001", "+590590000001", "+590690000001",
        "+590691000001", "+590899000000", "+594594000001", "+594694000001", "+596596000001", "+596696000001",
        "+596697000001", "+8818000000", "+883510000000", "+3225550100",
    ],
    "a fictional number of France behind another country's code, and no number there": [
        "+262639980034", "+44639980034", "+44639980001", "+44199000007"
    ],
    "no number: a digit more or less than there is": [
        "+33099000000", "+331990000077", "+336399800011", "+33700000000000", "+33800000000", "+3363998000", "+331990000"
    ],
    "public resolvers, everybody's": ["1.1.1.1", "8.8.8.8"],
    "the neighbours of private ranges": ["172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "192.88.99.0"],
    "OVH's own, from its documentation": ["91.121.129.159", "91.121.30.4"],
    "a paragraph's number": ["5.1.3.2"],
}  # fmt: skip

_PHONE = re.compile(
    r"(?<![\w.,+/\-])(?:(?:\+33|0033)[ .-]?(?:\(0\))?[1-9](?:[ .-]?\d\d){4}|0[1-9](?:[ .-]?\d\d){4}|\+[1-9]\d{7,14})"
    r"(?![\w{])"
)
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)")
_SOUND = {".wav", ".mp3", ".onnx", ".png", ".pyc"}


def strangers(written: str) -> set[str]:
    """The telephone numbers and public addresses of a text that are not kept for fiction."""
    numbers = {re.sub(r"\(0\)|[ .-]", "", number) for number in _PHONE.findall(written)}
    addresses = {address for address in _ADDRESS.findall(written) if is_somebodys(address)}
    known = {value for values in KNOWN.values() for value in values}
    return ({number for number in numbers if not FICTION.fullmatch(number)} | addresses) - known


def is_somebodys(address: str) -> bool:
    """Whether an address may be somebody's: public, and kept for no example."""
    if any(int(part) > 255 or part != str(int(part)) for part in address.split(".")):
        return False
    there = IPv4Address(address)
    return there.is_global and not there.is_multicast and not any(there in network for network in EXAMPLES)


def test_our_files_hold_numbers_and_addresses_of_nobody() -> None:
    folders = (ROOT / name for name in ("ivr", "prompts", "tests", "docs"))
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file() and file.suffix not in _SOUND]
    files += [ROOT / "README.md", ROOT / "Makefile", ROOT / "pyproject.toml"]
    wrong = {str(file.relative_to(ROOT)): found for file in files if (found := strangers(_text(file)))}
    assert len(files) > 150
    assert wrong == {}, "use numbers and addresses kept for fiction, or give a reason in KNOWN"


def _text(file: Path) -> str:
    return file.read_bytes().decode(errors="replace")


@pytest.mark.parametrize("between", ["", " ", ".", "-"])
@pytest.mark.parametrize("written", ["06~12~34~56~78", "+33~6~12~34~56~78", "tel:0033~612345678", "(09~72~34~56~78)"])
def test_somebodys_number_in_a_file_is_seen(written: str, between: str) -> None:
    assert strangers(f"appelez {written.replace('~', between)}.") != set()


def test_somebodys_address_in_a_file_is_seen() -> None:
    address = ".".join(["90", "12", "34", "56"])
    assert strangers(f"depuis {address}.") == {address}


@pytest.mark.parametrize(
    "written", ["01 99 00 00 07", "+33639980001", "203.0.113.7", "127.0.0.1", "192.168.1.10", "1.2.3"]
)
def test_nobodys_number_in_a_file_is_none(written: str) -> None:
    assert strangers(f"appelez {written} !") == set()
