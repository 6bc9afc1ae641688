"""What the telephone gets: levels, silences, exact times, exact bytes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from ivr.speech import SpeechError, mixer
from ivr.speech.mixer import RATE, Samples
from tests.speech.sounds import nothing, syllables, tone, word


def test_every_sound_comes_out_equally_loud_and_never_too_high() -> None:
    sounds = [mixer.telephone(sound) for sound in (word(level=0.01), word(level=0.9), syllables(0.02), syllables(1.0))]
    assert [mixer.lufs(sound) for sound in sounds] == pytest.approx([mixer.LEVEL - mixer.LUFS_BELOW_LEVEL] * 4, abs=0.1)
    assert max(mixer.peak(mixer.decoded(mixer.encoded(sound))) for sound in sounds) <= mixer.PEAK


def test_silence_at_the_ends_is_trimmed_to_the_edge_whatever_there_was() -> None:
    for around in (0.0, 0.004, 0.5):
        sound = mixer.telephone(word(0.4, around=around))
        found = mixer.measured(sound)
        assert found.silence_before == pytest.approx(mixer.EDGE, abs=0.01)
        assert found.silence_after == pytest.approx(mixer.EDGE, abs=0.01)
        assert sound.seconds == pytest.approx(0.4 + 2 * mixer.EDGE, abs=0.02)


def test_rare_peaks_are_rounded_off_and_the_level_kept() -> None:
    spiky = tone(2.0, 0.02)
    spiky.values[::1_600] = 0.9
    sound = mixer._levelled(spiky)
    assert mixer.peak(mixer.decoded(mixer.encoded(sound))) == pytest.approx(mixer.PEAK, abs=0.7)
    assert mixer.peak(mixer.decoded(mixer.encoded(sound))) <= mixer.PEAK
    assert mixer.loudness(sound) == pytest.approx(mixer.LEVEL, abs=0.2)


def test_both_ends_come_from_nothing_so_that_no_join_clicks() -> None:
    humming = word()
    humming.values[:] += tone(humming.seconds, 0.002, humming.rate, 1_501.0).values
    values = mixer.telephone(humming).values
    inside = float(np.max(np.abs(values[:240])))
    assert inside > 0.001
    assert abs(values[0]) < inside / 40
    assert abs(values[-1]) < inside / 20


def test_a_sound_without_sound_is_refused() -> None:
    with pytest.raises(SpeechError, match="nothing to hear"):
        mixer.telephone(nothing(1.0, 24_000))


def test_rumble_is_taken_out_and_consonants_are_raised() -> None:
    def gain(pitch: float) -> float:
        before = tone(1.0, 0.1, pitch=pitch)
        return float(20 * np.log10(np.std(mixer._present(before).values) / np.std(before.values)))

    assert gain(50) < -20
    assert gain(2_500) == pytest.approx(6, abs=0.5)
    assert gain(700) == pytest.approx(1, abs=1)


def test_a_file_is_mono_mu_law_at_8_khz_and_its_bytes_depend_on_the_samples_alone() -> None:
    sound = mixer.telephone(word())
    data = mixer.encoded(sound)
    kind, channels, rate = struct.unpack_from("<HHI", data, 20)
    assert (data[:4], data[8:16], kind, channels, rate) == (b"RIFF", b"WAVEfmt ", 7, 1, RATE)
    assert data == mixer.encoded(Samples(sound.values.copy(), RATE))
    assert len(mixer.decoded(data).values) == len(sound.values)


def test_only_a_sound_of_the_telephone_s_rate_can_be_written() -> None:
    with pytest.raises(SpeechError, match="resample"):
        mixer.encoded(tone(0.1, rate=16_000))


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(SpeechError, match="no sound"):
        mixer.decoded(b"certainly not a recording")


def test_silences_are_exact_to_the_sample() -> None:
    assert len(mixer.silence(0.5).values) == 4_000
    assert len(mixer.joined([mixer.silence(0.123), tone(0.1), mixer.silence(3.0)]).values) == 984 + 800 + 24_000


def test_sounds_are_laid_at_their_samples() -> None:
    line = mixer.lay([(1.0, tone(0.1)), (2.5, tone(0.1))], 4.0)
    assert line.seconds == 4.0
    assert mixer.onsets(line) == pytest.approx((1.0, 2.5), abs=0.005)
    with pytest.raises(SpeechError, match="before time 0"):
        mixer.lay([(-0.1, tone(0.1))])


def test_a_paced_digit_lasts_exactly_its_pace() -> None:
    assert len(mixer.paced(tone(0.4), 1.4).values) == 11_200
    with pytest.raises(SpeechError, match="does not fit"):
        mixer.paced(tone(1.1), 1.0)


@pytest.mark.parametrize("pace", [mixer.NOTING, mixer.TYPING, mixer.SLOW])
def test_a_code_is_dictated_at_its_pace_in_groups_of_three(pace: mixer.Pace) -> None:
    digits = [mixer.telephone(word(length)) for length in (0.3, 0.45, 0.5, 0.35, 0.4, 0.3, 0.5)]
    code = mixer.dictated(digits, pace)
    onsets = mixer.onsets(code)
    steps = np.diff(onsets)
    assert len(onsets) == 7
    assert [steps[number] for number in (0, 1, 3, 4)] == pytest.approx([pace.onset] * 4, rel=0.02)
    assert steps[2] == pytest.approx(digits[2].seconds + pace.pause, abs=0.02)
    assert mixer.measured(code).silence_after < 0.05


def test_the_count_is_exact_and_no_tick_falls_on_words() -> None:
    said = mixer.telephone(word(0.8))
    cues = {-8.3: said, -1.5: said, 5.0: said, 10.0: said, **{float(at): said for at in range(25, 31)}}
    hold = mixer.hold(cues)
    start = 8.3 + mixer.EDGE
    beeps = _found(hold, mixer.beep())
    assert beeps == pytest.approx([start, start + 30.0, start + 30.25], abs=1 / RATE)
    for at in cues:
        expected = start + (at if at < 30 else 30.0 + mixer.double_beep().seconds + 0.1)
        assert any(abs(found - expected) < 0.01 for found in mixer.onsets(hold, 0.02)), at
    ticks = [round(found - start) for found in _found(hold, mixer.tick())]
    assert ticks == [*range(1, 5), *range(6, 10), *range(11, 25)]
    assert mixer.measured(hold).silence_before <= 0.05


def test_a_wait_ticks_to_its_end_and_not_over_words() -> None:
    said = mixer.telephone(word(1.5))
    wait = mixer.ticking({10.0: said}, 20.0, 2.0)
    assert wait.seconds == 20.0
    assert [round(found) for found in _found(wait, mixer.tick())] == [0, 2, 4, 6, 8, 12, 14, 16, 18]


def test_loudness_of_bs_1770_is_that_of_its_reference_tone() -> None:
    """EBU Tech 3341: a 997 Hz sine at 0 dBFS in one channel is -3.01 LUFS; filters bend a little at 8 kHz."""
    assert mixer.lufs(tone(2.0, 1.0, 48_000, 997.0)) == pytest.approx(-3.01, abs=0.1)
    assert mixer.lufs(tone(2.0, 0.1, 8_000, 997.0)) == pytest.approx(-23.01, abs=0.25)
    assert mixer.lufs(tone(0.3)) is None


def test_silence_can_be_measured() -> None:
    found = mixer.measured(nothing(2.0))
    assert (found.seconds, found.silence_before, found.onsets) == (2.0, 2.0, ())


def test_a_file_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "audio" / "clip.wav"
    mixer.save(path, b"first")
    path.with_name("taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        mixer.save(path.with_name("taken"), b"nowhere to go")
    mixer.save(path, b"second")
    assert path.read_bytes() == b"second"
    assert sorted(file.name for file in path.parent.iterdir()) == ["clip.wav", "taken"]


def _found(sound: Samples, sought: Samples) -> list[float]:
    """The seconds at which `sought` is found in `sound`, untouched."""
    size = len(sought.values)
    energy = float(np.sum(sought.values**2))
    match = np.correlate(sound.values, sought.values) / energy
    places = [
        at for at in np.flatnonzero(np.abs(match - 1) < 1e-3) if _same(sound.values[at : at + size], sought.values)
    ]
    return [int(at) / RATE for at in places]


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(one, other, atol=1e-6))
