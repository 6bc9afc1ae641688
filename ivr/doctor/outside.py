"""Looks at what is outside: the line's own public address, its name, the carrier's account, the operator's rights.

Each of them is asked once, by a few requests that change nothing.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import requests

from ivr.asking import bound
from ivr.bounds import within
from ivr.desk.lines import LinesError
from ivr.desk.ovh import Credentials, Ovh, missing_rights
from ivr.doctor import Finding, grave_if
from ivr.folder import read_sms
from ivr.settings import Settings
from ivr.telephony.outgoing import LookingError, Number
from ivr.telephony.rest import Twilio

PATIENCE = 5.0
"""Seconds for one request."""

APART, FAR_APART = 5.0, 60.0
"""Seconds that our clock may be off: told, and grave (a one-time password lives ten minutes)."""

TOKEN = "x" * 14
"""As long as the token of a link (`ivr.desk.address`)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the headers by their lower-case names."""

    status: int
    headers: Mapping[str, str]


Ask = Callable[[str, str], Answer]
"""Sends one request without a body (method, address). Raises OSError."""

Resolve = Callable[[str], list[str]]
"""The addresses of a host. Raises OSError."""


def ask(method: str, url: str) -> Answer:
    """One request, over a connection of its own; nothing is followed. Raises OSError."""
    with requests.Session() as session:
        bound(session)
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
        send = session.request
        answer = within(PATIENCE + 1, lambda: send(method, url, headers=kind, timeout=PATIENCE, allow_redirects=False))
    return Answer(answer.status_code, {name.lower(): value for name, value in answer.headers.items()})


def resolve(host: str) -> list[str]:
    """The addresses of a host, IPv4 and IPv6. Raises OSError."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})


def name(settings: Settings, resolve: Resolve = resolve) -> Iterator[Finding]:
    """Whether the public address is one that Twilio calls and a link in a text can hold."""
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        yield Finding(
            "adresse", "grave", f"{settings.public_url} n'est pas en HTTPS.", "docs/deploy.md : nginx devant."
        )
    elif not settings.proxies:
        mend = "Réglez IVR_PROXIES=1 : sinon un lien relève l'adresse du proxy, et non celle du client."
        yield Finding("adresse", "grave", "Un proxy est devant la ligne, qui ne le sait pas.", mend)
    link, longest = f"{settings.public_url}/i/{TOKEN}", _longest_link(settings)
    if len(link) > longest:
        what = f"Un lien ferait {len(link)} caractères ; le SMS en a prévu {longest}."
        yield Finding("adresse", "grave", what, "Prenez un nom plus court, ou raccourcissez le texte de sms.toml.")
    try:
        found = resolve(host)
    except OSError:
        yield Finding("adresse", "grave", f"{host} n'a pas d'adresse.", "Ajoutez un enregistrement A à votre DNS.")
        return
    if any(ip_address(one).version == 6 for one in found):
        mend = "Retirez l'enregistrement AAAA : un lien doit relever l'adresse IPv4 du client."
        yield Finding("adresse", "grave", f"{host} a une adresse IPv6.", mend)
    if all(ip_address(one).is_private for one in found):
        yield Finding("adresse", "grave", f"{host} mène à une adresse privée.", "Twilio doit pouvoir l'appeler.")
    else:
        yield Finding("adresse", "bien", f"{host}, lien de {len(link)} caractères.")


def door(settings: Settings, ask: Ask = ask) -> Iterator[Finding]:
    """Whether the line answers where Twilio calls it, and lets in nobody else."""
    url = settings.public_url
    try:
        alive, voice = ask("GET", f"{url}/healthz"), ask("POST", f"{url}/voice")
        page, ready = ask("GET", f"{url}/telephone"), ask("GET", f"{url}/readyz")
    except (OSError, TimeoutError) as error:
        what = f"Personne ne répond sur {url} ({type(error).__name__})."
        yield Finding("porte", "grave", what, "Lancez `ivr serve`, nginx ; vérifiez DNS, certificat, pare-feu.")
        return
    if alive.status != 200:
        yield Finding("porte", "grave", f"{url}/healthz répond {alive.status}.", "Voyez les journaux d'`ivr serve`.")
    if ready.status == 503:
        yield Finding("porte", "grave", "La ligne se dit hors d'état (readyz).", "Voyez la base de données.")
    if voice.status != 403:
        what = f"Un webhook sans signature reçoit {voice.status}, et non 403."
        yield Finding("porte", "grave", what, "TWILIO_AUTH_TOKEN n'est pas réglé sur cette ligne-là ?")
    if page.status == 200:
        yield Finding("porte", "grave", f"{url}/telephone est servi.", "Retirez IVR_SOFTPHONE, et relancez.")
    if (alive.status, voice.status) == (200, 403):
        yield Finding("porte", "bien", "la ligne répond, et refuse qui n'est pas Twilio.")


