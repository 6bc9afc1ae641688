"""A script is read: chapters of TOML text become a `Flow`, or a `ScriptError` that lists every mistake.

Text in, values out: this module must not know folders, the carrier, or how a call is walked. How a script is written
is told in `prompts/README.md`; what must hold of the whole of it is proven by `ivr.flow.proof`, and no flow leaves
here without that.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ivr.flow.mistakes import Mistake, ScriptError, did_you_mean
from ivr.flow.model import (
    LATE,
    NAME,
    TRANSFER_OUTCOMES,
    UNAVAILABLE,
    Branch,
    Check,
    Cue,
    Entry,
    Flow,
    HangUp,
    Hold,
    Menu,
    Patience,
    Prompt,
    Record,
    Repeat,
    Reprompt,
    Run,
    Say,
    Step,
    Transfer,
    Way,
)
from ivr.flow.proof import findings
from ivr.flow.table import Table
from ivr.flow.text import TextError, read_prompt

LINE = "ligne.toml"
GUIDE = "guide.toml"
LEXICON = "lexique.toml"
SMS = "sms.toml"
HOURS = "horaires.toml"
REVIEW = "relecture.toml"
RESERVED = frozenset({LINE, GUIDE, LEXICON, SMS, HOURS, REVIEW, "limites.toml"})
"""Files of the folder that are no chapters."""

KEYS = frozenset("0123456789*#")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PATIENCE = ("wait", "no_input", "no_match", "no_input_give_up", "no_match_give_up")
_REPEATS: tuple[Repeat, ...] = ("options", "all", "nothing")


def load(texts: Mapping[str, str], folder: str = "prompts") -> Flow:
    """The flow that the chapters say, proven. `texts` maps file names (« bouton.toml ») to their TOML text.

    Raises ScriptError with every mistake of form, and with everything that `proof.findings` finds not to hold.
    """
    tables, mistakes = parsed(texts, folder)
    return read(tables, mistakes, folder)


Tables = Mapping[str, Mapping[str, Any]]
"""The files of a script as TOML gives them, by name."""


def parsed(texts: Mapping[str, str], folder: str = "prompts") -> tuple[Tables, list[Mistake]]:
    """The files as TOML gives them, without those that are none, which are told."""
    tables, mistakes = {}, []
    for name, text in sorted(texts.items()):
        try:
            tables[name] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            mistakes.append(Mistake(f"{folder}/{name}", "", f"is not TOML: {error}", int(line[1]) if line else 0))
    return tables, mistakes


def read(tables: Tables, mistakes: Iterable[Mistake] = (), folder: str = "prompts") -> Flow:
    """The flow that the parsed files say, proven; `mistakes` are those that parsing them has found.

    Raises ScriptError as `load` does.
    """
    reader = _Reader(folder, list(mistakes))
    if LINE not in tables:
        if not mistakes:
            reader.mistakes.append(Mistake(f"{folder}/{LINE}", "", "is missing: it says where a call starts"))
        raise ScriptError(reader.mistakes)
    reader.read_line(tables[LINE])
    for name, data in tables.items():
        if name not in RESERVED:
            reader.read_chapter(name, data)
    flow = reader.flow({str(fact): str(said) for fact, said in tables.get(GUIDE, {}).items()})
    if found := [*reader.mistakes, *findings(flow)]:
        raise ScriptError(found, None if mistakes else flow)
    return flow


@dataclass
class _Reader:
    """What has been read so far, and every mistake found on the way."""

    folder: str
    mistakes: list[Mistake] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    patience: dict[str, Table] = field(default_factory=dict)
    line: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    given: dict[str, tuple[str, ...]] = field(default_factory=dict)
    long_call: float = 0.0

    def read_line(self, data: Mapping[str, Any]) -> None:
        top = self._table(LINE, "", data)
        line = self._table(LINE, "line", dict(top.table("line").items()))
        self.line = {key: line.text(key) for key in ("start", "menu", "person", "warning")}
        self.line["follow_up"] = line.text("follow_up", "")
        self.line["name"] = line.text("name", NAME)
        self.long_call = line.number("long_call", 25, low=1, high=240) * 60
        line.close()
        self.facts = {name: str(meaning) for name, meaning in top.table("facts").items()}
        given = self._table(LINE, "given", dict(top.table("given").items()))
        self.given = {name: given.words(name) for name, _ in given.items()}
        for name, profile in top.table("patience").items():
            self.patience[name] = self._table(LINE, f"patience.{name}", profile if isinstance(profile, dict) else {})
        top.close()

    def read_chapter(self, name: str, data: Mapping[str, Any]) -> None:
        chapter = name.removesuffix(".toml")
        for key, value in data.items():
            table = self._table(name, key, value if isinstance(value, dict) else {})
            if not isinstance(value, dict):
                table.wrong(f"'{key}' stands outside every step: put it below a [step]")
            elif not _ID.fullmatch(key):
                table.wrong(f"'{key}' is no step id: lower-case letters without accents, digits and hyphens")
            else:
                step_id = f"{chapter}.{key}"
                self.files[step_id] = f"{self.folder}/{name}"
                self.steps[step_id] = _StepReader(self, table, chapter).step(step_id)

    def flow(self, guide: Mapping[str, str]) -> Flow:
        return Flow(
            steps=self.steps,
            facts=self.facts,
            given=self.given,
            long_call=self.long_call,
            guide=guide,
            files=self.files,
            **self.line,
        )

    def _table(self, name: str, step: str, data: Mapping[str, Any]) -> Table:
        return Table(f"{self.folder}/{name}", step, data, self.mistakes)


@dataclass
class _StepReader:
    """Reads one step; ids without a chapter belong to this one."""

    reader: _Reader
    table: Table
    chapter: str

    def step(self, step_id: str) -> Step:
        """The step, or a harmless end in its place when it cannot be told what it should be."""
        kind = self.table.text("kind")
        read = _KINDS.get(kind)
        if read is None:
            self.table.wrong(f"kind '{kind}' is none of {', '.join(_KINDS)}{did_you_mean(kind, _KINDS)}")
            return HangUp(id=step_id, disposition="abandoned")
        step = read(self, {"id": step_id, **self._common()})
        self.table.close()
        return step

    def _common(self) -> dict[str, Any]:
        t = self.table
        beyond = self.way("beyond", t.raw("beyond")) if t.has("beyond") else ()
        limit = int(t.number("limit", 0, high=99))
        if bool(limit) != bool(beyond):
            t.wrong("limit and beyond belong together: how many visits, and where the next one leads")
        return {
            "prompt": self._prompt("prompt"),
            "label": t.text("label", ""),
            "resume": self.id(t.text("resume", "")),
            "guide": t.words("guide"),
            "once": self.id(t.text("once", "")),
            "sets": t.words("sets"),
            "limit": limit,
            "beyond": beyond,
            "aside": t.flag("aside"),
        }

    def _prompt(self, key: str) -> Prompt:
        kind = self.table.raw("kind")
        offers = kind == "menu" or (kind == "run" and self.table.has("keys"))
        return self._read_prompt(key, self.table.text(key, ""), options=offers)

    def _read_prompt(self, key: str, text: str, *, options: bool) -> Prompt:
        try:
            return read_prompt(text, options=options)
        except TextError as error:
            self.table.wrong(f"{key}: {error}")
            return error.prompt

    # What a step leads to

    def id(self, name: str) -> str:
        return name if not name or "." in name or name.startswith("@") else f"{self.chapter}.{name}"

    def way(self, key: str, value: Any) -> Way:
        """A way on: a step id, a table with conditions, or a list of them of which the last has none."""
        branches = [self._branch(key, item) for item in (value if isinstance(value, list) else [value])]
        if not branches or branches[-1].when or branches[-1].unless:
            self.table.wrong(f"{key}: the last way on must have no condition, else a call could stop there")
            branches.append(self._anywhere())
        if any(not (branch.when or branch.unless) for branch in branches[:-1]):
            self.table.wrong(f"{key}: only the last way on may have no condition; those after it are never taken")
        return tuple(branches)

    def _branch(self, key: str, value: Any) -> Branch:
        if isinstance(value, str):
            return Branch(self.id(value))
        if not isinstance(value, dict):
            self.table.wrong(f'{key} must lead to a step, like "ethernet" or "bouton.ethernet", not {value!r}')
            return self._anywhere()
        table = Table(self.table.file, self.table.name, value, self.reader.mistakes)
        lists = {name: table.words(name) for name in ("when", "unless", "sets", "fills")}
        branch = Branch(self.id(table.text("to")), **lists)
        table.close()
        return branch

    def _anywhere(self) -> Branch:
        """A harmless way on in place of one that could not be read, so that it is not told twice."""
        return Branch(self.reader.line["menu"])

    def ways(self, key: str, allowed: Iterable[str] | None = None) -> dict[str, Way]:
        found = {
            name: self.way(f"{key.removesuffix('s')} {name}", value) for name, value in self.table.table(key).items()
        }
        for name in found:
            if allowed is not None and name not in allowed:
                self.table.wrong(f"{key}: '{name}' is none of {', '.join(sorted(allowed))}")
        return found

    def next(self) -> Way:
        if not self.table.has("next"):
            self.table.wrong("next is missing: where does the call go on?")
            return (self._anywhere(),)
        return self.way("next", self.table.raw("next"))

    # The kinds

    def say(self, common: dict[str, Any]) -> Step:
        return Say(**common, next=self.next() if self.table.has("next") else ())

    def menu(self, common: dict[str, Any]) -> Step:
        keys = self.ways("keys", KEYS)
        cues = self._cues(offers=True)
        step = Menu(
            **common,
            keys=keys,
            patience=self._patience("question"),
            cues=cues,
            tick=self.table.number("tick", 0, high=60),
            then=self.way("then", self.table.raw("then")) if self.table.has("then") else (),
        )
        self._check_offers(step)
        self._check_cues(cues, step.patience.wait, "wait")
        return step

    def entry(self, common: dict[str, Any]) -> Step:
        t = self.table
        exact = int(t.number("digits", 0, high=32))
        least = int(t.number("least", exact, low=1, high=32))
        most = int(t.number("most", exact, low=1, high=32))
        if least > most:
            t.wrong(f"least is {least} but most is {most}: least must not be greater")
        return Entry(
            **common,
            slot=t.text("slot"),
            least=least,
            most=most,
            inter_digit=t.number("inter_digit", 5, low=1, high=30),
            next=self.next(),
            patience=self._patience("entry"),
            checks=tuple(self._check(table) for table in t.tables("checks")),
            dot=t.flag("dot"),
            secret=t.flag("secret"),
            keys=self.ways("keys", KEYS),
        )

    def _check(self, table: Table) -> Check:
        check = Check(table.text("match"), self.id(table.text("say")))
        table.close()
        try:
            re.compile(check.match)
        except re.error as error:
            table.wrong(f"checks: '{check.match}' is no regular expression ({error}): mend it")
        return check

    def hold(self, common: dict[str, Any]) -> Step:
        length = self.table.number("seconds", low=1, high=600)
        cues = self._cues(offers=False)
        self._check_cues(cues, length, "hold")
        return Hold(**common, seconds=length, next=self.next(), cues=cues, tick=self.table.number("tick", 0, high=60))

    def run(self, common: dict[str, Any]) -> Step:
        t = self.table
        outcomes = self.ways("outcomes")
        for name in (LATE, UNAVAILABLE):
            if name not in outcomes:
                t.wrong(f"outcome '{name}' is missing: every command may have it, so the script must say what follows")
        step = Run(
            **common,
            command=t.text("command"),
            outcomes=outcomes,
            needs=t.words("needs"),
            deadline=t.number("deadline", 20, low=1, high=600),
            waiting=self.id(t.text("waiting", "")),
            every=t.number("every", 8, low=2, high=60),
            poll=t.number("poll", 2, low=2, high=10),
            tick=t.number("tick", 1, high=60),
            cues=self._cues(offers=True),
            keys=self.ways("keys", KEYS),
        )
        self._check_cues(step.cues, step.deadline, "deadline")
        if step.keys:
            self._check_offers(step)
        return step

    def record(self, common: dict[str, Any]) -> Step:
        t = self.table
        empty = self.way("empty", t.raw("empty")) if t.has("empty") else self.next()
        most, silence = t.number("most", 90, low=1, high=600), t.number("silence", 5, low=1, high=60)
        return Record(**common, slot=t.text("slot"), next=self.next(), empty=empty, most=most, silence=silence)

    def transfer(self, common: dict[str, Any]) -> Step:
        outcomes = self.ways("outcomes", TRANSFER_OUTCOMES)
        for name in TRANSFER_OUTCOMES:
            if name not in outcomes:
                self.table.wrong(f"outcome '{name}' is missing: a person may not answer, and the call must go on")
        ring = self.table.number("ring", 30, low=5, high=120)
        return Transfer(**common, to=self.table.text("to"), outcomes=outcomes, ring=ring)

    def hangup(self, common: dict[str, Any]) -> Step:
        return HangUp(**common, disposition=self.table.text("disposition"))

    # Patience, cues

    def _patience(self, default: str) -> Patience:
        """The named profile of ligne.toml, with what this step says differently."""
        name = self.table.text("patience", default)
        profile = self.reader.patience.get(name)
        if profile is None:
            for key in _PATIENCE:
                self.table.has(key)  # they are settings, though nobody reads them now
            known = self.reader.patience
            self.table.wrong(f"patience '{name}' is not in {LINE}{did_you_mean(name, known)}")
            return Patience(7, (), (), (self._anywhere(),), (self._anywhere(),))
        return Patience(
            wait=self.table.number("wait", profile.number("wait", low=5, high=600), low=5, high=600),
            no_input=self._reprompts("no_input", profile),
            no_match=self._reprompts("no_match", profile),
            no_input_give_up=self._give_up("no_input", profile),
            no_match_give_up=self._give_up("no_match", profile),
        )

    def _source(self, key: str, profile: Table) -> Table:
        return self.table if self.table.has(key) else profile

    def _reprompts(self, key: str, profile: Table) -> tuple[Reprompt, ...]:
        return tuple(self._reprompt(table) for table in self._source(key, profile).tables(key))

    def _reprompt(self, table: Table) -> Reprompt:
        repeat = table.text("repeat", "all")
        if repeat not in _REPEATS:
            table.wrong(f"repeat '{repeat}' is none of {', '.join(_REPEATS)}")
        say = table.text("say", "")
        reprompt = Reprompt(
            say=self.id(say) or None,
            repeat=next((known for known in _REPEATS if known == repeat), "all"),
            slow=table.flag("slow"),
        )
        table.close()
        return reprompt

    def _give_up(self, kind: str, profile: Table) -> Way:
        key = f"{kind}_give_up"
        return self.way(key, self._source(key, profile).raw(key) or "")

    def _cues(self, *, offers: bool) -> tuple[Cue, ...]:
        cues = []
        for second, text in self.table.table("cues").items():
            if not re.fullmatch(r"\d+(\.\d+)?", second) or not isinstance(text, str):
                self.table.wrong(f"cue '{second}' must be a second and what is said then, like 10 = \"Dix.\"")
                continue
            prompt = self._read_prompt(f"cue at {second} s", text, options=offers)
            cues.append(Cue(float(second), prompt))
        return tuple(sorted(cues, key=lambda cue: cue.at))

    def _check_cues(self, cues: tuple[Cue, ...], length: float, what: str) -> None:
        for cue in cues:
            if cue.at > length:
                self.table.wrong(f"the cue at {cue.at:g} s is beyond the {what} of {length:g} s: let it come sooner")

    def _check_offers(self, step: Menu | Run) -> None:
        prompts = (step.prompt, *(cue.prompt for cue in step.cues))
        offered = {option.key for prompt in prompts for option in prompt.options}
        for key in sorted(offered - set(step.keys) - set("0*#")):
            self.table.wrong(
                f"the prompt offers key {key}, but no key {key} is defined: define it in keys, or take its option off"
            )
        for key in sorted(set(step.keys) - offered):
            self.table.wrong(f"key {key} is defined, but the prompt does not offer it: write « …, tapez {key}. »")
        if not step.keys:
            self.table.wrong('a menu needs at least one key: write keys = { 1 = "step" }')


_KINDS: dict[str, Callable[[_StepReader, dict[str, Any]], Step]] = {
    "say": _StepReader.say,
    "menu": _StepReader.menu,
    "entry": _StepReader.entry,
    "hold": _StepReader.hold,
    "run": _StepReader.run,
    "record": _StepReader.record,
    "transfer": _StepReader.transfer,
    "hangup": _StepReader.hangup,
}
