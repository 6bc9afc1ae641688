"""`ivr speak` and `ivr read`: what the folder of clips has and lacks, making what is missing, and the text to record.

Beside the rooms, like `folder`: it knows the script, the voices and the folder, and prints for people, in French.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ivr.desk.address import DAYS_AGO
from ivr.desk.hours import Hours, minutes_said, vocabulary
from ivr.flow.model import Clip, Flow, Hold, Utterance, Words
from ivr.folder import read_hours, read_lexicon, read_script
from ivr.settings import Settings
from ivr.speech import SpeechError, mixer
from ivr.speech.clips import Countdown, Key, Take, Wanted, character, human, ready_made, wanted
from ivr.speech.making import Engine, Stock, adopt, has_kokoro, make, prune, stock, write_index
from ivr.speech.shelf import read_shelf
from ivr.speech.speaker import Speaker
from ivr.speech.voices import CARRIER, preferred
from ivr.speech.voices.supply import fetched

SPREAD, PEAK, EDGE, LONGEST, PACE = 1.5, -1.0, 0.15, 16.0, 0.1
"""What clips must keep to: loudness within so many LU of each other, peak in dBFS, seconds of silence at either end,
seconds of speech, and how far from its pace a dictated digit may begin."""

VOICE_FILES = ("kokoro.onnx", "ff_siwis.bin")

Wants = Mapping[Key, tuple[Wanted, ...]]


def speak(settings: Settings, chosen: Namespace) -> int:
    """Carry `ivr speak` out; the exit code: 1 when `--check` or `--measure` finds what does not hold."""
    out = Console(highlight=False, soft_wrap=True)
    if chosen.fetch_voice:
        model, style = fetched(voice_folder(settings), out.print)
        out.print(f"La voix est là : {model} et {style}.")
        return 0
    name = chosen.engine or settings.voice
    if name == CARRIER:
        out.print("La voix « carrier » est celle de l'opérateur : il n'y a aucun clip à faire.")
        return 0
    speaker = _speaker(settings)
    wants = wanted(speaker.flow, speaker.lexicon, preferred(name), ready_words(read_hours(settings.prompts_dir)))
    if chosen.play:
        return _play(out, speaker, settings.audio_dir, chosen.play)
    if chosen.measure:
        return _measure(out, settings.audio_dir, wants)
    if chosen.check:
        return _check(out, settings.audio_dir, wants, speaker.shelf.words)
    engine = Engine(name, *(voice_folder(settings) / file for file in VOICE_FILES))
    code = _make(out, settings.audio_dir, wants, speaker.shelf.words, _able(out, engine, chosen.engine))
    if chosen.prune:
        _prune(out, settings, wants, speaker.shelf.words)
    return code


def read(settings: Settings) -> int:
    """Print the script as a text to record, in Markdown: one line a clip, with the name that its file must have."""
    from ivr.flow.text import displayed
    from ivr.web.listening import in_call_order  # late: it brings Flask along

    flow = read_script(settings.prompts_dir)
    print("# À enregistrer\n")
    print("Un fichier WAV par ligne, sous le nom indiqué, dans le dossier des clips ; puis `ivr speak`.")
    for name, prompt in in_call_order(flow):
        print(f"\n## {name}\n\n> {displayed(prompt)}\n")
        if isinstance(flow.steps[name.partition("@")[0]], Hold):
            print("(compté à la seconde près avec les autres phrases : fait par `ivr speak`)")
            continue
        for piece in prompt.pieces():
            if isinstance(piece, Words):
                print(f"- `{human(piece.text)}`  « {piece.text} »")
    print("\n## Ce qui complète une phrase\n")
    for words in ready_made(flow, ready_words(read_hours(settings.prompts_dir))):
        print(f"- `{human(words)}`  « {words} »")
    return 0


def voice_folder(settings: Settings) -> Path:
    """Where the files of the shipped voice are kept, once fetched."""
    return settings.data_dir / "voice"


def ready_words(hours: Hours) -> frozenset[str]:
    """What desks fill into a prompt as it is to be said: when people are there, how long ago an address was seen."""
    return vocabulary(hours).union(DAYS_AGO, minutes_said())


def _speaker(settings: Settings) -> Speaker:
    flow: Flow = read_script(settings.prompts_dir)
    lexicon = read_lexicon(settings.prompts_dir)
    return Speaker(flow, read_shelf(settings.audio_dir), lexicon, preferred(settings.voice))


# Making and checking


def _able(out: Console, engine: Engine, asked: str | None) -> Engine:
    """The engine, or the small one that needs no set-up when nobody asked for the large one and it is not here."""
    if engine.name != "kokoro" or asked or has_kokoro(engine):
        return engine
    out.print("La voix kokoro n'est pas installée ici : ce qui manque est fait avec pico (voir README, « La voix »).")
    return Engine("pico", engine.model, engine.style)


def _make(out: Console, folder: Path, wants: Wants, words: Mapping[str, str], engine: Engine) -> int:
    """Make what is missing, with a progress bar."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in adopt(folder):
        out.print(f"Enregistrement mis au niveau du téléphone : {name}")
    found = stock(folder, wants, words, engine.name)
    try:
        _with_progress(out, folder, found, engine)
    finally:
        write_index(folder, wants, words)
    out.print(f"{len(found.missing)} clips faits par {engine.name} ; {folder} en a {len(list(folder.glob('*.wav')))}.")
    return 0


