"""Every reachable state, every key: no dead end, no endless silence, every answer valid TwiML."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.flow.engine import Action, Command, End, Listen, Pending, Silence, Speak, advance
from ivr.flow.model import Flow, Say
from ivr.folder import read_script
from ivr.telephony.twiml import MOST_BYTES, play
from tests.line import ROOT, renderer
from tests.twiml_schema import complaints
from tests.walk import Visit, same, walk

SCRIPTS = [ROOT / "prompts", *sorted((ROOT / "tests" / "scripts" / "good").iterdir())]
MOST_SILENCES = 12
"""More silences in a row than this, and the call should long have ended."""


@pytest.fixture(scope="module", params=SCRIPTS, ids=lambda path: path.name)
def script(request: pytest.FixtureRequest) -> Flow:
    folder: Path = request.param
    return read_script(folder)


@pytest.fixture(scope="module")
def moves(script: Flow) -> list[Visit]:
    return list(walk(script))


def test_every_step_is_reached_and_every_move_ends_in_a_wait(script: Flow, moves: list[Visit]) -> None:
    spoken = {action.prompt for move in moves for action in move.actions if isinstance(action, Speak)}
    waited = {move.after.step for move in moves}
    mute = {step.id for step in script.steps.values() if isinstance(step, Say) and not step.prompt.pieces()}
    assert set(script.steps) - spoken - waited - mute == set()
    assert not [move for move in moves if isinstance(move.actions[-1], Speak)]


def test_every_answer_is_valid_twiml(script: Flow, moves: list[Visit]) -> None:
    render = renderer(script)

    def read(_manner: str, _reference: str) -> str:
        return play("https://ligne.example.com/audio/code/abc.wav")

    answers = {move.actions for move in moves if not isinstance(move.actions[-1], Command)}
    assert len(answers) > len(script.steps) // 2
    for actions in answers:
        document = render.answer(actions, "/voice/1/0123456789abcdef/", first=False, read=read)
        assert complaints(document) == [], document.decode()
        assert len(document) < MOST_BYTES


def test_from_every_state_silence_alone_ends_the_call_after_the_warning(script: Flow, moves: list[Visit]) -> None:
    waiting = [move.after for move in moves if isinstance(move.actions[-1], Listen)]
    for state in {same(script, state): state for state in reversed(waiting)}.values():
        heard: list[str] = []
        now = state
        actions: tuple[Action, ...] = (Listen(state.step),)
        for _ in range(MOST_SILENCES):
            asked = isinstance(actions[-1], Command)
            now, actions = advance(script, now, Pending(9e9) if asked else Silence(50.0))
            heard += [action.prompt for action in actions if isinstance(action, Speak)]
            if isinstance(actions[-1], End):
                break
        assert now.disposition, f"silence from {state.step} still waits at {now.step}"
        assert script.warning in heard or state.step == script.warning, f"{state.step} hung up unwarned"
