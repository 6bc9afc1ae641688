"""Under systemd: what the units start, with which secrets; and a process that is told to stop, under load."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from configparser import RawConfigParser
from pathlib import Path

import pytest

from ivr.cli import _parser
from ivr.phone import wire
from ivr.phone.errors import UnreachableError
from ivr.settings import MEANINGS, SECRETS, settings
from ivr.web.door import close_door
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


def test_a_process_that_is_told_to_stop_answers_whoever_reached_it_and_resets_nobody(tmp_path: Path) -> None:
    told, heard = threading.Event(), Counter[str]()
    with served(tmp_path, IVR_WORKERS="2", IVR_WORKER="0") as (url, process):
        callers = [threading.Thread(target=_call, args=(url, number, told, heard)) for number in range(24)]
        for caller in callers:
            caller.start()
        while heard["answered"] < 60:
            time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        while not heard["refused"] and time.monotonic() < began + 15:
            time.sleep(0.05)
        told.set()
        for caller in callers:
            caller.join()
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - began < 20 + 1, "a busy machine may take a second to notice"
    assert heard.keys() == {"answered", "refused"}, heard
    with sqlite3.connect(tmp_path / "ligne.sqlite") as database:
        taken = database.execute("SELECT count(*) FROM turns").fetchone()
    assert taken == (heard["answered"],)


def _call(url: str, number: int, told: threading.Event, heard: Counter[str]) -> None:
    """Call again and again, a connection each time: answered whole, or refused before a byte was sent; or else."""
    count = 0
    while not told.is_set():
        count += 1
        form = {**FORM, "CallSid": f"CA{number:016x}{count:016x}", "From": "anonymous"}
        try:
            answer = wire.send(wire.request("POST", f"{url}/voice", form, TOKEN))
            heard["answered" if (answer.status, answer.body[-11:]) == (200, b"</Response>") else str(answer)] += 1
        except UnreachableError as error:
            is_refused = isinstance(error.__cause__, ConnectionRefusedError)
            heard["refused" if is_refused else repr(error.__cause__)] += 1
            time.sleep(0.02)


def test_a_closed_door_lets_nobody_in_and_serves_who_is_in_the_queue() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as late:
        queued = socket.create_connection(listening.getsockname())
        close_door(listening)
        late.settimeout(0.2)
        with pytest.raises(TimeoutError):
            late.connect(listening.getsockname())
        queued.sendall(b"a webhook")
        accepted, _ = listening.accept()
        with accepted, queued:
            assert accepted.recv(20) == b"a webhook"
            accepted.sendall(b"an answer")
            assert queued.recv(20) == b"an answer"
