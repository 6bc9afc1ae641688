"""How long a script takes, in seconds: a prompt, the way to the first key, a way without any, a call in silence.

What a piece takes to say is told by whoever asks (`Seconds`): the real recordings, or words at the voice's pace. The
longest ways are found on the graph, conditions taken as always possible, as in `proof`; circles are summed up. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ivr.flow.model import (
    GAP,
    READINGS,
    RECORDING,
    WORDS_A_MINUTE,
    Entry,
    Flow,
    HangUp,
    Hold,
    Menu,
    Pause,
    Piece,
    Prompt,
    Record,
    Reprompt,
    Run,
    Say,
    Slot,
    Step,
    Transfer,
    Way,
    Words,
    silence,
)

Seconds = Callable[[Piece], float]
"""How long a piece takes, in seconds; a silence takes what it says."""

SLOT_WORDS: Mapping[str, int] = {
    **dict.fromkeys(READINGS, 12),
    "address": 11,
    "digits": 6,
    "number": 1,
    "pairs": 6,
    RECORDING: 0,
    "said": 4,
    "text": 3,
}
"""How many words a slot is taken to be, by its manner: « zéro neuf, soixante-douze, dix, dix, zéro sept » are six."""


@dataclass(frozen=True, slots=True)
class Size:
    """A prompt: its words, the seconds of its speech, and those of the silences in it."""

    words: int
    speech: float
    silence: float


def words(piece: Piece) -> int:
    """How many words the piece is; « and » are none."""
    match piece:
        case Words(text=text):
            return sum(any(map(str.isalnum, word)) for word in text.split())
        case Slot(manner=manner):
            return SLOT_WORDS[manner]
        case Pause():
            return 0


def estimated(piece: Piece) -> float:
    """The seconds that a piece takes where no recording is known, at `WORDS_A_MINUTE`."""
    return piece.seconds if isinstance(piece, Pause) else words(piece) * 60 / WORDS_A_MINUTE


def size(pieces: Iterable[Piece], seconds: Seconds) -> Size:
    """The size of what is said."""
    said = tuple(pieces)
    silences = sum(seconds(piece) for piece in said if isinstance(piece, Pause))
    return Size(sum(map(words, said)), sum(map(seconds, said)) - silences, silences)


def length(pieces: Iterable[Piece], seconds: Seconds) -> float:
    """The seconds of what is said, silences included."""
    return sum(map(seconds, pieces))


def up_to(prompt: Prompt, key: str) -> tuple[Piece, ...]:
    """The prompt up to the option that names the key: what is heard by who presses at once; all, if none names it."""
    said = list(prompt.body)
    for option in prompt.options:
        if said and not isinstance(said[-1], Pause):
            said.append(Pause(GAP))
        said.extend(option.pieces)
        if option.key == key:
            return tuple(said)
    return prompt.pieces()


def first_option(step: Step) -> tuple[Piece, ...]:
    """What is heard of a step until it has offered something: its first option, or the whole of it."""
    return up_to(step.prompt, step.prompt.options[0].key) if step.prompt.options else step.prompt.pieces()


# Longest ways


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest way there is: its seconds, and the step that it begins at."""

    seconds: float
    step: str


def stretch(flow: Flow, seconds: Seconds) -> Longest:
    """The longest that a caller goes without being offered a key: announcements, counts, services at their deadline."""
    costs = {step.id: _without_key(step, seconds) for step in flow.steps.values()}
    return _worst(_longest(flow, _graph(flow, _on_by_itself), costs))


def silent_call(flow: Flow, seconds: Seconds) -> Longest:
    """The longest that somebody who never presses anything keeps the line, from wherever he falls silent.

    A return to what was interrupted is not followed: nobody returns who presses nothing.
    """
    costs = {step.id: _silent(flow, step, seconds) for step in flow.steps.values()}
    return _worst(_longest(flow, _graph(flow, _silently_on), costs))


def until_a_person(flow: Flow, seconds: Seconds) -> float:
    """The most seconds of speech between key 0 and a transfer, or the first option of what is offered instead."""
    costs = {step.id: _before_a_choice(step, seconds) for step in flow.steps.values()}
    graph = _graph(flow, lambda step: () if isinstance(step, Transfer) else _on_by_itself(step))
    return _longest(flow, graph, costs).get(flow.person, 0.0)


