"""Under systemd: what the units start, with which secrets; and a process that is told to stop, under load."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from configparser import RawConfigParser
from http.client import IncompleteRead
from pathlib import Path

import pytest

from ivr.cli import _parser
from ivr.phone import wire
from ivr.phone.errors import UnreachableError
from ivr.settings import MEANINGS, SECRETS, settings
from tests.deploy.front import FORM
from tests.line import ROOT, TOKEN
from tests.test_cli import served

UNITS = sorted((ROOT / "deploy").glob("*.service"))


def unit(path: Path) -> dict[str, list[str]]:
    """The settings of a unit's [Service], each with all its values."""
    section = path.read_text().partition("[Service]\n")[2].partition("\n[")[0]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", section, re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_that_exists_with_settings_that_exist(path: Path, tmp_path: Path) -> None:
    said = unit(path)
    command, *arguments = shlex.split(said["ExecStart"][0])
    assert command == "/srv/ivr/.venv/bin/ivr"
    assert _parser().parse_args(arguments).command == {"ivr": "serve", "ivr-worker": "worker"}[path.stem]
    given = dict(each.split("=", 1) for values in said["Environment"] for each in values.split())
    assert given.keys() <= MEANINGS.keys()
    for name, file in (credential.split(":") for credential in said["LoadCredential"]):
        assert name in SECRETS
        (tmp_path / name).write_text({"IVR_SECRET_KEY": "k" * 40}.get(name, "a-token") + "\n")
        assert file == f"/etc/ivr/{name}"
    env = {**given, "IVR_DATA_DIR": str(tmp_path), "CREDENTIALS_DIRECTORY": str(tmp_path)}
    found = settings({**env, "IVR_PUBLIC_URL": "https://ligne.example.com"})
    assert (found.production, found.secret_keys, found.auth_tokens) == (True, (b"k" * 40,), ("a-token",))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_restarted_at_once_and_given_the_time_to_drain(path: Path) -> None:
    said = unit(path)
    assert (said["Restart"], said["RestartSec"], said["TimeoutStopSec"]) == (["always"], ["1"], ["30"])
    assert "StartLimitIntervalSec=0" in path.read_text(), "it is never given up"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_itself_reads_every_line_of_a_unit(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    parsed = RawConfigParser(strict=False, delimiters=("=",), interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string(text)
    assert set(parsed.sections()) == {"Unit", "Service", "Install"}
    if analyze := shutil.which("systemd-analyze"):
        here = tmp_path / path.name
        here.write_text(text.replace("/srv/ivr/.venv/bin/ivr", "/bin/true"))
        checked = subprocess.run([analyze, "verify", str(here)], capture_output=True, text=True, check=False)  # noqa: S603
        assert (checked.returncode, checked.stderr) == (0, "")


def test_a_process_that_is_told_to_stop_answers_every_turn_that_it_took(tmp_path: Path) -> None:
    """A connection that the kernel holds and nobody has read may be reset: its webhook never happened."""
    told, heard, unread = threading.Event(), Counter[str](), list[str]()
    with served(tmp_path, IVR_WORKERS="2", IVR_WORKER="0") as (url, process):
        callers = [threading.Thread(target=_call, args=(url, number, told, heard, unread)) for number in range(24)]
        for caller in callers:
            caller.start()
        while heard["answered"] < 60:
            time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - began < 20
        told.set()
        for caller in callers:
            caller.join()
    assert heard.keys() == {"answered", "refused"}, heard
    with sqlite3.connect(tmp_path / "ligne.sqlite") as database:
        taken = {row[0] for row in database.execute("SELECT call_sid FROM turns")}
    assert len(taken) == heard["answered"]
    assert taken.isdisjoint(unread)


def _call(url: str, number: int, told: threading.Event, heard: Counter[str], unread: list[str]) -> None:
    """Call again and again, a connection each time: answered whole, or refused, or reset before an answer began."""
    count = 0
    while not told.is_set():
        count += 1
        form = {**FORM, "CallSid": f"CA{number:016x}{count:016x}", "From": "anonymous"}
        try:
            answer = wire.send(wire.request("POST", f"{url}/voice", form, TOKEN))
            heard["answered" if (answer.status, answer.body[-11:]) == (200, b"</Response>") else str(answer)] += 1
        except UnreachableError as error:
            is_reset = isinstance(error.__cause__, ConnectionError) and not isinstance(error.__cause__, IncompleteRead)
            heard["refused" if is_reset else repr(error.__cause__)] += 1
            unread += [] if isinstance(error.__cause__, ConnectionRefusedError) else [form["CallSid"]]
            time.sleep(0.02)
