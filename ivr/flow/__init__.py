"""What a call is: a script read into frozen values, and a pure function that walks it.

Rule 1: everything that decides what a caller hears next lives here. Rule 2: this room knows no network, no disk, no
clock, no dice, no environment and no carrier; it imports the standard library and nothing of ours. What it needs from
the world it asks for by returning a value, and the answer comes back as an argument.
"""
