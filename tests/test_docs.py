"""The documents say what is true: the README's call, its commands and settings, the examples for script authors."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

import pytest

from ivr.cli import EXAMPLES, main
from ivr.flow.model import Flow, Step
from ivr.flow.script import load
from ivr.paths import paths
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


def test_the_paths_in_the_readme_are_those_of_the_script() -> None:
    shown = re.search(r"```\n\$ \.venv/bin/ivr paths\n(.*?)\n```", README, re.DOTALL)
    assert shown
    assert shown[1] == paths(ROOT / "prompts").table


def test_the_readme_names_every_command_and_every_setting() -> None:
    commands = set(re.findall(r"\bivr ([a-z]+)", EXAMPLES))
    assert [name for name in commands if f"`ivr {name}`" not in README] == []
    assert [name for name in MEANINGS if f"`{name}`" not in README] == []


def test_the_chapter_that_the_readme_draws_is_the_chapter_of_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.search(r"```mermaid\n(.*?)```", README, re.DOTALL)
    assert shown
    assert main(["draw", "--mermaid", "--chapter", "pas-de-base"]) == 0
    assert capsys.readouterr().out == shown[1]


def test_the_step_that_the_readme_explains_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.search(r"```\n\$ \.venv/bin/ivr explain (\S+)\n(.*?)```", README, re.DOTALL)
    assert shown
    assert main(["explain", shown[1]]) == 0
    assert capsys.readouterr().out == shown[2]


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


SECURITY = (ROOT / "docs" / "security.md").read_text()

ASVS = """
1.1.1-2 1.2.1 1.2.2 1.2.4 1.2.5 1.2.9 1.2.10 1.3.3 1.3.6 1.3.10 1.3.12 1.5.1 1.5.3 2.1.1-3 2.2.1-3 2.3.1-5 2.4.1-2
3.2.1-2 3.3.1-4 3.4.1 3.4.3-6 3.4.8 3.5.1 3.5.3 3.7.2 4.1.1 4.1.3-5 4.2.1 5.2.1 5.3.1-2 5.4.1-2
6.1.1 6.1.3 6.2.1-12 6.3.1-5 6.3.8 6.4.1-3 6.5.1-5 6.5.8 6.6.1-3 7.1.1 7.2.1-4 7.3.1-2 7.4.1-5 7.5.1 7.5.3
8.1.1 8.1.3 8.2.1 8.2.2 8.2.4 8.3.1-2 8.4.2 9.1.1-2 9.2.1-2 11.1.1-2 11.2.1 11.2.3-5 11.3.2-3 11.4.1-2 11.5.1
12.1.1 12.2.1-2 12.3.1-2 13.1.1-4 13.2.2-6 13.3.1 13.3.2 13.3.4 13.4.1-5 14.1.1-2 14.2.1 14.2.4 14.2.6 14.2.7 14.3.2
15.1.1-3 15.2.1-3 15.3.1-5 15.3.7 15.4.1-4 16.1.1 16.2.1-2 16.2.5 16.3.1-4 16.4.1-2 16.5.1-4
"""
"""The requirements of OWASP ASVS 5.0 that concern the line (facts/reliability.md 1.5)."""


def chosen() -> Iterator[str]:
    """Each requirement of the list, ranges spelt out."""
    for section, first, last in re.findall(r"(\d+\.\d+)\.(\d+)(?:-(\d+))?", ASVS):
        yield from (f"{section}.{number}" for number in range(int(first), int(last or first) + 1))


def test_the_security_document_has_a_row_for_every_requirement_with_a_test_or_a_reason() -> None:
    rows = dict(re.findall(r"^\| (\d+\.\d+\.\d+) \|[^|]+\| (.+) \|$", SECURITY, re.MULTILINE))
    assert list(rows) == list(chosen())
    assert [number for number, proof in rows.items() if len(proof) < 10] == []


def test_every_test_that_the_security_document_names_exists() -> None:
    named = set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", SECURITY))
    assert len(named) > 100
    missing = [f"{f}::{test}" for f, test in named if f"\ndef {test}(" not in (ROOT / "tests" / f).read_text()]
    assert missing == []