def clock(settings: Settings, ask: Ask = ask, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Whether our clock is right, by the carrier's."""
    try:
        theirs = parsedate_to_datetime(ask("GET", settings.api_url).headers["date"]).timestamp()
    except (OSError, TimeoutError, KeyError, ValueError):
        yield Finding("horloge", "avis", "Twilio ne donne pas l'heure : non vérifiée.", "Vérifiez `timedatectl`.")
        return
    apart = now() - theirs
    if abs(apart) > APART:
        yield Finding(
            "horloge",
            grave_if(abs(apart) > FAR_APART),
            f"L'horloge est à {apart:+.0f} s.",
            "Réglez-la par NTP (systemd-timesyncd).",
        )
    else:
        yield Finding("horloge", "bien", "à l'heure.")


def carrier(settings: Settings) -> Iterator[Finding]:
    """Whether Twilio takes our keys, and our numbers ask this line."""
    if not (settings.api_key and settings.api_secret):
        mend = "Réglez TWILIO_ACCOUNT_SID, et TWILIO_API_KEY et TWILIO_API_SECRET."
        yield Finding("Twilio", "avis", "Aucune clé : ni SMS, ni appels sortants.", mend)
        return
    account = settings.account_sid or settings.api_key
    twilio = Twilio(account, settings.api_key, settings.api_secret, base=settings.api_url, seconds=PATIENCE)
    try:
        known = {one.number: one for one in twilio.numbers()}
    except LookingError as error:
        mend = "Vérifiez TWILIO_ACCOUNT_SID, TWILIO_API_KEY, TWILIO_API_SECRET, et le réseau."
        yield Finding("Twilio", "grave", f"Twilio ne répond pas à nos clés ({error}).", mend)
        return
    for number in sorted(settings.numbers):
        yield from _asked(settings, f"…{number[-4:]}", known.get(number))


def _asked(settings: Settings, shown: str, number: Number | None) -> Iterator[Finding]:
    """What one of our numbers asks, against what it should."""
    if number is None:
        yield Finding("Twilio", "grave", f"Le numéro {shown} n'est pas du compte.", "Corrigez IVR_NUMBERS.")
        return
    url = settings.public_url
    wanted = (
        ("un appel", number.voice_url, f"{url}/voice"),
        ("la fin d'un appel", number.status_url, f"{url}/voice/status"),
        ("un échec", number.fallback_url, f"{url}/voice/fallback"),
    )
    wrong = [(when, right) for when, given, right in wanted if given.partition("#")[0] != right]
    for when, right in wrong:
        what = f"Le numéro {shown} ne demande pas cette ligne pour {when}."
        yield Finding("Twilio", grave_if(when == "un appel"), what, f"Dans la console : {right}, POST.")
    if number.voice_method != "POST":
        yield Finding("Twilio", "grave", f"Le numéro {shown} appelle en {number.voice_method}.", "Choisissez POST.")
    if not wrong:
        yield Finding("Twilio", "bien", f"le numéro {shown} demande cette ligne.")


def operator(settings: Settings) -> Iterator[Finding]:
    """Whether OVH grants what the line needs, and not everything."""
    if not settings.ovh_keys:
        return
    try:
        granted = Ovh(Credentials(*settings.ovh_keys), settings.ovh_endpoint).rights()
    except LinesError as error:
        mend = "Vérifiez les trois clés OVH_… et le réseau ; la clé doit pouvoir lire GET /auth/currentCredential."
        yield Finding("OVH", "grave", f"OVH ne répond pas à nos clés ({error.trouble}).", mend)
        return
    if missing := missing_rights(granted):
        mend = f"Refaites la clé avec {', '.join(missing)}."
        yield Finding("OVH", "grave", f"La clé n'a pas {len(missing)} des droits nécessaires.", mend)
    else:
        yield Finding("OVH", "bien", "la clé a les droits nécessaires.")
    if any(method == "DELETE" or path == "/*" for method, path in granted):
        yield Finding("OVH", "avis", "La clé peut plus qu'il ne faut.", "Refaites-la avec les droits du README.")


def _longest_link(settings: Settings) -> int:
    """How long a link the text has room for."""
    return len(read_sms(settings.prompts_dir)["adresse"].longest["lien"])
