"""Bars that the suite itself meets in full, on every change: its tests are run here, and counted."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

from tests.line import ROOT
from tests.torture.bars import Bar, Size, Try, trial


def by_the_suite(bar: str, says: str, *tests: str, seconds: float = 30) -> None:
    """A bar that these tests (paths of pytest) prove; `says` is what they prove, in a few words."""

    def run(_size: Size) -> Iterator[Bar]:
        found = subprocess.run(  # noqa: S603 - our own tests
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        passed = int((re.search(r"(\d+) passed", found.stdout) or [0, 0])[1])
        failed = found.returncode != 0
        yield Bar(
            says, "all", f"{passed} tests passed" + (", SOME FAILED" if failed else ""), not failed and passed > 0
        )

    named: Try = run
    named.__name__ = "the_suite"
    trial(bar, seconds=seconds)(named)


by_the_suite("B1", "signatures as Twilio makes them", "tests/telephony/test_signature.py")
by_the_suite("B14", "statuses in every order, twice, late: one record", "tests/store/test_ends.py")
by_the_suite("B14", "the same around the last turn, and over HTTP", "tests/store/test_turns.py")
