"""The pytest plugin: a `phone` for tests of any voice webhook, and calls written as files that pytest collects.

A project says what is dialled by a fixture of its own, in conftest.py:

    @pytest.fixture
    def call_line():
        return create_app()     # a WSGI application; or an address, "http://127.0.0.1:5000/voice"; or a `Phone`

and then calls it:

    def test_the_sales_are_on_key_1(phone):
        phone.dial()
        phone.press("1")
        phone.hears("the sales department")

`call_paths = calls` in the settings of pytest names folders whose `*.call` are tests; such a file that is named on
the command line is one anyway, and with `--call-url` every one is. `--call-url ADDRESS` dials that address, signed with
TWILIO_AUTH_TOKEN if that is set, whatever the project's own fixtures say. Two more fixtures can be overridden:
`call_book` (how the prompts sound, a `Book`) and `call_stage` (the verbs that are no telephone's, a `Stage`).

Knows pytest and the phone, and nothing of any line.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from ivr.phone import Phone
    from ivr.phone.book import Book
    from ivr.phone.caller import Caller
    from ivr.phone.transcript import Line, Stage, Transcript

ENDING = ".call"
PATH = "/voice"
"""Where an application is asked that says no other address: the `call_path` of the settings."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--call-url`, `--call-to`, and the settings `call_paths` and `call_path`."""
    group = parser.getgroup("calls", "telephone calls (ivr.phone)")
    group.addoption("--call-url", metavar="URL", default="", help="dial this voice webhook, not the project's own line")
    group.addoption("--call-to", metavar="NUMBER", default="", help="the number that is dialled there (E.164)")
    parser.addini("call_paths", "folders whose *.call files are tests", type="paths", default=[])
    parser.addini("call_path", f"where a WSGI application answers calls (default {PATH})", default=PATH)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which line is dialled, when it is not the project's own."""
    url = config.getoption("call_url")
    return f"calls: dialling {url}" if url else None


# The phone of a test.


@pytest.fixture
def call_line() -> WSGIApplication | str | Phone:
    """What is dialled; to be overridden: a WSGI application, the address of a voice webhook, or a Phone."""
    raise pytest.UsageError(
        "nothing to dial: write a fixture `call_line` that gives a WSGI application or an address, or use --call-url"
    )


@pytest.fixture
def call_book() -> Book:
    """How the prompts of the line sound; to be overridden. By itself, an id is the name of a clip's file."""
    from ivr.phone.book import ClipBook

    return ClipBook()


@pytest.fixture
def call_stage() -> Stage | None:
    """What carries out the verbs that are no telephone's, and knows how a call ended; to be overridden."""
    return None


@pytest.fixture
def phone(request: pytest.FixtureRequest) -> Caller:
    """A caller with a telephone that will dial the line (`ivr.phone.caller.Caller`)."""
    from ivr.phone.caller import Caller

    return Caller(_telephone(request), request.getfixturevalue("call_book"), _stage(request))


def _telephone(request: pytest.FixtureRequest) -> Phone:
    from ivr.phone import Phone

    if url := request.config.getoption("call_url"):
        return _signing(url, request.config.getoption("call_to"))
    match request.getfixturevalue("call_line"):
        case Phone() as ready:
            return ready
        case str(url):
            return _signing(url)
        case app:
            from ivr.phone.wire import into

            return Phone(f"http://line.invalid{request.config.getini('call_path')}", send=into(app))


def _signing(url: str, called: str = "") -> Phone:
    """A telephone for a line on a network, which may check who calls: as Twilio's own library, from the environment."""
    from ivr.phone import Phone

    token, account = os.environ.get("TWILIO_AUTH_TOKEN"), os.environ.get("TWILIO_ACCOUNT_SID")
    phone = Phone(url, token=token or None)
    phone.account, phone.called = account or phone.account, called or phone.called
    return phone


def _stage(request: pytest.FixtureRequest) -> Stage | None:
    """The stage; none of a line that is not the project's own."""
    return None if request.config.getoption("call_url") else request.getfixturevalue("call_stage")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let every failure of a test with a `phone` tell the call so far, a bare `assert` too."""
    report = yield
    tell = getattr(getattr(item, "funcargs", {}).get("phone"), "so_far", None)
    if tell and report.failed and "The call so far:" not in report.longreprtext:
        report.sections.append(("the call so far", tell()))
    return report


# Calls written as files.


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CallFile | None:
    """Collect a transcript: under `call_paths`, or named on the command line; with `--call-url`, each that is met."""
    if file_path.suffix != ENDING or not _is_wanted(file_path, parent):
        return None
    found: CallFile = CallFile.from_parent(parent, path=file_path)
    return found


def _is_wanted(path: Path, parent: pytest.Collector) -> bool:
    folders = parent.config.getini("call_paths")
    named = parent.session.isinitpath(path) or bool(parent.config.getoption("call_url"))
    return named or any(path.is_relative_to(folder) for folder in folders)


class CallFile(pytest.File):
    """A transcript's file: one test, named by the sentence that it proves."""

    def collect(self) -> Iterator[CallItem]:
        """Read the file; TranscriptError says what is wrong with it, and where."""
        from ivr.phone.transcript import parse

        shown = self.path.relative_to(self.config.rootpath) if self._is_ours() else self.path
        transcript = parse(self.path.read_text(encoding="utf-8"), str(shown))
        yield CallItem.from_parent(self, name=transcript.proves.rstrip("."), callobj=_played(transcript))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *more: Any, **named: Any) -> Any:
        """Tell what is wrong with the file, without a traceback."""
        from ivr.phone.transcript import TranscriptError

        return str(excinfo.value) if isinstance(excinfo.value, TranscriptError) else super().repr_failure(excinfo)

    def _is_ours(self) -> bool:
        return self.path.is_relative_to(self.config.rootpath)


class CallItem(pytest.Function):
    """One call as a test. It may use whatever fixtures a test function in its folder may."""

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the call is written, not where it is played."""
        return self.path, 0, f"{self.path.name}: {self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *more: Any, **named: Any) -> Any:
        """Tell a call that goes otherwise than written by its message alone: line, difference, call so far."""
        from ivr.phone.transcript import TranscriptFailed

        return str(excinfo.value) if isinstance(excinfo.value, TranscriptFailed) else super().repr_failure(excinfo)


def _played(transcript: Transcript) -> Any:
    """The test function that plays the transcript."""

    def play_call(request: pytest.FixtureRequest) -> None:
        from ivr.phone.transcript import play

        written = _from_afar(transcript) if request.config.getoption("call_url") else transcript
        play(written, _telephone(request), request.getfixturevalue("call_book"), _stage(request))

    return play_call


def _from_afar(transcript: Transcript) -> Transcript:
    """The transcript for a line whose clock and stage are out of reach: no hour is set, no disposition asked.

    Skips the test, with the reason, where the call depends on a verb of the stage.
    """
    from ivr.phone.transcript import Staged

    for line in transcript.lines:
        if isinstance(line.step, Staged):
            pytest.skip(f"{transcript.name}:{line.number}: {line.text}: this verb needs the line's own stage")
    return replace(transcript, lines=tuple(map(_without_what_is_out_of_reach, transcript.lines)))


def _without_what_is_out_of_reach(line: Line) -> Line:
    from ivr.phone.transcript import Dial, HungUp

    match line.step:
        case Dial() as dial:
            return replace(line, step=replace(dial, at=None))
        case HungUp():
            return replace(line, step=HungUp(None))
        case _:
            return line
