"""Samples in, telephone-ready files out: level, rate, encoding, exact silences, and sounds laid at exact times.

A sound is made for the telephone once (`telephone`), then cut, padded and laid by counting samples, and written as an
8 kHz mu-law WAV whose bytes depend on the samples alone. This module must not know engines, prompts or file names.

Times are in seconds, levels in dB below full scale (dBFS). Figures and their reasons: facts/speech.md sections 1 and 3.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import cos, log10, pi, sin, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivr.speech import Later, SpeechError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = Later("numpy")

soundfile: Any = Later("soundfile")
soxr: Any = Later("soxr")

TREATMENT = "phone-1"
"""Name of the whole treatment, for the hash in a clip's name: to be changed with anything below that is audible."""

RATE = 8_000
"""Samples a second on a telephone, in hertz."""

LEVEL = -20.0
"""Loudness of every clip, dBFS: the mean square of its spoken parts (`loudness`)."""

LUFS_BELOW_LEVEL = 0.6
"""Speech at `LEVEL` measures this much less in LUFS, in dB: what is long enough is levelled by ear (BS.1770)."""

PEAK = -3.0
"""Highest sample of a clip before mu-law, dBFS."""

EDGE = 0.03
"""Silence left before the first and after the last sound of a clip, seconds."""

FADE = 0.005
"""Length of the fade at both ends of a clip, seconds: nothing clicks at a join."""

_SILENT = -40.0
"""A frame this far below the loudest one, in dB, is silence."""

_FRAME = 0.005
"""Length of the frames that silence is looked for in, seconds."""


@dataclass(frozen=True, eq=False)
class Samples:
    """A mono sound: floats between -1 and 1, and the samples a second in hertz."""

    values: NDArray[np.float32]
    rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.values) / self.rate


@dataclass(frozen=True)
class Measure:
    """What can be measured of a sound: seconds and dBFS; `lufs` (ITU-R BS.1770-4) is None under 0.4 s."""

    seconds: float
    peak: float
    loudness: float
    lufs: float | None
    silence_before: float
    silence_after: float
    onsets: tuple[float, ...]


@dataclass(frozen=True)
class Pace:
    """How fast a code is dictated: seconds from one digit to the next, and of silence between two groups."""

    onset: float
    pause: float


NOTING = Pace(1.0, 1.5)
"""For a pen: dialogue.md U11, G3."""

TYPING = Pace(1.4, 4.0)
"""For the keys of the handset: dialogue.md U11, K4D."""

SLOW = Pace(2.0, 3.0)
"""For a pen, said again more slowly: dialogue.md U11, G3L."""


# A sound made for the telephone


def telephone(sound: Samples) -> Samples:
    """The sound as a caller should get it: 8 kHz, clear, even, at the level of all clips, trimmed, without clicks.

    Raises SpeechError for a sound in which there is nothing to hear.
    """
    return _faded(_levelled(_compressed(trimmed(_present(resampled(sound, RATE))))))


def resampled(sound: Samples, rate: int) -> Samples:
    """The sound at another rate, in hertz."""
    if sound.rate == rate:
        return sound
    return Samples(np.asarray(soxr.resample(sound.values, sound.rate, rate, "VHQ"), np.float32), rate)


def trimmed(sound: Samples) -> Samples:
    """The sound from `EDGE` before its first audible frame to `EDGE` after its last, whatever silence it came with.

    Raises SpeechError for a sound in which there is nothing to hear.
    """
    start, end = _audible(sound)
    edge = _count(EDGE, sound.rate)
    padded = np.pad(sound.values, edge)
    return Samples(padded[start : end + 2 * edge], sound.rate)


def _present(sound: Samples) -> Samples:
    """Without the rumble below 200 Hz, and with 6 dB more where consonants are told apart (around 2.5 kHz)."""
    return _filtered(sound, _high_pass(200, sqrt(0.5), sound.rate), _peaking(2_500, 0.8, 6.0, sound.rate))


def _compressed(sound: Samples) -> Samples:
    """Weak parts raised: the transfer curve -70:-60, -25:-12, 0:-6 dB, attack 5 ms, release 150 ms, 50 ms ahead."""
    step = _count(0.001, sound.rate)
    blocks = np.abs(np.pad(sound.values, (0, -len(sound.values) % step))).reshape(-1, step).max(axis=1)
    envelope = np.asarray(list(_followed(blocks.tolist(), attack=5, release=150)))
    level = 20 * np.log10(np.maximum(envelope, 1e-6))
    gain = np.interp(level, (-120, -70, -25, 0), (-120, -60, -12, -6)) - level
    ahead = np.concatenate([gain[50:], np.repeat(gain[-1:], min(50, len(gain)))])
    places = np.arange(len(sound.values)) / step - 0.5
    linear = 10 ** (np.interp(places, np.arange(len(ahead)), ahead) / 20)
    return Samples((sound.values * linear).astype(np.float32), sound.rate)


