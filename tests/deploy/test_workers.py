"""Two `ivr worker` on one database, one killed in the middle of its work: each text leaves once, and none is lost."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine, func, select

from ivr.demo.twilio_rest import ACCOUNT, SECRET, TwilioRest
from ivr.sender import sealed_sms
from ivr.settings import settings
from ivr.store.database import open_database
from ivr.store.outbox import Outbox
from ivr.store.outbox_tables import outbox
from ivr.store.vault import Vault
from ivr.telephony.outgoing import Sms
from tests.line import TOKEN
from tests.test_cli import IVR

TEXTS = 60


@contextmanager
def worker(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """`ivr worker`, at work."""
    env = {**os.environ, **environment}
    with (
        log.open("w") as errors,
        subprocess.Popen([IVR, "worker"], stdout=subprocess.PIPE, stderr=errors, text=True, env=env) as process,  # noqa: S603
    ):
        assert process.stdout
        try:
            assert process.stdout.readline().startswith("Au travail")
            yield process
        finally:
            process.terminate()
            process.wait(timeout=20)


def test_a_worker_that_is_killed_sends_nothing_twice_and_another_one_sends_the_rest(tmp_path: Path) -> None:
    with ExitStack() as stack:
        twilio = stack.enter_context(TwilioRest(told=lambda _message: time.sleep(0.05)))
        environment = {
            "IVR_DATA_DIR": str(tmp_path),
            "IVR_NUMBERS": "+33199000000",
            "IVR_SMS_FROM": "+33199000000",
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_API_KEY": ACCOUNT,
            "TWILIO_API_SECRET": SECRET,
            "TWILIO_API_URL": twilio.address,
        }
        found = settings(environment)
        engine = open_database(found.database_url)
        stack.callback(engine.dispose)
        stack.enter_context(worker(environment, tmp_path / "kept.log"))
        with worker(environment, tmp_path / "killed.log") as killed:
            queue(engine, Vault(found.secret_keys))
            until = time.monotonic() + 30
            while len(twilio.messages) < TEXTS // 3 and time.monotonic() < until:
                time.sleep(0.01)
            killed.kill()
            killed.wait()
        while waiting(engine, "queued") and time.monotonic() < until + 30:
            time.sleep(0.05)
    for log in ("kept.log", "killed.log"):
        assert (tmp_path / log).read_text().count('"job"') > 3, "both were at work"
    sent = Counter(message.body for message in twilio.messages)
    assert set(sent.values()) == {1}, "a text left twice"
    in_hand = waiting(engine, "sending")
    assert in_hand <= 1, "only what the killed one had in hand is open; it is looked for later, and never sent again"
    assert waiting(engine, "sent") == TEXTS - in_hand
    assert len(sent) >= TEXTS - in_hand


def queue(engine: Engine, vault: Vault) -> None:
    """So many texts, each its own."""
    for number in range(TEXTS):
        call = f"CA{number:032x}"
        sealed = sealed_sms(vault, call, "pause", Sms(f"+3363998{number:04}", f"Texte {number}."))
        Outbox(engine).queue(call, "pause", sealed, time.time())


def waiting(engine: Engine, state: str) -> int:
    """How many of them are in this state."""
    with engine.begin() as connection:
        return connection.execute(select(func.count()).select_from(outbox).where(outbox.c.state == state)).scalar_one()
