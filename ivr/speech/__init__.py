"""From a written prompt to something a telephone can play: lexicon, voices, mixer.

This room must not know what a call is, nor who plays the files. Importing it costs nothing: numpy, soundfile and the
engines are loaded at their first use, because a running line plays files and needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class SpeechError(Exception):
    """Speech that cannot be made; the message says where, what, and the mend."""


class Later:
    """A package that is imported at the first use of one of its names.

    Raises SpeechError, with the command that installs it, if the package is not there.
    """

    def __init__(self, module: str, package: str | None = None) -> None:
        self._module = module
        self._package = package or module

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(import_module(self._module), name)
        except ModuleNotFoundError as missing:
            raise SpeechError(
                f"making speech needs the package {self._package}, which is not installed: pip install {self._package}"
            ) from missing
