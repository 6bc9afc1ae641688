"""The voice that the line is shipped with: Kokoro-82M speaking with ff_siwis, neural, French, female, offline.

Optional and large: onnxruntime, eSpeak NG for the phonemes (GPL-3, hence never a dependency of the line), and two
files that `supply.fetched` gets. Weights: hexgrad/Kokoro-82M, Apache-2.0; the voice was trained on the SIWIS French
speech corpus (Honnet, Lazaridis, Garner, Yamagishi, University of Edinburgh), CC BY 4.0.

The model takes token numbers between two zeros, a style of 256 numbers (row n - 1 of the voice for n tokens) and a
speed; it gives 24 kHz (hexgrad/kokoro, thewh1teagle/kokoro-onnx).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from ivr.speech import Later, SpeechError
from ivr.speech.mixer import Samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = Later("numpy")

onnxruntime: Any = Later("onnxruntime")
espeakng_loader: Any = Later("espeakng_loader", "espeakng-loader")
espeak: Any = Later("phonemizer.backend.espeak.espeak", "phonemizer-fork")
espeak_library: Any = Later("phonemizer.backend.espeak.wrapper", "phonemizer-fork")

RATE = 24_000
"""Samples a second that the model gives, in hertz."""

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
STYLE_SHA256 = "a35f5675ad08948e326ae75fd0ea16ba5d0042e4f76b5f3d1df77d0a48c54861"

LONGEST = 510
"""Tokens that the model takes at a time: about 45 seconds of speech."""

_SYMBOLS = (
    ';:,.!?—…"()“” \u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyz'
    "ɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ"
)
_NUMBERS = (
    *(1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 31, 33, 35, 36, 39, 41, 42),
    *(43, 44, 45, 46, 47, 48, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68),
    *(69, 70, 71, 72, 75, 76, 77, 78, 80, 81, 82, 83, 85, 86, 87, 90, 92, 99, 101, 102, 103, 110, 111, 112, 113, 114),
    *(115, 116, 118, 119, 120, 123, 125, 126, 128, 129, 130, 131, 132, 133, 135, 136, 138, 139, 140, 142, 143, 147),
    *(148, 156, 157, 158, 162, 164, 169, 171, 172, 173, 177),
)
VOCABULARY = dict(zip(_SYMBOLS, _NUMBERS, strict=True))
"""The number of each phoneme that the model knows (config.json of hexgrad/Kokoro-82M)."""

_ESPEAK = Lock()
"""eSpeak NG holds the state of its process: one text at a time."""


@dataclass(frozen=True)
class Kokoro:
    """Kokoro-82M with the French voice ff_siwis, from its two files; `threads` is how many cores one prompt may use."""

    model: Path
    style: Path
    threads: int = 1
    name: str = "kokoro"
    version: str = "v1.0-int8-ff_siwis"

    def speak(self, spoken_text: str, slow: bool = False) -> Samples:
        """The words as sound of 24 kHz; `slow` is 15 % slower.

        Raises SpeechError if a package or file is missing, a file is another one, or the words are too many.
        """
        tokens = [VOCABULARY[symbol] for symbol in self.phonemes(spoken_text) if symbol in VOCABULARY]
        if not 0 < len(tokens) <= LONGEST:
            raise SpeechError(f"kokoro: {len(tokens)} phonemes in « {spoken_text} », not 1 to {LONGEST}: cut it")
        asked = {
            "tokens": np.asarray([[0, *tokens, 0]], np.int64),
            "style": self._styles[len(tokens) - 1][None],
            "speed": np.asarray([0.85 if slow else 1.0], np.float32),
        }
        return Samples(np.asarray(self._session.run(None, asked)[0], np.float32).ravel(), RATE)

    def phonemes(self, spoken_text: str) -> str:
        """What eSpeak NG makes of the words, in the International Phonetic Alphabet, punctuation kept.

        Raises SpeechError if a package is missing.
        """
        with _ESPEAK:
            return str(self._phonemizer.phonemize([spoken_text], strip=True)[0])

    @cached_property
    def _phonemizer(self) -> Any:
        espeak_library.EspeakWrapper.set_library(espeakng_loader.get_library_path())
        espeak_library.EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
        quiet = logging.getLogger("ivr.speech.phonemizer")
        quiet.setLevel(logging.ERROR)
        return espeak.EspeakBackend(
            "fr-fr", preserve_punctuation=True, with_stress=True, language_switch="remove-flags", logger=quiet
        )

    @cached_property
    def _session(self) -> Any:
        checked(self.model, MODEL_SHA256)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        return onnxruntime.InferenceSession(str(self.model), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _styles(self) -> NDArray[np.float32]:
        checked(self.style, STYLE_SHA256)
        return np.fromfile(self.style, "<f4").reshape(-1, 256)


def checked(path: Path, digest: str) -> Path:
    """The path, if the file there is the expected one.

    Raises SpeechError if there is none, or its SHA-256 is another.
    """
    if not path.is_file():
        raise SpeechError(f"kokoro: there is no file {path}: get it with `ivr speak --fetch-voice`")
    with path.open("rb") as file:
        found = sha256_of(file.read())
    if found != digest:
        raise SpeechError(
            f"kokoro: {path} is not the expected file (SHA-256 {found[:12]}…, not {digest[:12]}…): "
            "delete it, then `ivr speak --fetch-voice`"
        )
    return path


def sha256_of(data: bytes) -> str:
    """The SHA-256 of the bytes, in hexadecimal."""
    return sha256(data).hexdigest()