def _before_a_choice(step: Step, seconds: Seconds) -> float:
    return size(step.prompt.body if isinstance(step, Menu) else step.prompt.pieces(), seconds).speech


def _graph(flow: Flow, on: Callable[[Step], Iterable[Way]]) -> dict[str, list[str]]:
    return {
        step.id: [branch.to for way in on(step) for branch in way if branch.to in flow.steps]
        for step in flow.steps.values()
    }


def _without_key(step: Step, seconds: Seconds) -> float:
    said = length(step.prompt.pieces(), seconds)
    match step:
        case Hold(seconds=counted):
            return said + counted
        case Run(deadline=deadline) if not step.keys:
            return said + deadline
        case Transfer(ring=ring):
            return said + ring
        case Menu() | Run():
            return length(first_option(step), seconds)
        case _:
            return said


def _on_by_itself(step: Step) -> Iterator[Way]:
    match step:
        case Say(next=way) | Hold(next=way):
            yield way
        case Run(keys=keys, outcomes=outcomes) if not keys:
            yield from outcomes.values()
        case Transfer(outcomes=outcomes):
            yield from (way for result, way in outcomes.items() if result != "answered")


def _silent(flow: Flow, step: Step, seconds: Seconds) -> float:
    said = length(step.prompt.pieces(), seconds)
    match step:
        case Menu() if step.then:
            return said + step.patience.wait
        case Menu() | Entry():
            again = sum(_again(flow, step, one, seconds) + step.patience.wait for one in step.patience.no_input)
            return said + step.patience.wait + again
        case Hold(seconds=counted):
            return said + counted
        case Run(deadline=deadline):
            return said + deadline
        case Transfer(ring=ring):
            return said + ring
        case Record(most=most):
            return said + most
        case Say() | HangUp():
            return said


def _again(flow: Flow, step: Step, tried: Reprompt, seconds: Seconds) -> float:
    phrase = flow.steps.get(tried.say or "")
    before = length(phrase.prompt.pieces(), seconds) if phrase else 0.0
    match tried.repeat:
        case "nothing":
            return before
        case part:
            return before + length(step.prompt.pieces(part), seconds)


def _silently_on(step: Step) -> Iterator[Way]:
    if step.limit:
        yield step.beyond
    match step:
        case Menu() | Entry():
            yield silence(step)
        case Run(outcomes=outcomes):
            yield from outcomes.values()
        case Record():
            yield from (step.next, step.empty)
        case _:
            yield from _on_by_itself(step)


def _longest(flow: Flow, graph: Mapping[str, list[str]], costs: Mapping[str, float]) -> dict[str, float]:
    """The cost of the costliest way from each step; a circle is walked once more than its limited steps let it be."""
    longest: dict[str, float] = {}
    for circle in _components(graph):  # what they lead to has come before them
        after = max((longest[target] for one in circle for target in graph[one] if target in longest), default=0.0)
        rounds = 1 + sum(flow.steps[one].limit for one in circle) if len(circle) > 1 else 1
        longest.update(dict.fromkeys(circle, after + rounds * sum(costs[one] for one in circle)))
    return longest


def _worst(longest: Mapping[str, float]) -> Longest:
    step = max(longest, key=lambda one: longest[one], default="")
    return Longest(longest.get(step, 0.0), step)


def _components(graph: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """The circles of the graph, and every other node by itself, each after what it leads to (Tarjan 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    held: list[str] = []
    open_: set[str] = set()
    for root in graph:
        walk = [(root, iter(graph[root]))] if root not in number else []
        while walk:
            node, targets = walk[-1]
            if node not in number:
                number[node] = low[node] = len(number)
                held.append(node)
                open_.add(node)
            for target in targets:
                if target not in number:
                    walk.append((target, iter(graph[target])))
                    break
                if target in open_:
                    low[node] = min(low[node], number[target])
            else:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[node])
                if low[node] == number[node]:
                    component = _popped(held, node)
                    open_.difference_update(component)
                    yield component


def _popped(held: list[str], last: str) -> list[str]:
    popped = [held.pop()]
    while popped[-1] != last:
        popped.append(held.pop())
    return popped
