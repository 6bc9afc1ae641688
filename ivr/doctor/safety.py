"""Looks at what lets people in: signatures, keys, files that hold them, numbers, what is served in production."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ivr.doctor import Finding, grave_if
from ivr.settings import Settings, secret_files

KEY_FILE = "secret-key"
"""The key that development makes for itself, in IVR_DATA_DIR."""

FEWEST_CHARACTERS = 8
"""Different characters in a key, at least: a random one of 32 has more."""


def mode(settings: Settings) -> Iterator[Finding]:
    """Whether the line is in production at all."""
    if settings.production:
        yield Finding("mode", "bien", "production.")
    else:
        yield Finding("mode", "grave", "La ligne est en développement.", "Réglez IVR_ENV=production.")
    if settings.softphone:
        what = "Le téléphone de navigateur est servi : n'importe qui peut appeler par là."
        yield Finding("mode", grave_if(settings.production), what, "Retirez IVR_SOFTPHONE.")


def signature(settings: Settings) -> Iterator[Finding]:
    """Whether webhooks are checked, and against one token."""
    match len(settings.auth_tokens):
        case 0:
            mend = "Copiez le jeton de la console de Twilio dans TWILIO_AUTH_TOKEN."
            yield Finding("signature", "grave", "Aucune signature n'est vérifiée : n'importe qui peut appeler.", mend)
        case 1:
            yield Finding("signature", "bien", "chaque webhook est vérifié.")
        case several:
            mend = "Une fois le nouveau promu dans la console, ne gardez que lui."
            yield Finding("signature", "avis", f"{several} jetons sont acceptés.", mend)
    if not settings.account_sid:
        mend = "Réglez TWILIO_ACCOUNT_SID (AC…, dans la console)."
        yield Finding("signature", "avis", "Les webhooks d'un autre compte ne sont pas refusés.", mend)


def keys(settings: Settings) -> Iterator[Finding]:
    """Whether our own keys are good ones."""
    made = settings.data_dir / KEY_FILE
    mend = "Faites-en une avec `openssl rand -hex 32` ; gardez l'ancienne derrière une virgule."
    found = [key for key in settings.secret_keys if _is_weak(key.decode(errors="replace"))]
    if found:
        yield Finding("clé", "grave", "IVR_SECRET_KEY se devine : trop peu de caractères différents.", mend)
    if made.exists() and made.read_bytes() in settings.secret_keys:
        yield Finding("clé", "grave", "La clé est celle que le développement s'est faite.", mend)
    elif not found:
        yield Finding("clé", "bien", "IVR_SECRET_KEY est longue et variée.")
    if len(settings.secret_keys) > 1:
        what = f"{len(settings.secret_keys)} clés : la première scelle, toutes ouvrent."
        yield Finding("clé", "avis", what, "docs/deploy.md dit quand retirer une ancienne.")


def files(settings: Settings) -> Iterator[Finding]:
    """Whether the files that hold secrets, and the line's own folder, are closed to others."""
    given = secret_files()
    watched = {**given, "IVR_DATA_DIR": settings.data_dir}
    open_ones = [(name, path) for name, path in watched.items() if path.exists() and _others_read(path)]
    for name, path in open_ones:
        mend = f"chmod {'700' if path.is_dir() else '600'} {path}"
        yield Finding("fichiers", "avis" if path.is_dir() else "grave", f"{name} : {path} est lisible par tous.", mend)
    if not open_ones:
        yield Finding("fichiers", "bien", "aucun secret n'est lisible par d'autres.")


def numbers(settings: Settings) -> Iterator[Finding]:
    """Whether our numbers are known, and nobody is rung by himself."""
    if not settings.numbers:
        mend = "Réglez IVR_NUMBERS, nos numéros en E.164."
        yield Finding("numéros", "grave", "Un appel vers n'importe quel numéro est accepté.", mend)
    if settings.agent in settings.numbers:
        what = "Le conseiller a le numéro de la ligne : elle s'appellerait elle-même."
        yield Finding("numéros", "grave", what, "Réglez IVR_AGENT sur le téléphone d'une personne.")
    sender = settings.sms_from
    if settings.numbers and sender.startswith("+") and sender not in settings.numbers:
        mend = "Mettez ce numéro dans IVR_NUMBERS, ou corrigez IVR_SMS_FROM."
        yield Finding("numéros", "avis", "Les SMS partent d'un numéro qui n'est pas dans IVR_NUMBERS.", mend)
    if not sender:
        mend = "Réglez IVR_SMS_FROM ; sans lui, un code demande le PIN de l'assistance."
        yield Finding("numéros", "avis", "Aucun SMS ne part : personne ne peut se faire reconnaître ainsi.", mend)
    if not settings.agent:
        mend = "Réglez IVR_AGENT, ou laissez : la touche 0 prend alors un message."
        yield Finding("numéros", "avis", "Aucun conseiller n'est appelé.", mend)
    if settings.numbers and settings.agent not in settings.numbers:
        yield Finding("numéros", "bien", f"{len(settings.numbers)} à nous.")


def _is_weak(key: str) -> bool:
    """Whether a key is none that dice made: few characters, or all of them in a row."""
    steps = {ord(after) - ord(before) for before, after in pairwise(key)}
    return len(set(key)) < FEWEST_CHARACTERS or len(steps) == 1


def _others_read(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP))
