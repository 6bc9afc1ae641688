"""The loopback OVH holds its clients to OVH's rules: who signs wrongly gets nothing."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from ovh import Client
from ovh.client import ENDPOINTS
from ovh.exceptions import APIError

from ivr.demo.ovh import APPLICATION_KEY, APPLICATION_SECRET, CONSUMER_KEY, DemoLine, Ovh

SERVICE = "0033199000007"
PHONE = f"/telephony/ab12345-ovh-1/line/{SERVICE}/phone"


@pytest.fixture
def fake() -> Iterator[Ovh]:
    with Ovh([DemoLine(SERVICE, registrations=[("203.0.113.7", 1e9)], ips=[("203.0.113.7", 1e9)])]) as fake:
        yield fake


def client(
    fake: Ovh, key: str = APPLICATION_KEY, secret: str = APPLICATION_SECRET, consumer: str = CONSUMER_KEY
) -> Client:
    ENDPOINTS["tests"] = fake.endpoint
    return Client("tests", key, secret, consumer, timeout=2)


def test_a_request_that_is_signed_is_answered(fake: Ovh) -> None:
    assert client(fake).get(PHONE)["brand"] == "phone.siemens.c610ip"
    assert client(fake).post(f"{PHONE}/resetConfig", ip="203.0.113.7")["resetPhoneMethod"] == "code"


@pytest.mark.parametrize(
    ("wrong", "status"), [({"secret": "other"}, 400), ({"key": "other"}, 403), ({"consumer": "other"}, 403)]
)
def test_a_request_that_is_signed_wrongly_is_refused(fake: Ovh, wrong: dict[str, str], status: int) -> None:
    with pytest.raises(APIError) as refused:
        client(fake, **wrong).post(f"{PHONE}/resetConfig", ip="203.0.113.7")
    assert refused.value.response.status_code == status
    assert fake.lines[SERVICE].resets == []


def test_a_request_that_is_not_signed_is_refused(fake: Ovh) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{fake.endpoint}{PHONE}", timeout=2)  # noqa: S310 - loopback
    refused.value.close()
    assert refused.value.code == 403


def test_a_request_signed_long_ago_is_refused(fake: Ovh) -> None:
    late = client(fake)
    late._time_delta = -3600
    with pytest.raises(APIError):
        late.get(PHONE)


DESCRIBED = {
    "searchServices": ({"domain", "type"}, {"billingAccount"}),
    "lastRegistrations": ({"datetime", "ip"}, {"domain", "localIp", "localPort", "port", "userAgent"}),
    "ips": ({"datetime"}, {"ip"}),
    "phone": (
        {
            "brand",
            "description",
            "macAddress",
            "maxSimultaneousCalls",
            "maxline",
            "phoneConfiguration",
            "protocol",
        },
        {"mgcpIpRestriction", "userPassword"},
    ),
}
"""Properties that are never null and those that may be, from OVH's own schema (telephony.json, 2024-06)."""


@pytest.mark.parametrize("operation", DESCRIBED)
def test_the_answers_have_the_shapes_of_the_description(fake: Ovh, operation: str) -> None:
    line = f"/telephony/ab12345-ovh-1/line/{SERVICE}/{operation}"
    answer = client(fake).get(f"/telephony/searchServices?axiom={SERVICE}" if operation == "searchServices" else line)
    always, nullable = DESCRIBED[operation]
    for entry in answer if isinstance(answer, list) else [answer]:
        assert set(entry) == always | nullable
        assert {name for name, value in entry.items() if value is None} <= nullable
