"""A script of any size that holds, for measuring: a tree of menus that leads to chapters of fifty steps each.

Every kind of step is in it, each prompt has words of its own, facts decide, slots are read back, the guide is covered.
`python -m tests.big_script 10000 DIR` writes one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

CHAPTER = 50
"""Steps of a chapter."""

CHOICES = 4
"""Keys of a menu of the tree."""

_LINE = """\
[line]
start   = "arbre.bonjour"
menu    = "arbre.menu-0"
person  = "aide.demande"
warning = "aide.toujours-la"

[patience.question]
wait     = 7
no_input = [{ say = "aide.rien", repeat = "options" }, { repeat = "all" }]
no_match = [{ say = "aide.touche", repeat = "options" }, { repeat = "all", slow = true }]
no_input_give_up = "aide.toujours-la"
no_match_give_up = "aide.demande"

[patience.act]
wait     = 45
no_input = [{ repeat = "options" }, { repeat = "all" }]
no_match = [{ say = "aide.touche", repeat = "options" }, { repeat = "all", slow = true }]
no_input_give_up = "aide.toujours-la"
no_match_give_up = "aide.demande"

[patience.entry]
wait     = 10
no_input = [{ say = "aide.rien", repeat = "all" }]
no_match = [{ say = "aide.touche", repeat = "all" }]
no_input_give_up = "aide.toujours-la"
no_match_give_up = "aide.demande"
"""

_HELP = """\
[demande]
kind   = "menu"
aside  = true
no_match_give_up = "rappelez"
prompt = "Personne n’est là. Pour reprendre, tapez\u00a01. Pour arrêter, tapez\u00a02."
keys   = { 1 = "@return", 2 = "fini" }

[toujours-la]
kind   = "menu"
aside  = true
wait   = 20
limit  = 3
beyond = "rappelez"
prompt = "Vous êtes toujours là\u202f? Tapez\u00a01, sinon je raccroche."
keys   = { 1 = "@return" }
then   = "rappelez"

[rappelez]
kind        = "hangup"
prompt      = "Rappelez quand vous voulez. Au revoir."
disposition = "abandoned"

[fini]
kind        = "hangup"
prompt      = "Parfait. Au revoir."
disposition = "solved"

[rien]
kind   = "say"
prompt = "Je n’ai rien reçu."

[touche]
kind   = "say"
prompt = "Cette touche n’est pas proposée."
"""


def big_script(steps: int) -> Mapping[str, str]:
    """The files of a script of about so many steps, by name."""
    chapters = max(1, round(steps / (CHAPTER + 1.0 / (CHOICES - 1))))
    facts = "".join(f'essaye-{number} = "le remède {number} a été essayé"\n' for number in range(chapters))
    files = {"ligne.toml": f"{_LINE}\n[facts]\n{facts}", "aide.toml": _HELP, "arbre.toml": "\n".join(_tree(chapters))}
    files |= {f"remede-{number}.toml": "\n".join(_chapter(number)) for number in range(chapters)}
    guide = (
        f'G{number}-{step} = "le fait {step} du remède {number}"\n' for number in range(chapters) for step in _ACTS
    )
    return files | {"guide.toml": "".join(guide)}


def write(folder: Path, steps: int) -> Path:
    """Write the script into the folder; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in big_script(steps).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _tree(leaves: int) -> Iterator[str]:
    """Menus of four, one below the other, down to the chapters; each is numbered as it is laid out."""
    yield '[bonjour]\nkind   = "say"\nprompt = "Bonjour."\nnext   = "menu-0"\n'
    number, waiting = count(1), [(0, range(leaves))]
    while waiting:
        menu, below = waiting.pop()
        size = max(-(-len(below) // CHOICES), 1)
        parts = [below[at : at + size] for at in range(0, len(below), size)]
        keys, said = [], []
        for key, part in enumerate(parts, 1):
            target = f"remede-{part[0]}.pas-0"
            if len(part) > 1:
                waiting.append((next(number), part))
                target = f"menu-{waiting[-1][0]}"
            keys.append(f'{key} = "{target}"')
            said.append(f"Pour la panne {part[0]}, tapez\u00a0{key}.")
        yield f'[menu-{menu}]\nkind   = "menu"\nprompt = "{" ".join(said)}"\nkeys   = {{ {", ".join(keys)} }}\n'


_ACTS = [step for step in range(CHAPTER) if step % 10 in (1, 2, 3, 4)]
"""The steps of a chapter that are acts, and speak a fact of the guide."""


def _chapter(number: int) -> Iterator[str]:
    yield from (_step(number, step) for step in range(CHAPTER))


def _step(number: int, step: int) -> str:
    on = f'"pas-{step + 1}"' if step + 1 < CHAPTER else '"aide.demande"'
    head = f"[pas-{step}]\n"
    name = f"remède {number}, geste {step}"
    match step % 10:
        case 0:
            return head + f'kind = "say"\nprompt = "Voici le {name}."\nnext = {on}\n'
        case 5:
            return head + (
                f'kind = "entry"\nprompt = "Tapez le numéro écrit au dos, pour le {name}."\n'
                f'slot = "numero"\ndigits = 10\nnext = {on}\n'
            )
        case 6:
            return head + (
                f'kind = "menu"\nprompt = "J’ai noté, pour le {name}\u00a0: {{numero:pairs}}. '
                f'Si c’est exact, tapez\u00a01. Pour corriger, tapez\u00a02."\n'
                f'keys = {{ 1 = {on}, 2 = "pas-{step - 1}" }}\n'
            )
        case 7:
            return head + (
                f'kind = "hold"\nseconds = 10\nprompt = "Appuyez, pour le {name}. Je compte."\nnext = {on}\n'
                f'cues = {{ 5 = "Cinq.", 10 = "Relâchez." }}\n'
            )
        case 8:
            return head + (
                f'kind = "run"\ncommand = "caller-number"\nprompt = "Je regarde, pour le {name}."\n'
                f"outcomes = {{ known = {on}, withheld = {on}, late = {on}, unavailable = {on} }}\n"
            )
        case 9:
            tried = f'[{{ to = "aide.demande", when = ["essaye-{number}"] }}, {on}]'
            return head + (
                f'kind = "menu"\nprompt = "Si le {name} a suffi, tapez\u00a01. Sinon, tapez\u00a02."\n'
                f'keys = {{ 1 = {{ to = "aide.fini", sets = ["essaye-{number}"] }}, 2 = {tried} }}\n'
            )
        case _:
            return head + (
                f'kind = "menu"\npatience = "act"\nlabel = "{name}"\nguide = ["G{number}-{step}"]\n'
                f'prompt = "Débranchez le câble, attendez, rebranchez-le\u00a0: c’est le {name}. '
                f'Si le voyant devient vert, tapez\u00a01. Sinon, tapez\u00a02."\n'
                f'keys = {{ 1 = "aide.fini", 2 = {on} }}\n'
            )


if __name__ == "__main__":
    print(write(Path(sys.argv[2]), int(sys.argv[1])))
