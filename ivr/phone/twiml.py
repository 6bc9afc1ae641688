"""From the bytes of an answer to a checked TwiML document, or to the error that Twilio would log.

Strict: what Twilio warns of (12200), this refuses, because what its engine then does is not written down. Plays
nothing, asks the network nothing, knows nothing of ours. Source: twilio.com/docs/voice/twiml and its pages, one a verb.

Voice verbs that this phone does not play (Enqueue, Connect, Sms, Pay, …) are refused like misspelt ones.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from xml.parsers import expat

from ivr.phone.errors import TwimlError

MOST_BYTES = 64 * 1024  # twilio.com/docs/api/errors/11750
FOR_EVER = 1000  # what loop="0" comes to: twilio.com/docs/voice/twiml/say#loop
CONTENT_TYPES = frozenset({"text/xml", "application/xml", "text/html"})  # twilio.com/docs/voice/twiml
MOST_NUMBERS = 10  # a Dial: twilio.com/docs/voice/twiml/number
MOST_WORDS = {"Polly.": 3000, "Google.": 5000, "": 4096}  # characters a Say: twilio.com/docs/api/errors/13521


@dataclass(frozen=True)
class Value:
    """What an attribute may hold: a pattern for the machine, a description for the reader of the error."""

    pattern: str
    described: str


ANY = Value(r"(?s).*", "anything")
WORDS = Value(r"(?s).*\S.*", "a value that is not empty")
ADDRESS = Value(r"[!-~]+", "an address in ASCII, without spaces")
METHOD = Value(r"GET|POST", "GET or POST")
BOOLEAN = Value(r"true|false", "true or false")
COUNT = Value(r"\d{1,9}", "a whole number, 0 or more")
POSITIVE = Value(r"0*[1-9]\d{0,8}", "a whole number, 1 or more")
KEY = Value(r"[0-9#*]?", "one key of 0123456789#*, or nothing")
KEYS = Value(r"[0-9#*]*", "keys of 0123456789#*, or nothing")
TONES = Value(r"[0-9A-DwW#*]+", "tones of 0123456789ABCDwW#*")
LANGUAGE = Value(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})+|arb", "a language with its region, like fr-FR")
NUMBER = Value(r"\+[1-9]\d{6,14}", "a number like +33199000000")
BREAK = Value(r"\d+(\.\d+)?(ms|s)", "a time like 500ms or 2s")
EVENT = r"(initiated|ringing|answered|completed)"
EVENTS = Value(rf"{EVENT}( {EVENT})*", "events of initiated, ringing, answered and completed, with a space between")
RATE = Value(r"x-slow|slow|medium|fast|x-fast|0*[1-9]\d*%", "x-slow, slow, medium, fast, x-fast or a percentage")


def _one_of(*words: str) -> Value:
    return Value("|".join(map(re.escape, words)), " or ".join(words))


@dataclass(frozen=True)
class Rule:
    """What one element may carry: attributes, elements within, and text (and then what the text must look like)."""

    attributes: Mapping[str, Value] = field(default_factory=dict)
    nests: frozenset[str] = frozenset()
    text: Value | None = None


_SSML = frozenset({"break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w"})
_WITHIN_S = _SSML - {"p", "s"}
_CALLBACK = {"recordingStatusCallback": ADDRESS, "recordingStatusCallbackMethod": METHOD}
_CALLBACK |= {"recordingStatusCallbackEvent": ANY}
_TRIM = _one_of("trim-silence", "do-not-trim")

# The table: what Twilio documents of the verbs that this phone plays. A test holds it against twilio-python's classes.
RULES: Mapping[str, Rule] = {
    "Response": Rule(
        nests=frozenset({"Say", "Play", "Pause", "Gather", "Redirect", "Hangup", "Reject", "Record", "Dial"})
    ),
    "Say": Rule({"voice": WORDS, "language": LANGUAGE, "loop": COUNT}, _SSML, ANY),
    "Play": Rule({"loop": COUNT, "digits": TONES}, text=ANY),
    "Pause": Rule({"length": POSITIVE}),
    "Gather": Rule(
        {
            "input": _one_of("dtmf", "speech", "dtmf speech", "speech dtmf"),
            "action": ADDRESS,
            "method": METHOD,
            "timeout": POSITIVE,  # twilio.com/docs/api/errors/13313
            "finishOnKey": KEY,  # twilio.com/docs/api/errors/13310
            "numDigits": POSITIVE,
            "actionOnEmptyResult": BOOLEAN,
            "language": LANGUAGE,
            "hints": ANY,
            "speechTimeout": Value(r"auto|0*[1-9]\d{0,8}", "auto or a whole number, 1 or more"),
            "speechModel": WORDS,
            "enhanced": BOOLEAN,
            "profanityFilter": BOOLEAN,
            "partialResultCallback": ADDRESS,
            "partialResultCallbackMethod": METHOD,
        },
        frozenset({"Say", "Play", "Pause"}),
    ),
    "Redirect": Rule({"method": METHOD}, text=ADDRESS),
    "Hangup": Rule(),
    "Reject": Rule({"reason": _one_of("rejected", "busy")}),
    "Record": Rule(
        {
            "action": ADDRESS,
            "method": METHOD,
            "timeout": COUNT,
            "finishOnKey": KEYS,
            "maxLength": POSITIVE,
            "playBeep": BOOLEAN,
            "trim": _TRIM,
            "transcribe": BOOLEAN,
            "transcribeCallback": ADDRESS,
            **_CALLBACK,
        }
    ),
    "Dial": Rule(
        {
            "action": ADDRESS,
            "method": METHOD,
            "timeout": POSITIVE,
            "timeLimit": POSITIVE,
            "callerId": WORDS,
            "answerOnBridge": BOOLEAN,
            "hangupOnStar": BOOLEAN,
            "sequential": BOOLEAN,
            "ringTone": WORDS,
            "record": WORDS,
            "trim": _TRIM,
            **_CALLBACK,
        },
        frozenset({"Number"}),
        ANY,
    ),
    "Number": Rule(
        {
            "sendDigits": TONES,
            "url": ADDRESS,
            "method": METHOD,
            "statusCallback": ADDRESS,
            "statusCallbackMethod": METHOD,
            "statusCallbackEvent": EVENTS,
        },
        text=NUMBER,
    ),
    "break": Rule({"strength": _one_of("none", "x-weak", "weak", "medium", "strong", "x-strong"), "time": BREAK}),
    "emphasis": Rule({"level": _one_of("strong", "moderate", "reduced")}, _WITHIN_S, ANY),
    "lang": Rule({"xml:lang": LANGUAGE}, _SSML, ANY),
    "p": Rule({}, _SSML - {"p"}, ANY),
    "phoneme": Rule({"alphabet": WORDS, "ph": WORDS}, text=ANY),
    "prosody": Rule({"volume": WORDS, "rate": RATE, "pitch": WORDS}, _SSML, ANY),
    "s": Rule({}, _WITHIN_S, ANY),
    "say-as": Rule({"interpret-as": WORDS, "format": WORDS}, text=ANY),
    "sub": Rule({"alias": WORDS}, text=ANY),
    "w": Rule({"role": WORDS}, _WITHIN_S - {"lang", "w"}, ANY),
}


@dataclass(frozen=True)
class Element:
    """One XML element as it was written: checked, not yet understood. `line` is its line in the answer."""

    name: str
    attributes: Mapping[str, str]
    children: tuple["Element | str", ...]
    line: int

    @property
    def elements(self) -> tuple["Element", ...]:
        """Its children that are elements."""
        return tuple(child for child in self.children if isinstance(child, Element))

    @property
    def text(self) -> str:
        """Its own text, without what surrounds it."""
        return "".join(child for child in self.children if isinstance(child, str)).strip()


@dataclass(frozen=True)
class Say:
    """Words for the carrier's voice; `content` may hold SSML. twilio.com/docs/voice/twiml/say."""

    content: tuple[Element | str, ...]
    loop: int


