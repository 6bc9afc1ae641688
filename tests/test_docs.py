"""The documents say what is true: the README's call, its commands and settings, the examples for script authors."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest

from ivr.cli import EXAMPLES, main
from ivr.flow.model import Flow, Step
from ivr.flow.script import load
from ivr.phone.book import PromptBook
from ivr.phone.caller import Caller
from ivr.phone.terminal import call
from ivr.settings import MEANINGS
from tests.line import ACCOUNT, ROOT, TOKEN, Line

README = (ROOT / "README.md").read_text()
AUTHORS = (ROOT / "prompts" / "README.md").read_text()


def test_the_call_in_the_readme_is_the_call_that_is_heard(line: Line) -> None:
    shown = re.search(r"```\n\$ \.venv/bin/ivr call --keys (\S+)\n(.*?)```", README, re.DOTALL)
    assert shown
    heard = io.StringIO()
    assert call(f"{line.url}/voice", shown[1].split(","), TOKEN, heard, io.StringIO(), account=ACCOUNT) == 0
    assert heard.getvalue() == shown[2]


def test_the_test_in_the_readme_passes(line: Line, call_book: PromptBook) -> None:
    shown = re.search(r"```python\n(def (test_\w+)\(phone\).*?)```", README, re.DOTALL)
    assert shown
    tests: dict[str, Callable[[Caller], None]] = {}
    exec(shown[1], {}, tests)  # noqa: S102  our own README
    tests[shown[2]](Caller(line.phone(), call_book, line))


def test_the_readme_names_every_command_and_every_setting() -> None:
    commands = set(re.findall(r"\bivr ([a-z]+)", EXAMPLES))
    assert [name for name in commands if f"`ivr {name}`" not in README] == []
    assert [name for name in MEANINGS if f"`{name}`" not in README] == []


def test_the_chapter_that_the_readme_draws_is_the_chapter_of_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.search(r"```mermaid\n(.*?)```", README, re.DOTALL)
    assert shown
    assert main(["draw", "--mermaid", "--chapter", "pas-de-base"]) == 0
    assert capsys.readouterr().out == shown[1]


def test_every_setting_that_the_readme_names_exists() -> None:
    assert set(re.findall(r"`((?:IVR|TWILIO|OVH)_[A-Z_]+)`", README)) - set(MEANINGS) == set()


@pytest.fixture
def example() -> Flow:
    """The script that prompts/README.md shows, whole."""
    blocks = re.findall(r"```toml\n# (\S+)\n(.*?)```", AUTHORS, re.DOTALL)
    return load(dict(blocks))


def test_the_example_for_authors_is_a_script_that_holds(example: Flow) -> None:
    assert {"essai.causes", "essai.alimentation", "essai.encore-la"} <= set(example.steps)


def test_every_kind_of_step_is_explained_to_authors() -> None:
    kinds = {kind.__name__.lower() for kind in Step.__args__}
    explained = set(re.findall(r"^\| `(\w+)` \|", AUTHORS, re.MULTILINE))
    assert explained - {"kind"} == kinds
