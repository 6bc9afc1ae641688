"""Making the clips that are missing, and only those: words through a voice and the mixer into files.

Each file is whole or not there, so that a run may be interrupted at any moment and goes on where it was. This module
must not know the script: it is told which clips are wanted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from ivr.speech import mixer
from ivr.speech.clips import HUMAN, Countdown, Key, Take, Tick, Wanted, human
from ivr.speech.shelf import INDEX, samples
from ivr.speech.voices import Voice, voice

Progress = Callable[[str], None]
"""Told the words of each clip once its file is there."""

BEFORE_THE_BEEP = 0.1
"""Silence between the last words of a hold's opening and its first beep, in seconds."""


@dataclass(frozen=True, slots=True)
class Engine:
    """How each process makes its own voice: an engine cannot be handed from one to another."""

    name: str
    model: Path
    style: Path

    def voice(self) -> Voice:
        """The voice. Raises SpeechError for the carrier, which makes no clips."""
        return voice(self.name, model=self.model, style=self.style)


@dataclass(frozen=True)
class Stock:
    """A folder against what is wanted: `missing` is to be made, `orphaned` is what is played no more.

    `stale` are the missing clips whose words another file holds: the voice, the lexicon or the treatment has changed.
    """

    missing: tuple[Wanted, ...]
    stale: tuple[Wanted, ...]
    orphaned: tuple[str, ...]

    def is_complete(self) -> bool:
        """Whether nothing is to be made and nothing to be thrown away."""
        return not self.missing and not self.orphaned


def stock(folder: Path, wants: Mapping[Key, tuple[Wanted, ...]], words: Mapping[str, str], engine: str = "") -> Stock:
    """What the folder has of what is wanted; `words` is its index.

    Any voice's clip will do, and a person's above all; what a better one replaces is an orphan. `engine` is the voice
    that is to make what is missing, by default the first.
    """
    there = {path.name for path in folder.glob("*.wav")}
    played: set[str] = set()
    missing: list[Wanted] = []
    for clips in wants.values():
        names = [human(clips[0].words), *(clip.name for clip in clips)]
        found = next((name for name in names if name in there), None)
        if found:
            played.add(found)
        else:
            missing.append(next((clip for clip in clips if clip.name.startswith(f"{engine}-")), clips[0]))
    orphaned = tuple(sorted(name for name in there - played if not name.startswith(f"{HUMAN}-")))
    old = {words[name] for name in orphaned if name in words}
    return Stock(tuple(missing), tuple(clip for clip in missing if clip.words in old), orphaned)


def make(folder: Path, clips: Iterable[Wanted], engine: Engine, processes: int, tell: Progress) -> None:
    """Make these clips, several at a time; what is mixed from others comes after them.

    Raises SpeechError at the first that cannot be made; what was made before stays.
    """
    clips = tuple(clips)
    takes = {clip.name: clip for clip in clips if isinstance(clip, Take)}
    mixes = [clip for clip in clips if isinstance(clip, Countdown)]
    for clip in clips:
        if isinstance(clip, Tick):
            mixer.save(folder / clip.name, mixer.encoded(mixer.lay([(clip.every - 0.05, mixer.tick())], clip.every)))
            tell(clip.words)
    for made in _made(folder, tuple(takes.values()), engine, processes):
        tell(made.words)
    for mix in mixes:
        _mix(folder, mix, engine)
        tell(mix.words)


def _made(folder: Path, takes: tuple[Take, ...], engine: Engine, processes: int) -> Iterator[Take]:
    if processes < 2 or len(takes) < 2 * processes:
        speaking = engine.voice()
        for take in takes:
            record(folder, take, speaking)
            yield take
        return
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(engine,)
    ) as pool:
        running = {pool.submit(_record, folder, take): take for take in takes}
        try:
            for done in as_completed(running):
                done.result()
                yield running[done]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_speaking: list[Voice] = []
"""The voice of a worker process, made once in it."""


def _begin(engine: Engine) -> None:
    _speaking.append(engine.voice())


def _record(folder: Path, take: Take) -> None:
    record(folder, take, _speaking[0])


def record(folder: Path, take: Take, speaking: Voice) -> None:
    """Make one clip. Raises SpeechError when the voice or the mixer cannot."""
    sound = mixer.telephone(speaking.speak(take.spoken, take.slow))
    mixer.save(folder / take.name, mixer.encoded(sound))


def _mix(folder: Path, mix: Countdown, engine: Engine) -> None:
    """Mix a hold from its takes, recording those that are not clips of their own."""
    speaking = engine.voice()
    sounds = {take.name: mixer.telephone(speaking.speak(take.spoken)) for take in dict.fromkeys(mix.takes)}
    mixer.save(folder / mix.name, mixer.encoded(mixed(mix, sounds)))


def mixed(mix: Countdown, sounds: Mapping[str, mixer.Samples]) -> mixer.Samples:
    """The hold as one sound: opening words up to the beep at 0, cues at their seconds, the double beep at the end."""
    placed: dict[float, mixer.Samples] = {at: sounds[take.name] for at, take in mix.cues}
    at = -BEFORE_THE_BEEP
    for piece in reversed(mix.lead):
        at -= piece if isinstance(piece, float) else sounds[piece.name].seconds
        if isinstance(piece, Take):
            placed[at] = sounds[piece.name]
    return mixer.hold(placed, mix.seconds)


def adopt(folder: Path) -> list[str]:
    """Give a person's recordings the telephone's treatment, those that do not have it yet; their names.

    Raises SpeechError for a file that is no sound.
    """
    adopted = []
    for path in sorted(folder.glob(f"{HUMAN}-*.wav")):
        data = path.read_bytes()
        if not samples(data):
            mixer.save(path, mixer.encoded(mixer.telephone(mixer.decoded(data))))
            adopted.append(path.name)
    return adopted


def write_index(folder: Path, wants: Mapping[Key, tuple[Wanted, ...]], words: Mapping[str, str]) -> None:
    """Write what each clip in the folder says; entries of clips that are gone are forgotten."""
    there = {path.name for path in folder.glob("*.wav")}
    known = {**words, **{clip.name: clip.words for clips in wants.values() for clip in clips}}
    kept = {name: known[name] for name in sorted(there & known.keys())}
    data = json.dumps(kept, ensure_ascii=False, indent=0).encode() + b"\n"
    path = folder / INDEX
    if not path.exists() or path.read_bytes() != data:
        mixer.save(path, data)


def prune(folder: Path, orphaned: Iterable[str]) -> None:
    """Throw these clips away."""
    for name in orphaned:
        (folder / name).unlink(missing_ok=True)


def has_kokoro(engine: Engine) -> bool:
    """Whether this machine can speak with the shipped voice: its packages and both files are there."""
    from importlib.util import find_spec

    packages = ("onnxruntime", "phonemizer", "espeakng_loader")
    return engine.model.exists() and engine.style.exists() and all(find_spec(name) for name in packages)