def _prune(out: Console, settings: Settings, wants: Wants, words: Mapping[str, str]) -> None:
    """Throw away what is played no more: neither by this script, nor by one that calls are on or may go back to."""
    from ivr.publishing import clips_in_use  # late: it stands on this module

    folder = settings.audio_dir
    orphaned = stock(folder, wants, words).orphaned
    needed = clips_in_use(settings).intersection(orphaned)
    prune(folder, set(orphaned) - needed)
    write_index(folder, wants, words)
    kept = f" ; {len(needed)} gardés pour les révisions en service" if needed else ""
    out.print(f"{len(orphaned) - len(needed)} clips jetés{kept}.")


def _with_progress(out: Console, folder: Path, found: Stock, engine: Engine) -> None:
    if not found.missing:
        return
    columns = (BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=out) as progress:
        task = progress.add_task("", total=len(found.missing))

        def tell(said: str) -> None:
            progress.update(task, advance=1, description=said[:48])

        make(folder, found.missing, engine, os.cpu_count() or 1, tell)


def _check(out: Console, folder: Path, wants: Wants, words: Mapping[str, str]) -> int:
    """Tell what is missing, stale or orphaned."""
    found = stock(folder, wants, words)
    for clip in found.missing:
        out.print(f"{'périmé' if clip in found.stale else 'manquant'} : {clip.name}  « {clip.words} »")
    for name in found.orphaned:
        out.print(f"orphelin : {name}  « {words.get(name, '?')} »")
    if not found.is_complete():
        out.print("Remède : ivr speak --prune")
        return 1
    out.print(f"{folder} : {len(wants)} clips, aucun ne manque, aucun n'est de trop.")
    return 0


# Measuring and listening


def _measure(out: Console, folder: Path, wants: Wants) -> int:
    """Measure every clip that is played, and print what does not keep to its limit."""
    lengths, levels, wrong = [], [], []
    for path, clip in _files(folder, wants):
        found = mixer.measured(mixer.decoded(path.read_bytes()))
        lengths.append(found.seconds)
        if isinstance(clip, Take):
            levels += [found.lufs] if found.lufs is not None else []
            if max(found.silence_before, found.silence_after) > EDGE or found.seconds > LONGEST:
                wrong.append(
                    f"{path.name} : {found.seconds:.2f} s, silences {found.silence_before:.3f} et "
                    f"{found.silence_after:.3f} s"
                )
        if found.peak > PEAK:
            wrong.append(f"{path.name} : crête à {found.peak:.1f} dBFS")
        if isinstance(clip, Countdown):
            wrong += _hold_problems(out, path, clip.seconds)
    spread = max(levels) - min(levels)
    if spread > SPREAD:
        wrong.append(f"sonie : de {min(levels):.2f} à {max(levels):.2f} LUFS, écart {spread:.2f} LU")
    size = sum(path.stat().st_size for path in folder.glob("*.wav")) / 1e6
    out.print(f"{len(lengths)} clips, {sum(lengths):.0f} s, {size:.1f} Mo")
    out.print(f"sonie : {min(levels):.2f} à {max(levels):.2f} LUFS, écart {spread:.2f} LU (au plus {SPREAD})")
    wrong += _pace_problems(out, folder, wants)
    for line in wrong:
        out.print(f"hors limite : {line}")
    return 1 if wrong else 0


