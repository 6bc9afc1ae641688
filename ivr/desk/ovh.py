"""OVH's API as a provider of lines: the only module that knows its addresses, its answers and its ways to fail.

Everything goes through the `ovh` package, which signs; its time-out of 180 s and its way of raising bare errors stop
here (facts/ovh-and-gigaset.md 1.7). Answers are checked before they are believed. Nothing that is logged holds a
number, an address, a code or a password: an operation, how it ended, how long it took, and OVH's own query id.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address
from threading import Lock
from time import monotonic
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import ovh
import requests
from ovh.client import ENDPOINTS

from ivr.asking import bound, was_never_sent
from ivr.bounds import within
from ivr.desk.lines import Line, LinesError, Made, NotMade, NotNeeded, Requested, Seen, Trouble, Unknown, e164

LONGEST_CODE = 32
"""Characters of a code at most: what the handset's field is said to take (facts/ovh-and-gigaset.md 2)."""

_OUR_PHONE = re.compile(r"phone\.(siemens|gigaset)\.c(590|610)ip")
_SERVICE = re.compile(r"00[1-9]\d{6,14}", re.ASCII)
_BILLING = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_CODE = re.compile(rf"[!-~]{{1,{LONGEST_CODE}}}", re.ASCII)

log = logging.getLogger("ivr.ovh")

Json = Any


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys of one OVH application and one customer; the rights they need are listed in facts 1.7."""

    application_key: str
    application_secret: str = field(repr=False)
    consumer_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: until connected, between two bytes, for a whole read, for a whole reset (facts/reliability.md F11).

    A reset runs in the background of a call that waits 20 s at most, so it may take longer than a read.
    """

    connect: float = 1.0
    read: float = 3.0
    total: float = 4.0
    reset: float = 10.0


class Breaker:
    """Stops asking after failures in a row, then lets one question through at a time, to see whether OVH is back.

    `rest` is how many seconds it waits after a failure, `longest` how long one question may keep the next one waiting:
    together no more than the 5 s after which all is to be normal again (facts/reliability.md B13; the 30 s of F11 would
    turn callers away from an OVH that answers).
    """

    def __init__(self, clock: Callable[[], float], failures: int = 5, rest: float = 1.0, longest: float = 4.0) -> None:
        self._clock, self._most, self._rest, self._longest = clock, failures, rest, longest
        self._failures, self._rests_until = 0, 0.0
        self._lock = Lock()

    def lets_through(self) -> bool:
        """Whether to ask now. After the rest the first question alone goes out, and its answer decides."""
        with self._lock:
            if self._failures < self._most:
                return True
            if self._clock() < self._rests_until:
                return False
            self._rests_until = self._clock() + self._longest
            return True

    def heard(self, *, well: bool) -> None:
        """Count how it went."""
        with self._lock:
            self._failures = 0 if well else self._failures + 1
            self._rests_until = self._clock() + self._rest