def _followed(blocks: Iterable[float], attack: float, release: float) -> Iterable[float]:
    """The envelope of peaks one millisecond apart; attack and release are time constants in milliseconds."""
    volume = 0.0
    for peak in blocks:
        volume += (peak - volume) / (attack if peak > volume else release)
        yield volume


def _levelled(sound: Samples) -> Samples:
    """At `LEVEL`, with the few peaks above `PEAK` rounded off: as loud as all others to the ear, however short."""
    for _ in range(3):
        loud = lufs(sound)
        level = loudness(sound) if loud is None else loud + LUFS_BELOW_LEVEL
        sound = _rounded(Samples(sound.values * np.float32(_ratio(LEVEL - level)), sound.rate))
    return sound


def _rounded(sound: Samples) -> Samples:
    """Untouched up to 3 dB below `PEAK`; bent above, so that `PEAK` is never passed."""
    knee, top = _ratio(PEAK - 3), _ratio(PEAK - 0.3)
    size = np.abs(sound.values)
    bent = knee + (top - knee) * np.tanh((size - knee) / (top - knee))
    return Samples(np.where(size > knee, np.copysign(bent, sound.values), sound.values).astype(np.float32), sound.rate)


def _faded(sound: Samples) -> Samples:
    """From nothing and to nothing, in `FADE` seconds."""
    count = min(_count(FADE, sound.rate), len(sound.values) // 2)
    ramp = np.linspace(0, 1, count, endpoint=False, dtype=np.float32)
    shape = np.ones(len(sound.values), np.float32)
    shape[:count] = ramp
    shape[len(shape) - count :] = ramp[::-1]
    return Samples(sound.values * shape, sound.rate)


# Sounds in time


def silence(seconds: float) -> Samples:
    """Nothing, for exactly so many seconds."""
    return Samples(np.zeros(_count(seconds), np.float32), RATE)


def joined(sounds: Iterable[Samples]) -> Samples:
    """One sound after the other, nothing in between."""
    return lay(_in_turn(sounds))


def lay(events: Iterable[tuple[float, Samples]], total: float = 0.0) -> Samples:
    """Sounds at their times, in seconds, on one line of 8 kHz that lasts at least `total` seconds.

    Raises SpeechError for a sound before time 0, and for one that is not at 8 kHz.
    """
    placed = [(_count(at), sound) for at, sound in events]
    for at, sound in placed:
        if at < 0 or sound.rate != RATE:
            raise SpeechError(f"a sound of {sound.rate} Hz at sample {at}: lay {RATE} Hz sounds, none before time 0")
    line = np.zeros(max([_count(total), *(at + len(sound.values) for at, sound in placed)]), np.float32)
    for at, sound in placed:
        line[at : at + len(sound.values)] += sound.values
    return Samples(line, RATE)


def paced(sound: Samples, seconds: float) -> Samples:
    """The sound, then silence until exactly `seconds`: played one behind the other, onsets are `seconds` apart.

    Raises SpeechError for a sound that is longer than that.
    """
    if sound.seconds > seconds:
        raise SpeechError(f"a sound of {sound.seconds:.2f} s does not fit into a pace of {seconds} s: trim it")
    return lay([(0.0, sound)], seconds)


def dictated(digits: Sequence[Samples], pace: Pace, group: int = 3) -> Samples:
    """A code in groups: inside a group one onset every `pace.onset` seconds, `pace.pause` of silence between groups.

    Raises SpeechError for a digit that is longer than the pace.
    """
    groups = [digits[start : start + group] for start in range(0, len(digits), group)]
    spoken = [joined([*(paced(digit, pace.onset) for digit in some[:-1]), some[-1]]) for some in groups]
    return joined([piece for some in spoken for piece in (some, silence(pace.pause))][:-1])


def ticking(cues: Mapping[float, Samples], total: float, every: float, start: float = 0.0) -> Samples:
    """A wait of `total` seconds that is never empty: words at their seconds, a tick `every` so many, none over words.

    Raises SpeechError for a word before time 0.
    """
    times = (start + number * every for number in range(int((total - start) / every) + 1))
    ticks = [(at, tick()) for at in times if at + 0.05 < total and not _spoken(at, cues)]
    return lay([*cues.items(), *ticks], total)


def hold(cues: Mapping[float, Samples], seconds: float = 30.0) -> Samples:
    """The accompanied count (dialogue.md C.6), exact to the sample: time 0 is the first beep, `seconds` the double one.

    `cues` are the words by the second at which the voice starts; those before 0 come before the beep, those at
    `seconds` behind the double beep. A soft tick marks every second that has no words.
    """
    ending = double_beep()
    lead = max([0.0, *(EDGE - at for at in cues)])
    after = seconds + ending.seconds + 0.1
    words = {lead - EDGE + (at if at < seconds else at - seconds + after): sound for at, sound in cues.items()}
    beeps = {lead: beep(), lead + seconds: ending}
    total = max(at + sound.seconds for at, sound in (words | beeps).items())
    counted = ticking(words | beeps, lead + seconds, 1.0, lead)
    return Samples(counted.values[: max(len(counted.values), _count(total))], RATE)


def beep() -> Samples:
    """The start: 1 kHz, 0.15 s. Loud enough for a mobile on loudspeaker, and no pair of DTMF tones."""
    return _tone(1_000, 0.15, -12.0)


def double_beep() -> Samples:
    """The end: the start's beep twice, in 0.4 s."""
    return lay([(0.0, beep()), (0.25, beep())])


def tick() -> Samples:
    """A soft tick of 20 ms: the line is alive."""
    return _tone(1_600, 0.02, -30.0)


def _tone(pitch: float, seconds: float, level: float) -> Samples:
    wave = np.sin(2 * pi * pitch * np.arange(_count(seconds)) / RATE)
    return _faded(Samples((wave * _ratio(level)).astype(np.float32), RATE))


def _in_turn(sounds: Iterable[Samples]) -> Iterable[tuple[float, Samples]]:
    count = 0
    for sound in sounds:
        yield count / RATE, sound
        count += len(sound.values)


def _spoken(at: float, cues: Mapping[float, Samples], margin: float = 0.1) -> bool:
    return any(start - margin < at < start + sound.seconds + margin for start, sound in cues.items())


# Measures


def measured(sound: Samples) -> Measure:
    """Length, levels, silences and onsets of a sound; a sound without any audible frame is one long silence."""
    if peak(sound) < -60:
        return Measure(sound.seconds, peak(sound), -120.0, None, sound.seconds, sound.seconds, ())
    start, end = _audible(sound)
    after = (len(sound.values) - end) / sound.rate
    return Measure(
        sound.seconds, peak(sound), loudness(sound), lufs(sound), start / sound.rate, max(after, 0.0), onsets(sound)
    )


def peak(sound: Samples) -> float:
    """The highest sample, dBFS; -120 for nothing at all."""
    return _decibels(float(np.max(np.abs(sound.values), initial=0)) ** 2)


def loudness(sound: Samples) -> float:
    """Active level, dBFS: the mean square of the 20 ms frames within 30 dB of the loudest one.

    It is heard through the weighting of BS.1770, so that clips levelled by it are also equal in LUFS.
    """
    power = _power(_weighted(sound), 0.02)
    return _decibels(float(power[power > power.max(initial=0) / 1_000].mean())) if power.any() else -120.0


def lufs(sound: Samples) -> float | None:
    """Integrated loudness by ITU-R BS.1770-4 (gates at -70 LUFS and -10 LU); None under 0.4 s, its shortest block."""
    weighted = _weighted(sound)
    block, hop = _count(0.4, sound.rate), _count(0.1, sound.rate)
    if len(weighted.values) < block:
        return None
    starts = range(0, len(weighted.values) - block + 1, hop)
    power = np.asarray([np.mean(weighted.values[at : at + block].astype(np.float64) ** 2) for at in starts])
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    if not len(power):
        return None
    power = power[power > power.mean() / 10]
    return _decibels(float(power.mean())) - 0.691


def onsets(sound: Samples, pause: float = 0.15) -> tuple[float, ...]:
    """The seconds at which sound starts behind at least `pause` seconds of silence."""
    heard = np.flatnonzero(_heard(sound))
    first = np.diff(heard, prepend=-len(sound.values)) > pause / _FRAME
    return tuple(float(frame) * _FRAME for frame in heard[first])


def beeps(sound: Samples) -> list[float]:
    """The seconds at which a beep of ours begins: where the pitch of `beep` is nearly all that is heard."""
    size = _count(_FRAME)
    frames = sound.values[: len(sound.values) // size * size].reshape(-1, size)
    turn = np.exp(-2j * np.pi * 1_000 * np.arange(size) / RATE)
    power = np.mean(frames**2, axis=1)
    pitched = 2 * np.abs(frames @ turn / size) ** 2 > 0.9 * np.maximum(power, _ratio(-30.0) ** 2)
    starts = np.flatnonzero(pitched & ~np.concatenate([[False], pitched[:-1]]))
    return [float(frame) * size / RATE for frame in starts]


def _audible(sound: Samples) -> tuple[int, int]:
    """Where the first audible frame starts and the last one ends, in samples."""
    heard = np.flatnonzero(_heard(sound))
    if not len(heard):
        raise SpeechError(f"there is nothing to hear in {sound.seconds:.2f} s of sound: say it again, or another way")
    frame = _count(_FRAME, sound.rate)
    return int(heard[0]) * frame, min((int(heard[-1]) + 1) * frame, len(sound.values))


def _heard(sound: Samples) -> NDArray[np.bool_]:
    """Whether there is sound, frame by frame."""
    power = _power(sound, _FRAME)
    return power > max(float(power.max(initial=0)) * 10 ** (_SILENT / 10), 1e-7)


def _power(sound: Samples, seconds: float) -> NDArray[np.float64]:
    """The mean square of each frame of so many seconds; the last one is filled up with silence."""
    frame = _count(seconds, sound.rate)
    values = np.pad(sound.values.astype(np.float64), (0, -len(sound.values) % frame))
    return np.asarray((values.reshape(-1, frame) ** 2).mean(axis=1))


def _weighted(sound: Samples) -> Samples:
    """The K weighting of BS.1770 for any rate: a shelf for the head, a high-pass for the ear."""
    shelf = _high_shelf(1_500, sqrt(0.5), 4.0, sound.rate)
    return _filtered(sound, shelf, _high_pass(38, 0.5, sound.rate))


# Filters: second-order sections (R. Bristow-Johnson, Audio EQ Cookbook), applied as a product of spectra

Section = tuple[Sequence[float], Sequence[float]]


def _filtered(sound: Samples, *sections: Section) -> Samples:
    """The sound through the sections; a quarter of a second of padding keeps their ringing from wrapping around."""
    size = len(sound.values) + sound.rate // 4
    turn = np.exp(-2j * pi * np.fft.rfftfreq(size))
    spectrum = np.fft.rfft(sound.values, size)
    for over, under in sections:
        spectrum *= np.polyval(over[::-1], turn) / np.polyval(under[::-1], turn)
    return Samples(np.fft.irfft(spectrum, size)[: len(sound.values)].astype(np.float32), sound.rate)


def _high_pass(pitch: float, quality: float, rate: int) -> Section:
    middle, width = _angle(pitch, quality, rate)
    over = ((1 + middle) / 2, -(1 + middle), (1 + middle) / 2)
    return over, (1 + width, -2 * middle, 1 - width)


def _peaking(pitch: float, quality: float, gain: float, rate: int) -> Section:
    middle, width = _angle(pitch, quality, rate)
    more = 10 ** (gain / 40)
    over = (1 + width * more, -2 * middle, 1 - width * more)
    return over, (1 + width / more, -2 * middle, 1 - width / more)


def _high_shelf(pitch: float, quality: float, gain: float, rate: int) -> Section:
    middle, width = _angle(pitch, quality, rate)
    more = 10 ** (gain / 40)
    plus, minus, slope = more + 1, more - 1, 2 * sqrt(more) * width
    over = (
        more * (plus + minus * middle + slope),
        -2 * more * (minus + plus * middle),
        more * (plus + minus * middle - slope),
    )
    return over, (plus - minus * middle + slope, 2 * (minus - plus * middle), plus - minus * middle - slope)


def _angle(pitch: float, quality: float, rate: int) -> tuple[float, float]:
    turn = 2 * pi * pitch / rate
    return cos(turn), sin(turn) / (2 * quality)


# Files


def encoded(sound: Samples) -> bytes:
    """The sound as a telephone's own file: WAV, 8 kHz, mono, mu-law (RIFF format 7). Same samples, same bytes.

    Raises SpeechError for a sound at another rate.
    """
    if sound.rate != RATE:
        raise SpeechError(f"a telephone file has {RATE} samples a second, not {sound.rate}: resample the sound first")
    file = BytesIO()
    soundfile.write(file, sound.values, RATE, format="WAV", subtype="ULAW")
    return file.getvalue()


def decoded(data: bytes) -> Samples:
    """The sound in a file of any kind that libsndfile reads (WAV, MP3, ...), made mono.

    Raises SpeechError for anything that is no sound.
    """
    try:
        values, rate = soundfile.read(BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError) as unread:
        raise SpeechError(f"{len(data)} bytes that are no sound ({unread}): make or fetch the file again") from unread
    return Samples(np.ascontiguousarray(values.mean(axis=1)), int(rate))


def save(path: Path, data: bytes) -> None:
    """The bytes at `path`, whole or not at all: a file is only ever seen complete.

    Raises OSError where the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _count(seconds: float, rate: int = RATE) -> int:
    return round(seconds * rate)


def _ratio(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def _decibels(power: float) -> float:
    return 10 * log10(max(power, 1e-12))