@dataclass(frozen=True)
class Play:
    """A clip by its absolute address, or else tones. twilio.com/docs/voice/twiml/play."""

    url: str
    digits: str
    loop: int


@dataclass(frozen=True)
class Pause:
    """Silence, in seconds. twilio.com/docs/api/twiml/pause."""

    length: int


@dataclass(frozen=True)
class Gather:
    """Listen for keys, while the nested prompts sound and `timeout` seconds more.

    `num_digits` None is unlimited; `finish_on_key` empty is none. twilio.com/docs/voice/twiml/gather.
    """

    prompts: tuple[Say | Play | Pause, ...]
    action: str
    method: str
    timeout: int
    finish_on_key: str
    num_digits: int | None
    action_on_empty_result: bool
    takes_keys: bool


@dataclass(frozen=True)
class Redirect:
    """Go on with another document. twilio.com/docs/voice/twiml/redirect."""

    url: str
    method: str


@dataclass(frozen=True)
class Hangup:
    """End the call. twilio.com/docs/voice/twiml/hangup."""


@dataclass(frozen=True)
class Reject:
    """Refuse the call; `reason` is rejected or busy. twilio.com/docs/voice/twiml/reject."""

    reason: str


@dataclass(frozen=True)
class Record:
    """Record the caller, in seconds; `timeout` 0 never ends on silence. twilio.com/docs/voice/twiml/record."""

    action: str
    method: str
    timeout: int
    finish_on_key: str
    max_length: int
    beep: bool
    trim: bool
    callback: str
    callback_method: str