class Ovh:
    """The lines of one OVH customer (satisfies `ivr.desk.lines.Lines`); safe for many threads.

    `endpoint` is a name of OVH's (« ovh-eu ») or an address that ends in « /1.0 »; `clock` counts seconds, monotonic.
    """

    def __init__(
        self,
        credentials: Credentials,
        endpoint: str = "ovh-eu",
        patience: Patience | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._patience = patience or Patience()
        self._read = _client(credentials, endpoint, (self._patience.connect, self._patience.read))
        self._reset = _client(credentials, endpoint, (self._patience.connect, self._patience.reset))
        self._reset._session.headers["Connection"] = "close"  # a stale connection would make the outcome unknown
        self._clock = clock
        self._breaker = Breaker(clock, longest=self._patience.total)

    def by_number(self, typed: str) -> Line | None:
        """The line of this number; see `Lines.by_number`."""
        number = e164(typed)
        if not number:
            return None
        domain = service_name(number)
        found = self._asked("searchServices", f"/telephony/searchServices?axiom={quote(domain)}") or []
        return next(_lines(found, domain, number), None)

    def by_caller(self, caller: str) -> Line | None:
        """The line that calls, when it calls itself: OVH knows no customer's mobile."""
        return self.by_number(caller) if caller.startswith("+") else None

    def has_our_phone(self, line: Line) -> bool:
        """Whether its telephone is a C590IP or a C610IP; a line without one has none of ours."""
        phone = self._asked("phone", f"{_path(line)}/phone")
        return phone is not None and bool(_OUR_PHONE.fullmatch(_text(phone, "brand", "phone")))

    def last_address(self, line: Line) -> Seen | None:
        """The newest IPv4 of `lastRegistrations`, else of `ips`: OVH promises no order, so both are sorted here."""
        for operation in ("lastRegistrations", "ips"):
            seen = [entry for entry in self._registrations(operation, line) if _is_ipv4(entry.address)]
            if seen:
                return max(seen, key=lambda entry: entry.at)
        return None

    def last_registration(self, line: Line) -> float | None:
        """The newest time of `lastRegistrations`."""
        return max((entry.at for entry in self._registrations("lastRegistrations", line)), default=None)

    def request_code(self, line: Line, address: str) -> Requested:
        """Call `phone/resetConfig` once; see `Lines.request_code`."""
        where = "resetConfig"
        if not self._breaker.lets_through():
            return NotMade("resting")
        begun = self._clock()
        sent = False

        def post() -> Json:
            nonlocal sent
            _ = self._reset.time_delta  # asked first, so that its failure is no failure of the reset
            sent = True
            return self._reset.post(f"{_path(line)}/phone/resetConfig", ip=address)

        try:
            requested = _reset_answer(within(self._patience.reset, post))
        except Exception as error:
            fault = _fault(error)
            requested = NotMade(fault.trouble) if not sent or fault.surely_nothing else Unknown(fault.trouble)
        self._noted(where, begun, requested.trouble if isinstance(requested, NotMade | Unknown) else "")
        return requested

    def rights(self) -> frozenset[tuple[str, str]]:
        """The rules that the customer has granted: method and path, whose « * » stands for anything.

        None when the key was not granted, or no more. Raises LinesError.
        """
        granted = self._asked("currentCredential", "/auth/currentCredential")
        if granted is None or _text(granted, "status", "currentCredential") != "validated":
            return frozenset()
        rules = _objects(granted.get("rules"), "currentCredential")
        return frozenset((_text(rule, "method", "rights"), _text(rule, "path", "rights")) for rule in rules)

    def _registrations(self, operation: str, line: Line) -> list[Seen]:
        entries = self._asked(operation, f"{_path(line)}/{operation}") or []
        return [Seen(entry.get("ip") or "", _moment(entry, operation)) for entry in _objects(entries, operation)]

    def _asked(self, operation: str, path: str) -> Json:
        """The answer to a read; None when OVH says that there is no such thing. Raises LinesError."""
        if not self._breaker.lets_through():
            raise LinesError("resting", f"OVH {operation}")
        begun = self._clock()
        try:
            answer = within(self._patience.total, lambda: self._read.get(path))
        except ovh.ResourceNotFoundError:
            answer = None
        except Exception as error:
            trouble = _fault(error).trouble
            self._noted(operation, begun, trouble)
            raise LinesError(trouble, f"OVH {operation}") from None
        self._noted(operation, begun, "")
        return answer

    def _noted(self, operation: str, begun: float, trouble: Trouble | Literal[""]) -> None:
        """Count and log how a question ended. A refusal is an answer: OVH is there."""
        self._breaker.heard(well=trouble in ("", "refused"))
        took = round(self._clock() - begun, 3)
        level = logging.WARNING if trouble else logging.INFO
        log.log(level, "ovh", extra={"operation": operation, "outcome": trouble or "answered", "seconds": took})


NEEDED = (
    ("GET", "/telephony/searchServices"),
    ("GET", "/telephony/*/line/*/phone"),
    ("GET", "/telephony/*/line/*/lastRegistrations"),
    ("GET", "/telephony/*/line/*/ips"),
    ("POST", "/telephony/*/line/*/phone/resetConfig"),
)
"""The rights that a consumer key must have (facts/ovh-and-gigaset.md 1.7)."""


def missing_rights(granted: Iterable[tuple[str, str]]) -> list[str]:
    """The rights that we need and that none of the rules gives, as « METHOD /path »."""
    patterns = [(method, re.compile(re.escape(path).replace(r"\*", ".*"))) for method, path in granted]
    return [
        f"{method} {path}"
        for method, path in NEEDED
        if not any(method == given and pattern.fullmatch(path) for given, pattern in patterns)
    ]


def service_name(number: str) -> str:
    """OVH's name of a line, from E.164: « +33972101010 » is « 0033972101010 »."""
    return f"00{number.removeprefix('+')}"


def number_of(service: str) -> str:
    """The E.164 number of OVH's name of a line; empty when it is none (a trunk, an alias by name)."""
    return f"+{service[2:]}" if _SERVICE.fullmatch(service) else ""


# The client


def _client(credentials: Credentials, endpoint: str, timeout: tuple[float, float]) -> Any:
    """A client of the `ovh` package; it takes addresses by a name in its table alone (facts 1.7)."""
    if urlsplit(endpoint).scheme:
        ENDPOINTS[endpoint] = endpoint
    client = ovh.Client(
        endpoint=endpoint,
        application_key=credentials.application_key,
        application_secret=credentials.application_secret,
        consumer_key=credentials.consumer_key,
        timeout=timeout,
    )
    bound(client._session)
    return client


# What went wrong


@dataclass(frozen=True, slots=True)
class _Fault:
    """How a question failed, and whether it surely never had an effect."""

    trouble: Trouble
    surely_nothing: bool


def _fault(error: Exception) -> _Fault:
    """The fault that an exception of the `ovh` package, of `within` or of our own checks means."""
    response = getattr(error, "response", None)
    if response is not None:
        return _status_fault(response.status_code)
    match error:
        case LinesError(trouble=trouble):
            return _Fault(trouble, False)
        case ovh.exceptions.HTTPError(args=(*_, cause)):
            return _transport_fault(cause)
        case ovh.InvalidKey():
            return _Fault("refused", True)
        case TimeoutError():
            return _Fault("late", False)
        case _:  # no JSON, or JSON that the package stumbles over
            return _Fault("garbled", False)


def _status_fault(status: int) -> _Fault:
    if status == 429:
        return _Fault("busy", True)
    return _Fault("refused", True) if 400 <= status < 500 else _Fault("down", False)


def _transport_fault(cause: object) -> _Fault:
    match cause:
        case requests.Timeout():
            return _Fault("late", was_never_sent(cause))
        case requests.exceptions.ContentDecodingError():
            return _Fault("garbled", False)
        case _:
            return _Fault("down", was_never_sent(cause))


# What an answer says


def _lines(found: Json, domain: str, number: str) -> Iterator[Line]:
    """The lines among the services found: `axiom` is a « like », so the domain must be exactly the one asked for."""
    for service in _objects(found, "searchServices"):
        billing = service.get("billingAccount")
        if service.get("domain") != domain or service.get("type") != "line" or billing is None:
            continue
        if not isinstance(billing, str) or not _BILLING.fullmatch(billing):
            raise LinesError("garbled", "OVH searchServices")
        yield Line(f"{billing}/{domain}", number)


def _reset_answer(answer: Json) -> Requested:
    """What a reset gave. One that says « code » and shows none was made all the same: nobody knows what it is."""
    match answer:
        case {"resetPhoneMethod": "http"}:
            return NotNeeded()
        case {"resetPhoneMethod": "code", "resetCodeInfo": {"activationCode": str(code)}} if _CODE.fullmatch(code):
            return Made(code)
        case _:
            return Unknown("garbled")


def _path(line: Line) -> str:
    billing, _, service = line.id.partition("/")
    return f"/telephony/{quote(billing, safe='')}/line/{quote(service, safe='')}"


def _objects(answer: Json, where: str) -> list[dict[str, Json]]:
    if not isinstance(answer, list) or not all(isinstance(entry, dict) for entry in answer):
        raise LinesError("garbled", f"OVH {where}")
    return answer


def _text(answer: Json, name: str, where: str) -> str:
    if not isinstance(answer, dict) or not isinstance(answer.get(name), str):
        raise LinesError("garbled", f"OVH {where}")
    return str(answer[name])


def _moment(entry: Mapping[str, Json], where: str) -> float:
    """The entry's `datetime`, in seconds since the epoch. Raises LinesError when it names no instant."""
    try:
        moment = datetime.fromisoformat(_text(entry, "datetime", where))
    except ValueError:
        raise LinesError("garbled", f"OVH {where}") from None
    if moment.tzinfo is None:
        raise LinesError("garbled", f"OVH {where}")
    return moment.timestamp()


def _is_ipv4(text: Json) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return isinstance(text, str)
