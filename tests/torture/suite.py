"""Bars that the suite itself meets in full, on every change: its tests are run here, once, and counted."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tests.line import ROOT
from tests.torture.bars import Bar, Size, Trial, add


@dataclass(frozen=True)
class Suite:
    """Tests (files and folders), and what they prove."""

    says: str
    tests: tuple[str, ...]

    def __call__(self, size: Size) -> Iterator[Bar]:
        """Run them."""
        passed, failed = 0, 0
        for done, path in enumerate(self.tests, start=1):
            counts = _run(path)
            passed, failed = passed + counts[0], failed + counts[1]
            size.went(done / len(self.tests))
        reached = f"{passed} tests passed, {failed} failed ({', '.join(self.tests)})"
        yield Bar(self.says, "all pass", reached, passed > 0 and not failed)


def by_the_suite(bar: str, says: str, *tests: str, seconds: float = 30) -> None:
    """A bar that these tests prove; `says` is what they prove, in a few words."""
    add(Trial(bar, seconds, says, Suite(says, tests), sized="always"))


def _run(path: str) -> tuple[int, int]:
    """How many tests of a file or folder passed, and how many did not; one that did not run has not passed."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", path]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tests
    passed, failed, errors = (_count(word, found.stdout) for word in ("passed", "failed", "error"))
    return passed, failed + errors or int(found.returncode != 0)


def _count(word: str, told: str) -> int:
    found = re.search(rf"(\d+) {word}", told)
    return int(found[1]) if found else 0


by_the_suite("B1", "signatures as Twilio makes them", "tests/telephony/test_signature.py")
by_the_suite(
    "B4",
    "processes killed, stopped and started again under their calls; two on one database; senders that die anywhere",
    "tests/deploy",
    "tests/test_two_processes.py",
    "tests/test_sender.py",
    seconds=240,
)
by_the_suite(
    "B5", "passwords and PINs at the desk and on the telephone", "tests/desk/test_identity.py", "tests/test_attack.py"
)
by_the_suite(
    "B6",
    "secrets looked for in databases, logs and answers, in every disguise; what is purged, in every byte",
    "tests/test_secrets.py",
    "tests/store/test_secrets_at_rest.py",
    "tests/store/test_retention.py",
    seconds=90,
)
by_the_suite(
    "B8",
    "texts and calls to French numbers alone, caps exact under many at once",
    "tests/store/test_outbox.py",
    "tests/telephony/test_rest.py",
    "tests/test_sender.py",
    seconds=90,
)
by_the_suite("B9", "behind nginx: half-sent, huge, too many", "tests/deploy/test_nginx.py", seconds=120)
by_the_suite("B14", "statuses in every order, twice, late: one record", "tests/store/test_ends.py")
by_the_suite("B14", "the same around the last turn, and over HTTP", "tests/store/test_turns.py")
by_the_suite(
    "B15", "every clip missing in turn; a speech engine that refuses, hangs, garbles",
    "tests/speech/test_shipped.py", "tests/speech/test_voices.py", seconds=60,
)  # fmt: skip
by_the_suite(
    "B16",
    "every minute of twelve years, in three zones; people's hours at every minute, in every zone, against another "
    "reckoning",
    "tests/desk/test_hours.py",
)
by_the_suite("B19", "any events in any order; the walk over every state of the script", "tests/flow", seconds=120)