@dataclass(frozen=True)
class Number:
    """A telephone to ring. `url` is TwiML for whoever answers, before the two are connected; empty is none.

    `callback` is told the `events` of that leg. twilio.com/docs/voice/twiml/number.
    """

    number: str
    url: str = ""
    method: str = "POST"
    callback: str = ""
    callback_method: str = "POST"
    events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True)
class Dial:
    """Ring other telephones, all at once. An empty `action` means: go on below. twilio.com/docs/voice/twiml/dial."""

    numbers: tuple[Number, ...]
    action: str
    method: str
    timeout: int
    time_limit: int
    caller_id: str


Verb = Say | Play | Pause | Gather | Redirect | Hangup | Reject | Record | Dial


def parse(body: bytes, content_type: str | None) -> tuple[Verb, ...]:
    """Read an answer's verbs, in order.

    Raises TwimlError: with the number that Twilio would log, the line of the answer, and the mend.
    """
    _check_envelope(body, content_type)
    root = _tree(body)
    if root.name != "Response":
        raise TwimlError(12100, f"the root is <{root.name}>; wrap the verbs in <Response>")
    _check(root)
    return tuple(_verb(element) for element in root.elements)


def _check_envelope(body: bytes, content_type: str | None) -> None:
    if content_type is None:
        raise TwimlError(11200, "the answer has no Content-Type; send text/xml")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise TwimlError(12300, f"the answer's Content-Type is {kind!r}, not TwiML's; send text/xml")
    if len(body) > MOST_BYTES:
        raise TwimlError(11750, f"the answer has {len(body)} bytes, more than 64 kB; say less, or redirect halfway")


def _tree(body: bytes) -> Element:
    """Read XML. A DOCTYPE is refused: TwiML needs none, and entities could grow without end."""
    opened: list[tuple[str, dict[str, str], list[Element | str], int]] = [("", {}, [], 0)]
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        opened.append((name, attributes, [], parser.CurrentLineNumber))

    def end(_name: str) -> None:
        name, attributes, children, line = opened.pop()
        opened[-1][2].append(Element(name, attributes, tuple(children), line))

    def doctype(*_declaration: object) -> None:
        raise TwimlError(12100, f"line {parser.CurrentLineNumber}: a DOCTYPE has no place in TwiML; leave it out")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda text: opened[-1][2].append(text)
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise TwimlError(12100, f"the answer is not XML: {error}; it begins {body[:60]!r}") from None
    root = opened[0][2][0]
    assert isinstance(root, Element)  # noqa: S101  expat lets no document through without its one root
    return root


def _check(element: Element) -> None:
    rule = RULES[element.name]
    _check_attributes(element, rule)
    _check_text(element, rule)
    for child in element.elements:
        if child.name not in RULES or child.name == "Response":
            raise _refused(child, f"is no verb that this phone plays{_hint(child.name, rule.nests)}")
        if child.name not in rule.nests:
            raise _refused(child, f"has no place in <{element.name}>; {_offered(rule.nests)}")
        _check(child)
    if extra := _EXTRA_CHECKS.get(element.name):
        extra(element)


def _check_attributes(element: Element, rule: Rule) -> None:
    for name, value in element.attributes.items():
        if name not in rule.attributes:
            raise _refused(element, f"has no attribute {name!r}{_hint(name, rule.attributes)}")
        if not re.fullmatch(rule.attributes[name].pattern, value):
            raise _refused(element, f"has {name}={value!r}; it must be {rule.attributes[name].described}")


def _check_text(element: Element, rule: Rule) -> None:
    if rule.text is None:
        if element.text:
            raise _refused(element, f"holds the text {element.text[:40]!r}, where none belongs; put it in a <Say>")
    elif not re.fullmatch(rule.text.pattern, element.text):
        raise _refused(element, f"holds {element.text!r}; it must be {rule.text.described}")


