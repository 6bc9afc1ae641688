"""The pytest plugin, in a project that is not ours: its own application, its own tests, its own transcripts."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from ivr.phone.caller import Caller
from ivr.phone.transcript import _VERBS

from .line import Line, wav

pytest_plugins = "pytester"

ROOT = Path(__file__).parent.parent.parent

SHOP = """
from flask import Flask, Response, request
from clips import CLIP

OFFER = "<Say>For the sales, press 1.</Say><Say>Else, press 2.</Say>"
MENU = f'<Gather numDigits="1" action="/key" timeout="5">{OFFER}</Gather>'

def say(verbs):
    return Response(f"<Response>{verbs}</Response>", mimetype="text/xml")

def shop():
    app = Flask("shop")

    @app.post("/voice")
    def voice():
        return say(f"<Say>Welcome.</Say>{MENU}<Redirect>/silent</Redirect>")

    @app.post("/silent")
    def silent():
        return say("<Say>Nobody is there.</Say><Hangup/>")

    @app.post("/key")
    def key():
        if request.form["Digits"] == "1":
            return say("<Play>http://line.invalid/clips/sales.wav</Play><Say>Wait.</Say><Say>Goodbye.</Say><Hangup/>")
        return say(f"{MENU}<Hangup/>")

    @app.get("/clips/sales.wav")
    def clip():
        return Response(CLIP, mimetype="audio/wav")

    return app
"""

CONFTEST = """
import pytest
from shop import shop

@pytest.fixture
def call_line():
    return shop()
