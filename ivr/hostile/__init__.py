"""The hostile line: our line under callers, a carrier, partners and desks that do everything wrong; and what must hold.

    attacked = Attack(stand)
    attacked.play("dial from +33639980001")
    attacked.play("twins at 1")
    attacked.play("press 3 early")        # Broken, when one of the rules does not hold

An attack is the lines of a transcript (`ivr.phone.transcript`); `Dice` throws them, from a seed alone; `storm` plays
many of them; `shrunk` makes the shortest one that still breaks a rule. Everything goes through the front door: signed
webhooks to the WSGI app, TwiML followed by the simulated telephone. It is the tool of who works on the line: nothing
that serves callers imports it.
"""

from ivr.hostile.attack import Attack
from ivr.hostile.rules import Broken, Rule
from ivr.hostile.stand import Stand

__all__ = ["Attack", "Broken", "Rule", "Stand"]
