"""Every look of `ivr doctor`, in the order in which they are taken: what is ours first, what is outside after."""

from __future__ import annotations

from ivr.doctor import Looks, keeping, outside, safety, said

HERE: Looks = {
    "mode": safety.mode,
    "signature": safety.signature,
    "clé": safety.keys,
    "fichiers": safety.files,
    "numéros": safety.numbers,
    "script": said.script,
    "horaires": said.hours,
    "disque": keeping.disk,
    "base": keeping.database,
    "travail": keeping.work,
    "registre": keeping.register,
}

OUTSIDE: Looks = {
    "adresse": outside.name,
    "porte": outside.door,
    "horloge": outside.clock,
    "Twilio": outside.carrier,
    "OVH": outside.operator,
}