"""

SALES = """# Key 1 leads to the sales.
dial from +33639980001
hear "For the sales"
press 1
hear sales, "Wait"
hung up
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with a shop's line, which uses the plugin and no other."""
    monkeypatch.delenv("CI", raising=False)  # where pytest tells every failure once more, at length
    monkeypatch.delenv("BUILD_NUMBER", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(shop=SHOP, clips=f"CLIP = {wav(1)!r}")
    pytester.makeconftest(CONFTEST)
    return pytester


def told(project: pytest.Pytester, *arguments: str, code: int = 0) -> str:
    """What pytest prints there."""
    ran = project.runpytest_inprocess("-p", "ivr.phone.plugin", *arguments)
    assert ran.ret == code, ran.stdout.str() + ran.stderr.str()
    return ran.stdout.str()


def test_any_project_calls_its_own_application(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_the_sales_are_on_key_1(phone):
            phone.dial()
            phone.hears("welcome", "sales, press 1")
            phone.press("1")
            phone.hears("sales", "Wait")
            phone.again()
            phone.hung_up()
            assert 4 < phone.seconds < 6

        def test_who_is_silent_is_told_so(phone):
            phone.dial("anonymous", at="2026-11-23 21:40")
            phone.silence()
            phone.hears("For the sales", "Nobody is there")
            assert len(phone.heard) == 4

        def test_who_hurries_is_served_at_once(phone):
            phone.dial()
            phone.hears("Welcome")
            phone.wait(0.2)
            phone.press("1", early=True)
            phone.hears("sales")
            assert phone.seconds < 4
            phone.drop()
    """)
    assert "3 passed" in told(project)


def test_a_failure_tells_what_was_expected_and_the_call_so_far(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_words_that_are_not_said(phone):
            phone.dial()
            phone.hears("the boss")

        def test_a_clip_that_is_not_played(phone):
            phone.dial()
            phone.press("1")
            phone.hears("sale")

        def test_an_end_that_does_not_come(phone):
            phone.dial()
            phone.hung_up()

        def test_a_bare_assert(phone):
            phone.dial()
            assert phone.seconds > 1000

        def test_a_key_after_the_end(phone):
            phone.dial()
            phone.press("1")
            phone.hung_up()
            phone.press("2")
    """)
    said = told(project, code=1)
    assert "5 failed" in said
    assert "expected: the boss" in said
    assert 'no known prompt: "Else, press 2."' in said
    assert "expected: sale\n" in said
    assert 'sales: "http://line.invalid/clips/sales.wav"' in said
    assert "the line has not hung up: then the phone waited for the caller" in said
    assert "key 2 comes after the end of the call" in said
    assert said.count("0.0 s  dial     +33•••••••01 calls +33•••••••00") == 5
    assert "caller.py" not in said.partition("test_a_key_after")[0]


def test_a_webhook_that_answers_twice_differently_is_found(project: pytest.Pytester) -> None:
    project.makepyfile("""
        from itertools import count
        import pytest

        @pytest.fixture
        def call_line():
            answers = count()
            def app(environ, start):
                start("200 OK", [("Content-Type", "text/xml")])
                return [b"<Response><Say>%d</Say><Pause length='9'/></Response>" % next(answers)]
            return app

        def test_it(phone):
            phone.dial()
            phone.again()
    """)
    assert "delivered twice got another answer" in told(project, code=1)


def test_without_a_line_it_is_said_how_to_give_one(project: pytest.Pytester) -> None:
    project.makeconftest("")
    project.makepyfile("def test_it(phone): phone.dial()")
    assert "write a fixture `call_line`" in told(project, code=1)


def test_an_application_that_raises_is_told_as_what_it_is(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest

        @pytest.fixture
        def call_line():
            return lambda environ, start: 1 / 0

        def test_it(phone):
            phone.dial()
    """)
    said = told(project, code=1)
    assert "ZeroDivisionError" in said
    assert "the call so far" in said


# The documents.


def test_the_documents_show_what_happens(project: pytest.Pytester) -> None:
    shown = re.findall(r"```(\w*)\n(.*?)```", (ROOT / "docs" / "calls.md").read_text(), re.DOTALL)
    conftest, tests = (text for kind, text in shown if kind == "python")
    failure, call, _ = (text for kind, text in shown if not kind)
    project.makeconftest(conftest)
    project.makepyfile(test_shop=tests)
    (project.path / "sales.call").write_text(call)
    said = told(project, "test_shop.py", "sales.call", code=1)
    assert "1 failed, 2 passed" in said
    assert failure in said


def test_the_documents_name_everything_that_a_caller_does() -> None:
    documents = (ROOT / "docs" / "calls.md").read_text()
    does = [name for name in vars(Caller) if not name.startswith("_")]
    assert [name for name in (*does, *_VERBS) if not re.search(rf"`[^`]*\b{name}\b", documents)] == []


# Transcripts.


def test_transcripts_in_the_named_folders_are_tests_named_by_what_they_prove(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\ncall_paths = calls")
    folder = project.mkdir("calls")
    (folder / "sales.call").write_text(SALES)
    said = told(project, "-v")
    assert "calls/sales.call::Key 1 leads to the sales PASSED" in said


def test_files_elsewhere_are_left_alone_unless_they_are_named(project: pytest.Pytester) -> None:
    folder = project.mkdir("asterisk")
    (folder / "spool.call").write_text("Channel: SIP/1000\n")
    assert "no tests ran" in told(project, code=5)
    (folder / "sales.call").write_text(SALES)
    assert "1 passed" in told(project, "asterisk/sales.call")


def test_a_call_that_goes_otherwise_tells_its_line_and_no_traceback(project: pytest.Pytester) -> None:
    (project.path / "sales.call").write_text(SALES.replace("press 1", "press 2"))
    said = told(project, "sales.call", code=1)
    assert "sales.call:5: hear sales" in said
    assert 'no known prompt: "For the sales, press 1."' in said
    assert "It was to prove: Key 1 leads to the sales." in said
    assert "The call so far:" in said
    assert "Traceback" not in said
    assert "transcript.py" not in said


def test_a_transcript_that_cannot_be_read_tells_where_and_the_mend(project: pytest.Pytester) -> None:
    (project.path / "sales.call").write_text(SALES.replace("press 1", "press one"))
    said = told(project, "sales.call", code=2)
    assert "sales.call:4: cannot read 'press one'; write 'press KEYS [early]'" in said
    assert "Traceback" not in said


def test_a_book_and_a_stage_of_the_project_are_used(project: pytest.Pytester) -> None:
    project.makeconftest(
        CONFTEST
        + """
from ivr.phone.book import PromptBook

class Stage:
    def verb(self, name, args, phone):
        print("asked", name, args)

    def disposition(self, call_sid):
        return "sold"

@pytest.fixture
def call_book():
    return PromptBook({"menu.welcome": [["Welcome."]], "menu.offer": [["For the sales, press 1.", "Else, press 2."]]})

@pytest.fixture
def call_stage():
    return Stage()
"""
    )
    (project.path / "a.call").write_text(
        "# All.\ndial from anonymous\nopen the shop\nhear menu.welcome, menu.offer\n"
        'press 1\nhear "Goodbye"\nhung up, sold\n'
    )
    project.makepyfile(
        test_it="""
        def test_it(phone):
            phone.dial()
            phone.hears("menu.welcome", "menu.offer")
            phone.press("1")
            phone.hung_up("sold")
    """
    )
    assert "2 passed" in told(project, "a.call", "test_it.py")
    (project.path / "a.call").write_text((project.path / "a.call").read_text().replace("sold", "lost"))
    assert "expected: the call ended as 'lost'" in told(project, "a.call", code=1)


# Any webhook.


def test_call_url_dials_any_webhook_whatever_the_project_says(
    project: pytest.Pytester, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "12345")
    project.makeconftest("import pytest\n\n@pytest.fixture\ndef call_line(): raise AssertionError")
    line.says("/voice", "<Say>Elsewhere.</Say><Hangup/>")
    project.makepyfile("def test_it(phone):\n    phone.dial()\n    phone.hears('elsewhere')\n")
    (project.path / "plain.call").write_text('# It answers.\ndial from anonymous\nhear "Elsewhere"\nhung up, solved\n')
    hour = 'dial from anonymous at 2026-11-23 21:40\nhear "Elsewhere"\nhung up\n'
    (project.path / "hour.call").write_text(f"# At night.\n{hour}")
    (project.path / "stage.call").write_text("# More.\ngiven a customer\ndial from anonymous\nhung up\n")
    said = told(project, "-rs", "--call-url", f"{line.url}/voice", "--call-to", "+33199000099")
    assert f"calls: dialling {line.url}/voice" in said
    assert "3 passed, 1 skipped" in said
    assert "stage.call:2: given a customer: this verb needs the line's own stage" in said
    assert {form["To"] for form in line.forms("/voice")} == {"+33199000099"}
    assert all("X-Twilio-Signature" in request.headers for request in line.received)


# Harmless, installed.


def test_it_is_installed_by_its_entry_point_and_brings_nothing_of_the_line(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    installed = pytester.mkdir("site") / "shop_tools-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-tools\nVersion: 1\n")
    rows = "\n".join(f"{name} = {module}" for name, module in entry.items())
    (installed / "entry_points.txt").write_text(f"[pytest11]\n{rows}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(installed.parent), str(ROOT)]))
    pytester.makepyfile(shop=SHOP, clips=f"CLIP = {wav(1)!r}")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_it="""
        import sys

        def test_the_sales_are_on_key_1(phone):
            phone.dial()
            phone.press("1")
            phone.hears("sales")
            ours = {name.split(".")[1] for name in sys.modules if name.startswith("ivr.")}
            assert ours == {"phone"}
    """
    )
    (pytester.path / "spool.call").write_text("Channel: SIP/1000\n")
    ran = pytester.runpytest_subprocess("-W", "error", "--strict-config")
    ran.assert_outcomes(passed=1)
    assert "--call-url" in pytester.runpytest_subprocess("--help").stdout.str()