def _check_say(say: Element) -> None:
    if not say.text and not say.elements:
        raise _refused(say, "says nothing; give it words or leave it out")
    voice = say.attributes.get("voice", "")
    most = next(most for prefix, most in MOST_WORDS.items() if voice.startswith(prefix))
    if (size := len(_all_text(say))) > most:
        raise TwimlError(13521, f"line {say.line}: <Say> has {size} characters, more than {most}; cut it in two")


def _check_play(play: Element) -> None:
    if "digits" in play.attributes:
        if play.text:
            raise _refused(play, "has both a clip and digits; keep one")
    elif not re.fullmatch(r"https?://[!-~]+", play.text):
        raise _refused(play, f"plays {play.text!r}; write the clip's whole address, http(s)://…, in ASCII")


def _check_gather(gather: Element) -> None:
    for prompt in gather.elements:
        if "digits" in prompt.attributes:
            raise _refused(prompt, "plays digits within <Gather>, which is not allowed; play them before it")


def _check_dial(dial: Element) -> None:
    if bool(dial.text) == bool(dial.elements):
        raise _refused(dial, "needs either a number or <Number> elements, not both, not neither")
    if dial.text and not re.fullmatch(NUMBER.pattern, dial.text):
        raise _refused(dial, f"dials {dial.text!r}; it must be {NUMBER.described}")
    if (size := len(dial.elements)) > MOST_NUMBERS:
        raise _refused(dial, f"has {size} <Number> elements; ring {MOST_NUMBERS} telephones at most")


_EXTRA_CHECKS: Mapping[str, Callable[[Element], None]] = {
    "Say": _check_say,
    "Play": _check_play,
    "Gather": _check_gather,
    "Dial": _check_dial,
}


def _refused(element: Element, what: str) -> TwimlError:
    return TwimlError(12200, f"line {element.line}: <{element.name}> {what}")


def _hint(name: str, known: Mapping[str, object] | frozenset[str]) -> str:
    spelt = {word.lower(): word for word in known}
    close = get_close_matches(name.lower(), spelt, 1)
    return f"; did you mean {spelt[close[0]]!r}?" if close else f"; {_offered(known)}"


def _offered(known: Mapping[str, object] | frozenset[str]) -> str:
    return f"it may have {', '.join(sorted(known))}" if known else "it may have none"


def _all_text(element: Element) -> str:
    return "".join(child if isinstance(child, str) else _all_text(child) for child in element.children)


def _verb(element: Element) -> Verb:
    has = element.attributes.get
    method = has("method", "POST")
    match element.name:
        case "Say" | "Play" | "Pause":
            return _prompt(element)
        case "Gather":
            return Gather(
                prompts=tuple(_prompt(child) for child in element.elements),
                action=has("action", ""),
                method=method,
                timeout=int(has("timeout", "5")),
                finish_on_key=has("finishOnKey", "#"),
                num_digits=int(element.attributes["numDigits"]) if has("numDigits") else None,
                action_on_empty_result=has("actionOnEmptyResult") == "true",
                takes_keys="dtmf" in has("input", "dtmf"),
            )
        case "Redirect":
            return Redirect(element.text, method)
        case "Hangup":
            return Hangup()
        case "Reject":
            return Reject(has("reason", "rejected"))
        case "Record":
            return Record(
                action=has("action", ""),
                method=method,
                timeout=int(has("timeout", "5")),
                finish_on_key=has("finishOnKey", "1234567890*#"),
                max_length=int(has("maxLength", "120" if has("transcribe") == "true" else "3600")),
                beep=has("playBeep", "true") == "true",
                trim=has("trim", "trim-silence") == "trim-silence",
                callback=has("recordingStatusCallback", ""),
                callback_method=has("recordingStatusCallbackMethod", "POST"),
            )
        case _:
            return Dial(
                numbers=tuple(map(_number, element.elements)) or (Number(element.text),),
                action=has("action", ""),
                method=method,
                timeout=int(has("timeout", "30")),
                time_limit=int(has("timeLimit", "14400")),
                caller_id=has("callerId", ""),
            )


def _number(element: Element) -> Number:
    has = element.attributes.get
    return Number(
        number=element.text,
        url=has("url", ""),
        method=has("method", "POST"),
        callback=has("statusCallback", ""),
        callback_method=has("statusCallbackMethod", "POST"),
        events=tuple(has("statusCallbackEvent", "completed").split()),
    )


def _prompt(element: Element) -> Say | Play | Pause:
    loop = int(element.attributes.get("loop", "1")) or FOR_EVER
    match element.name:
        case "Say":
            return Say(element.children, loop)
        case "Play":
            return Play(element.text, element.attributes.get("digits", ""), loop)
        case _:
            return Pause(int(element.attributes.get("length", "1")))
