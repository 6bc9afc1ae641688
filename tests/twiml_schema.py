"""A strict TwiML schema, derived at test time from the classes of the installed `twilio` package.

There is no current official XSD; the package is generated from Twilio's own API definition, so which verbs nest in
which, and which attributes exist, is read off its classes (facts/twilio.md 7).
"""

from __future__ import annotations

import inspect
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from twilio.twiml import TwiML, voice_response
from twilio.twiml.voice_response import VoiceResponse

MOST_BYTES = 64 * 1024


def complaints(document: bytes) -> list[str]:
    """What Twilio would log of it: 12100 (not XML), 11750 (too large), 12200 (verb, attribute, nesting)."""
    if len(document) > MOST_BYTES:
        return ["larger than 64 kB"]
    try:
        root = ET.fromstring(document)  # noqa: S314 - our own answer, in a test
    except ET.ParseError as error:
        return [f"not XML: {error}"]
    if root.tag != "Response":
        return [f"the root is {root.tag}"]
    return list(_complaints(root, VoiceResponse))


def _complaints(element: ET.Element, kind: type[TwiML]) -> Iterator[str]:
    for child in element:
        if child.tag not in _children(kind):
            yield f"{child.tag} may not stand in {element.tag}"
            continue
        nested, attributes = _children(kind)[child.tag]
        yield from (f"{child.tag} has no attribute {name}" for name in set(child.attrib) - attributes)
        yield from _complaints(child, nested)


def _children(kind: type[TwiML]) -> dict[str, tuple[type[TwiML], frozenset[str]]]:
    """What may stand in a verb: for each of its builder methods the element that it nests, and the attributes."""
    if kind not in _KNOWN:
        _KNOWN[kind] = dict(_read(kind))
    return _KNOWN[kind]


_KNOWN: dict[type[TwiML], dict[str, tuple[type[TwiML], frozenset[str]]]] = {}


def _read(kind: type[TwiML]) -> Iterator[tuple[str, tuple[type[TwiML], frozenset[str]]]]:
    for _, method in inspect.getmembers(kind, inspect.isfunction):
        if nests := re.search(r"self\.nest\(\s*(\w+)\(", inspect.getsource(method)):
            nested: type[TwiML] | None = getattr(voice_response, nests[1], None)
            if nested is None:  # add_child, for anything at all
                continue
            yield _tag(nested), (nested, frozenset(map(_attribute, inspect.signature(method).parameters)))


def _tag(kind: type[TwiML]) -> str:
    """The element that a class writes: its constructor says `self.name = "Say"`."""
    return inspect.getsource(kind.__init__).partition('self.name = "')[2].partition('"')[0]


def _attribute(parameter: str) -> str:
    head, *tail = parameter.strip("_").split("_")
    return head + "".join(map(str.title, tail))
