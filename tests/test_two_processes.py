"""Two processes on one database, busy at the same time: what a second web process or worker of the line must not lose.

Within a process, transactions take turns (`ivr.store.turnstile`); between processes the database alone settles it.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
from multiprocessing.synchronize import Barrier
from pathlib import Path

from ivr.phone import wire
from ivr.settings import settings
from ivr.web import create_app
from ivr.web.voice import LIMITED, SORRY
from tests import sabotage
from tests.attacks import call_sid
from tests.line import ACCOUNT, ROOT, TOKEN

CALLS = 60
"""Calls that each process answers: enough for two transactions to cross many times."""


def answer(folder: Path, process: int, gate: Barrier) -> None:
    """One web process: calls come, their statuses too. It fails when an answer is none that a carrier accepts."""
    sabotage.begin_as_asked()
    base = "http://127.0.0.1:5000"
    app = create_app(
        settings(
            {
                "IVR_DATA_DIR": str(folder),
                "IVR_PUBLIC_URL": base,
                "IVR_PROMPTS_DIR": str(ROOT / "prompts"),
                "IVR_SECRET_KEY": "of nobody and the same in both processes",
                "TWILIO_AUTH_TOKEN": TOKEN,
            }
        )
    )
    send = wire.into(app)
    gate.wait(timeout=60)
    for number in range(CALLS):
        form = {"CallSid": call_sid(process * 1000 + number), "AccountSid": ACCOUNT, "From": "", "To": "+33199000000"}
        for path, status in (("/voice", "ringing"), ("/voice/status", "completed")):
            asked = wire.request("POST", base + path, {**form, "CallStatus": status}, TOKEN)
            answered = send(asked)
            assert answered.status in (200, 204)
            assert not any(words.encode() in answered.body for words in (SORRY, LIMITED))


def test_two_processes_on_one_database_lose_no_call_and_no_status(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(2)
    processes = [spawn.Process(target=answer, args=(tmp_path, n, gate)) for n in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]
    database = sqlite3.connect(tmp_path / "ligne.sqlite")
    try:
        kept = database.execute("SELECT status, count(*) FROM calls GROUP BY status").fetchall()
    finally:
        database.close()
    assert kept == [("completed", 2 * CALLS)]