def _files(folder: Path, wants: Wants) -> Iterator[tuple[Path, Wanted]]:
    """The file that is played for each clip that is wanted."""
    for clips in wants.values():
        names = [human(clips[0].words), *(clip.name for clip in clips)]
        path = next((folder / name for name in names if (folder / name).exists()), None)
        if path is None:
            raise SpeechError(f"{clips[0].name} manque (« {clips[0].words} ») : lancez d'abord ivr speak")
        yield path, clips[0]


def _pace_problems(out: Console, folder: Path, wants: Wants) -> list[str]:
    """How far from their pace the digits of a dictated code begin, at each of the three paces."""
    files = {clip.words: path for path, clip in _files(folder, wants) if isinstance(clip, Take)}
    digits = [mixer.decoded(files[character(digit)].read_bytes()) for digit in "471803925604"]
    wrong = []
    for name, pace in (("noter", mixer.NOTING), ("taper", mixer.TYPING), ("lentement", mixer.SLOW)):
        onsets = mixer.onsets(mixer.dictated(digits, pace))
        steps = [after - before for before, after in itertools.pairwise(onsets)]
        within = [abs(step / pace.onset - 1) for number, step in enumerate(steps) if number % 3 != 2]
        out.print(f"code pour {name} : {len(onsets)} chiffres, un toutes les {pace.onset:g} s à {max(within):.1%} près")
        if len(onsets) != len(digits) or max(within) > PACE:
            wrong.append(
                f"code pour {name} : {len(onsets)} chiffres entendus sur {len(digits)}, à {max(within):.1%} près"
            )
    return wrong


def _hold_problems(out: Console, path: Path, seconds: float) -> list[str]:
    """How long a hold lasts between its first beep and its double one, found by their pitch."""
    first, *_, ending, _ = mixer.beeps(mixer.decoded(path.read_bytes()))
    counted = ending - first
    out.print(f"compte : {counted:.2f} s entre les bips (de {seconds:g} à {seconds + 1:g})")
    return [] if seconds - 0.01 <= counted <= seconds + 1 else [f"{path.name} : {counted:.2f} s entre les bips"]


def _play(out: Console, speaker: Speaker, folder: Path, prompt: str) -> int:
    """Play a prompt through the machine's own audio, where there is some."""
    from ivr.web.listening import listened  # late: it brings Flask along

    said = {one.id: one.parts for one in listened(speaker)}
    if prompt not in said:
        raise SpeechError(f"« {prompt} » n'est pas une étape du script ; ivr read les montre toutes")
    player = next((found for name in ("ffplay", "aplay", "play") if (found := shutil.which(name))), None)
    if player is None:
        raise SpeechError("aucun lecteur audio sur cette machine : installez sox ou ffmpeg, ou ouvrez /ecoute")
    quiet = ["-nodisp", "-autoexit", "-loglevel", "quiet"] if player.endswith("ffplay") else ["-q"]
    for part in said[prompt]:
        out.print(_shown(part))
        if isinstance(part, Clip):
            subprocess.run([player, *quiet, str(folder / part.name)], check=False)  # noqa: S603 - a file of ours
    return 0


def _shown(part: Utterance) -> str:
    return part.words or part.name if isinstance(part, Clip) else f"(sans clip) {part}"
