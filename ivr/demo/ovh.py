"""OVH's API as the `ovh` package meets it, on loopback: signatures that are checked, lines, telephones, resets.

The answers have the shapes of OVH's own description (facts/ovh-api.json), with every property that is never null. It
must not know our provider: it speaks OVH's dialect, right and wrong (`Loopback.faults`, by operation: « time »,
« searchServices », « phone », « lastRegistrations », « ips », « resetConfig »).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from ivr.demo.loopback import Loopback, Reply, Request, reply

APPLICATION_KEY = "demo-application"
APPLICATION_SECRET = "demo-application-secret"  # noqa: S105 - of nobody's application
CONSUMER_KEY = "demo-consumer"
_SKEW = 30
"""Seconds that a signature's time may differ from the server's."""


@dataclass
class DemoLine:
    """One line of the customer: its OVH name (« 0033972101010 »), its telephone, and what a reset of it gives.

    `registrations` are addresses and times (seconds since the epoch), in any order: OVH promises none. A `brand` of
    None is a line without a telephone. `resets` are the addresses that a reset was asked for.
    """

    service: str
    billing: str = "ab12345-ovh-1"
    brand: str | None = "phone.siemens.c610ip"
    registrations: list[tuple[str, float]] = field(default_factory=list)
    ips: list[tuple[str | None, float]] = field(default_factory=list)
    method: Literal["code", "http"] = "code"
    code: str | None = "471803925604"
    resets: list[str] = field(default_factory=list)


class Ovh(Loopback):
    """The stand-in; `endpoint` is what its client is given. `clock` is its own, in seconds since the epoch."""

    def __init__(self, lines: Iterable[DemoLine], port: int = 0, clock: Callable[[], float] = time.time) -> None:
        super().__init__(port)
        self.lines = {line.service: line for line in lines}
        self._clock = clock
        self.status = "validated"
        self.rules = [("GET", "/telephony/*"), ("POST", "/telephony/*/line/*/phone/resetConfig")]

    @property
    def endpoint(self) -> str:
        """The address that OVH calls an endpoint."""
        return f"{self.address}/1.0"

    def operation(self, request: Request) -> str:
        """The last part of the path."""
        return request.path.rpartition("/")[2]

    def answer(self, request: Request) -> Reply:
        """What OVH answers to a request that is signed."""
        if request.path == "/1.0/auth/time":
            return reply(int(self._clock()))
        if refusal := self._refusal(request):
            return refusal
        if request.path == "/1.0/auth/currentCredential":
            rules = [{"method": method, "path": path} for method, path in self.rules]
            return reply({"status": self.status, "rules": rules, "expiration": None})
        match request.method, request.path.removeprefix("/1.0/telephony/").split("/"):
            case "GET", ["searchServices"]:
                return reply(list(self._services(request.query.get("axiom", ""))))
            case method, [billing, "line", service, *rest] if self._has(billing, service):
                return self._of_line(method, self.lines[service], "/".join(rest), request)
            case _:
                return _no_such("This service does not exist")

    def _refusal(self, request: Request) -> Reply | None:
        """What is wrong about the signature (facts/ovh-and-gigaset.md 1.7), if anything is."""
        given, at = request.headers.get("x-ovh-signature", ""), request.headers.get("x-ovh-timestamp", "")
        if request.headers.get("x-ovh-application") != APPLICATION_KEY:
            return _error(403, "INVALID_KEY", "This application key is invalid")
        if request.headers.get("x-ovh-consumer") != CONSUMER_KEY:
            return _error(403, "INVALID_CREDENTIAL", "This credential is not valid")
        if not at.isdecimal() or abs(int(at) - self._clock()) > _SKEW:
            return _error(400, "QUERY_TIME_OUT", "Query out of time")
        url, body = self.address + request.target, request.body.decode()
        signed = "+".join((APPLICATION_SECRET, CONSUMER_KEY, request.method, url, body, at))
        right = f"$1${hashlib.sha1(signed.encode()).hexdigest()}"  # noqa: S324 - OVH's own rule
        return None if hmac.compare_digest(given, right) else _error(400, "INVALID_SIGNATURE", "Invalid signature")

    def _has(self, billing: str, service: str) -> bool:
        return service in self.lines and self.lines[service].billing == billing

    def _services(self, axiom: str) -> Iterable[dict[str, str | None]]:
        """Everything like the axiom: that includes numbers that only begin with it, and an alias without an account."""
        for line in self.lines.values():
            if axiom in line.service:
                yield {"billingAccount": None, "domain": line.service, "type": "alias"}
                yield {"billingAccount": line.billing, "domain": f"{line.service}0", "type": "line"}
                yield {"billingAccount": line.billing, "domain": line.service, "type": "line"}

    def _of_line(self, method: str, line: DemoLine, what: str, request: Request) -> Reply:
        match method, what:
            case "GET", "lastRegistrations":
                return reply([_registration(address, at) for address, at in line.registrations])
            case "GET", "ips":
                return reply([{"datetime": _iso(at), "ip": address} for address, at in line.ips])
            case "GET", "phone" if line.brand is not None:
                return reply(_phone(line.brand))
            case "POST", "phone/resetConfig" if line.brand is not None:
                return self._reset(line, request)
            case _:
                return _no_such("The requested object does not exist")

    def _reset(self, line: DemoLine, request: Request) -> Reply:
        match json.loads(request.body or b"null"):
            case {"ip": str(address)}:
                line.resets.append(address)
            case _:
                return _error(400, "", "[ip] Missing parameter")
        if line.method == "http":
            return reply({"resetPhoneMethod": "http", "resetCodeInfo": None})
        book = {"serverURL": None, "keyBook": None}
        return reply({"resetPhoneMethod": "code", "resetCodeInfo": {"activationCode": line.code, **book}})


def _registration(address: str, at: float) -> dict[str, object]:
    agent = {"userAgent": "C610 IP/42.075.00.000.000", "domain": "sip.ovh.fr", "port": 5060}
    return {"datetime": _iso(at), "ip": address, "localIp": "192.168.1.20", "localPort": 5060, **agent}


def _phone(brand: str) -> dict[str, object]:
    return {
        "brand": brand,
        "description": "Siemens Gigaset C610 IP",
        "macAddress": "7C2F80AABBCC",
        "maxSimultaneousCalls": 2,
        "maxline": 6,
        "mgcpIpRestriction": None,
        "phoneConfiguration": [],
        "protocol": "sip",
        "userPassword": "canary-user-password",
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _no_such(message: str) -> Reply:
    return _error(404, "", message)


def _error(status: int, code: str, message: str) -> Reply:
    named = {"errorCode": code} if code else {}
    return reply({**named, "httpCode": f"{status}", "message": message}, status)
