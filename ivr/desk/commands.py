"""What this line has for a script: its commands with their outcomes, what it may know at first, its people, the ends.

One table, read by `ivr check`, so that a script asks for nothing that nobody carries out. It must not know how the
work is done: that is `ivr.services`, and a test holds both to be the same.
"""

from __future__ import annotations

from ivr.desk.dispositions import WORDS
from ivr.flow.contracts import Contract, World

CUT, CUT_WAITING = "appel-coupe", "attente-coupee"
OPEN, KNOWN = "ouvert", "rappelable"
"""Facts that the line may know when a call begins."""

AGENT = "conseiller"
"""Whom a script can ring."""

_CODE = ("code", "nombre")
_FOLLOW_UP = ("succes", "pas-encore")

LINE = World(
    commands={
        # which line, and who calls
        "find-line": Contract({"known": ("ligne", "fin"), "unknown": ()}),
        "send-password": Contract(
            {"sent": ("fin-mobile",), "proved": (), "refused": ()}, needs=("ligne",), texts=("verification",)
        ),
        "verify-password": Contract({"verified": (), "wrong": (), "refused": ()}, needs=("recu",)),
        "check-pin": Contract({"verified": (), "wrong": (), "busy": (), "refused": ()}, needs=("ligne", "pin")),
        # where its telephone is
        "known-address": Contract({"known": ("adresse", "jour"), "unknown": ()}, needs=("ligne",)),
        "check-address": Contract({"public": ("adresse",), "not-public": (), "malformed": ()}, needs=("adresse",)),
        "send-link": Contract({"sent": ()}, needs=("ligne",), texts=("adresse",)),
        "link-address": Contract({"received": ("adresse",), "not-yet": ()}),
        # the code
        "make-code": Contract(
            {"made": _CODE, "made-long": _CODE, "not-needed": (), "other-phone": (), "refused": (), "failed": ()},
            needs=("ligne", "adresse"),
        ),
        "text-code": Contract({"sent": ()}, needs=("ligne", "code"), texts=("code",)),
        "code-ready": Contract({"ready": (), "gone": (), "unproved": ("ligne",)}, needs=("code",)),
        "compare-code": Contract({"same": (), "different": ("groupe", "rang")}, needs=("code", "note")),
        # a call that was cut
        "resume-call": Contract({"resumed": ()}),
        "regain-code": Contract({"regained": _CODE, "gone": ()}, needs=("ligne",)),
        # after the code
        "start-watch": Contract({"watched": (), "can-ring": (), "blind": ()}),
        "watch-line": Contract({"back": ()}),
        "wish-text": Contract({"promised": ()}, texts=_FOLLOW_UP),
        "wish-ring": Contract({"promised": ()}, texts=_FOLLOW_UP),
        # people
        "agents": Contract({"open": (), "closed": ("prochaine",), "holiday": ("prochaine",), "absent": ()}),
        "caller-number": Contract({"known": (), "withheld": ()}),
        "book-callback": Contract({"booked": ("creneau",), "no-slot": ()}, may=("rappel",)),
        "keep-message": Contract({"kept": ()}, needs=("message",)),
        "fetch-message": Contract({"ready": ()}, needs=("message",)),
        "discard-message": Contract({"discarded": ()}, needs=("message",)),
        "send-message": Contract({"sent": ()}, needs=("message",)),
    },
    given={OPEN: (), KNOWN: (), CUT: ("depuis", "etape"), CUT_WAITING: ()},
    people=(AGENT,),
    dispositions=tuple(name for name in WORDS if name != "cut"),
)
