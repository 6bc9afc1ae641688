"""The `ivr` command, as it is typed: served by the production server, called from another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ivr.phone import Phone
from tests.line import ROOT, TOKEN

IVR = str(Path(sys.executable).with_name("ivr"))


def ivr(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    env = {**os.environ, **(environment or {})}
    return subprocess.run([IVR, *arguments], capture_output=True, text=True, env=env, timeout=60, check=False)  # noqa: S603


@contextmanager
def served(folder: Path, port: int = 0, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The line as `ivr serve` serves it, from its first breath to its end: its address, and its process."""
    env = {**os.environ, "IVR_DATA_DIR": str(folder), "TWILIO_AUTH_TOKEN": TOKEN, **environment}
    command = [IVR, "serve", "--port", str(port)]
    with (
        (folder / "stderr.log").open("a") as log,  # a pipe that nobody reads would stop the line when it is full
        subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=env, start_new_session=True
        ) as process,
    ):
        assert process.stdout
        try:
            url = process.stdout.readline().split()[4].removesuffix("/voice")
            yield url, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=25)


def test_the_line_is_served_called_and_stopped(tmp_path: Path) -> None:
    with served(tmp_path) as (url, process):
        environment = {"IVR_PUBLIC_URL": url, "TWILIO_AUTH_TOKEN": TOKEN}
        called = ivr("call", "--keys", "2,1,1", environment=environment)
        assert called.returncode == 0, called.stdout
        for words in (
            "connecteur numéro 1",
            "Très bien, la base est connectée.",
            "Parfait.",
            "Au revoir.",
            "Raccroché",
        ):
            assert words in called.stdout
        wrong = ivr("call", "--keys", "2", environment={**environment, "TWILIO_AUTH_TOKEN": "another"})
        assert wrong.returncode == 1
    assert process.returncode == 0


def test_a_call_goes_on_after_the_server_was_killed_and_started_again(tmp_path: Path) -> None:
    with served(tmp_path) as (url, process):
        phone = Phone(f"{url}/voice", token=TOKEN)
        phone.dial()
        phone.press("2")
        port = int(url.rpartition(":")[2])
        os.killpg(process.pid, signal.SIGKILL)
    with served(tmp_path, port):
        phone.press("2")
        heard = phone.hear()
        assert heard
        assert "câble Ethernet, au dos de la base" in heard.title
        phone.drop()


def test_a_script_with_mistakes_stops_the_start_with_every_one_of_them(tmp_path: Path) -> None:
    for path in (ROOT / "prompts").glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text())
    bouton = (tmp_path / "bouton.toml").read_text()
    (tmp_path / "bouton.toml").write_text(
        bouton.replace('2 = "ethernet"', '2 = "ethernt"').replace("wait     = 60", "wait = 1")
    )
    for command in ("check", "serve"):
        refused = ivr(command, environment={"IVR_PROMPTS_DIR": str(tmp_path), "IVR_DATA_DIR": str(tmp_path / "var")})
        assert refused.returncode == 1
        assert (
            "[alimentation]: key 2 leads to 'ethernt', which is not a step; did you mean 'ethernet'?" in refused.stderr
        )
        assert "[routeur]: wait must be a number from 5 to 600, not 1" in refused.stderr


def test_production_without_secrets_does_not_start(tmp_path: Path) -> None:
    refused = ivr(
        "serve", environment={"IVR_ENV": "production", "IVR_DATA_DIR": str(tmp_path), "TWILIO_AUTH_TOKEN": ""}
    )
    assert refused.returncode == 2
    assert "TWILIO_AUTH_TOKEN is missing" in refused.stderr
    assert "IVR_SECRET_KEY is missing" in refused.stderr


def test_the_script_holds() -> None:
    checked = ivr("check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "tout tient" in checked.stdout


def test_help_names_every_command_with_an_example_and_imports_nothing_heavy() -> None:
    shown = ivr("--help")
    assert shown.returncode == 0
    loaded = subprocess.run(  # noqa: S603
        [sys.executable, "-X", "importtime", IVR, "--help"], capture_output=True, text=True, timeout=60, check=True
    ).stderr
    for heavy in ("flask", "sqlalchemy", "twilio", "granian", "numpy", "requests", "rich"):
        assert f" {heavy}\n" not in loaded
    for command in ("serve", "call", "check"):
        assert command in shown.stdout
        assert "exemple : ivr " in ivr(command, "--help").stdout


@pytest.mark.parametrize("arguments", [[], ["dial"], ["serve", "--port", "many"]])
def test_wrong_usage_is_told(arguments: list[str]) -> None:
    assert ivr(*arguments).returncode == 2


def test_nobody_answers(tmp_path: Path) -> None:
    called = ivr("call", "http://127.0.0.1:1/voice", "--keys", "1")
    assert called.returncode == 1
    assert "make run" in called.stdout
