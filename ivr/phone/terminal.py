"""A telephone for a person, in the terminal: prints what is heard, takes keys as arguments or from the keyboard.

What it prints is for the caller, so in French. Knows the Phone and the terminal, nothing of the line.
"""

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from ivr.phone.clock import Clock
from ivr.phone.errors import CallError, TwimlError, UnreachableError
from ivr.phone.log import Entry, clip_name
from ivr.phone.phone import ACCOUNT, CALLER, KEYS, Phone
from ivr.phone.recorder import Recorder

MOST_SECONDS = 1800.0  # of a call that is played with given keys
SHOWN_SILENCE = 2.0  # seconds from which a silence is worth a line
TICK = 0.05  # seconds between two looks at the keyboard

DONE, FAILED, WRONG_USE = 0, 1, 2


def call(
    url: str,
    keys: Sequence[str] | None = None,
    token: str | None = None,
    out: TextIO | None = None,
    in_: TextIO | None = None,
    *,
    caller: str = CALLER,
    account: str | None = None,
    record: TextIO | None = None,
) -> int:
    """Call a webhook and give the exit code: 0 the call ended properly, 1 it failed, 2 wrong keys.

    With `keys`, each one (or group, like `0000#`) is pressed once the line has said what it has to say, in virtual
    time; then the caller is silent. Without, on a terminal, the call runs in real time and takes keys from the
    keyboard; Ctrl-C hangs up. Without, and with no terminal, keys are the words of the input. `out` and `in_` default
    to the standard ones, `token` None does not sign. The call is written into `record` as a transcript.
    """
    out, in_ = out or sys.stdout, in_ or sys.stdin
    if keys is None and not in_.isatty():
        keys = in_.read().split()
    if wrong := [group for group in keys or () if not group or not KEYS.issuperset(group)]:
        print(f"« {wrong[0]} » ne se tape pas sur un téléphone : utilisez les touches 0 à 9, * et #.", file=out)
        return WRONG_USE
    phone = Phone(url, caller=caller, account=account or ACCOUNT, token=token, clock=Clock(time.time()))
    printer, recorder = _Printer(phone, out), Recorder(phone)

    def follow(entry: Entry) -> None:
        printer.show(entry)
        recorder.note(entry)

    phone.on_entry = follow
    try:
        if keys is None:
            _live(phone, in_, out, time.monotonic)
        else:
            _with_keys(phone, keys)
    except CallError as error:
        print(_explained(error, url), file=out)
        return FAILED
    finally:
        if record:
            record.write(recorder.transcript())
    print(_farewell(phone), file=out)
    return DONE if phone.ended else FAILED


def _with_keys(phone: Phone, keys: Sequence[str]) -> None:
    phone.dial()
    for group in keys:
        phone.hear_out(MOST_SECONDS)
        if phone.ended or phone.seconds >= MOST_SECONDS:
            break
        phone.press(group)
    while not phone.ended and phone.seconds < MOST_SECONDS:
        phone.wait(1.0)


def _live(phone: Phone, in_: TextIO, out: TextIO, seconds: Callable[[], float]) -> None:
    """Let the phone's clock go with the real one, and press what is typed. Ctrl-C hangs up."""
    print("Tapez les touches 0 à 9, * et #. Ctrl-C pour raccrocher.", file=out, flush=True)
    with _key_by_key(in_):
        try:
            phone.dial()
            while not phone.ended:
                before = seconds()
                typed = _typed(in_)
                phone.wait(max(0.0, seconds() - before))
                _press(phone, typed)
        except KeyboardInterrupt:
            if not phone.ended:
                phone.drop()


def _press(phone: Phone, typed: str) -> None:
    keys = "".join(key for key in typed if key in KEYS)
    if keys and not phone.ended:
        phone.press(keys)


def _typed(in_: TextIO) -> str:
    """Give what was typed within a tick; a keyboard that is gone hangs up."""
    if not select.select([in_], [], [], TICK)[0]:
        return ""
    try:
        typed = os.read(in_.fileno(), 64)
    except OSError:  # Linux says so of a terminal that was closed
        typed = b""
    if not typed:
        raise KeyboardInterrupt
    return typed.decode("ascii", "ignore")


@contextmanager
def _key_by_key(in_: TextIO) -> Iterator[None]:
    """Make the terminal give keys at once and not show them; put it back in the end."""
    before = termios.tcgetattr(in_)
    tty.setcbreak(in_)
    try:
        yield
    finally:
        termios.tcsetattr(in_, termios.TCSADRAIN, before)


class _Printer:
    """Prints the log's entries as a caller would tell them. `_quiet_since` is None while something sounds."""

    def __init__(self, phone: Phone, out: TextIO) -> None:
        self._phone = phone
        self._out = out
        self._quiet_since: float | None = 0.0

    def show(self, entry: Entry) -> None:
        """Print one entry, if it is the caller's to hear or do."""
        if text := _told(entry):
            self._show_silence(entry.at)
            print(f"{_comma(entry.at):>6} s  {text}", file=self._out, flush=True)
        match entry.kind:
            case "begins" | "rings":
                self._quiet_since = None
            case "heard" | "cut":
                self._quiet_since = self._phone.seconds
            case "rang":
                self._quiet_since = entry.at
            case "key" if self._quiet_since is not None:
                self._quiet_since = entry.at
            case "end":
                self._show_silence(entry.at)

    def _show_silence(self, until: float) -> None:
        if self._quiet_since is not None and (silence := until - self._quiet_since) >= SHOWN_SILENCE:
            print(f"{'':>6}    … {silence:.0f} s de silence", file=self._out)


def _told(entry: Entry) -> str:
    match entry.kind:
        case "begins":
            return _words(entry.text)
        case "key":
            return f"▸ touche{'s' if len(entry.text) > 1 else ''} {entry.text}"
        case "dropped":
            return f"  (la ligne n’écoutait pas : {entry.text})"
        case "sound":
            return "♪ bip" if entry.text == "beep" else "♪ tonalités"
        case "rings":
            return "☎ la ligne transfère l’appel"
        case _:
            return ""


def _words(text: str) -> str:
    return f"♪ {clip}" if (clip := clip_name(text)) else text


def _comma(number: float) -> str:
    return f"{number:.1f}".replace(".", ",")


def _farewell(phone: Phone) -> str:
    after = f"après {phone.seconds:.0f} s"
    match phone.ended:
        case "reject":
            return "Appel refusé par la ligne."
        case "drop":
            return f"Vous avez raccroché {after}."
        case "hangup":
            return f"Raccroché par la ligne {after}."
        case _:
            return f"La ligne n’a pas raccroché {after} : l’appel est abandonné."


def _explained(error: CallError, url: str) -> str:
    """Say in one sentence what went wrong and what to do."""
    match error:
        case UnreachableError():
            return f"Personne ne répond à {url} : lancez d’abord make run."
        case TwimlError(status=403):
            return "La ligne refuse l’appel (HTTP 403) : appelez avec son TWILIO_AUTH_TOKEN, à son adresse publique."
        case TwimlError(status=int(status)):
            return f"La ligne répond par une erreur HTTP {status} : lisez son journal.\n{error.sentence}"
        case TwimlError(number=number):
            return f"La ligne répond ce que Twilio refuserait (erreur {number}) : corrigez-la.\n{error.sentence}"
        case _:
            return f"L’appel ne peut pas continuer : {error.sentence}"
