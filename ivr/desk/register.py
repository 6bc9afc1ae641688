"""The embedded register: which line, whose mobile is on file, which telephone; and the file that it is imported from.

It is the `lines` that needs no operator's account. Numbers follow rules of our own, not `phonenumbers`, which says that
the numbers reserved for fiction do not exist (facts/ovh-and-gigaset.md 5). It must not know SQL, nor how a number is
kept; everything here but the look-up is pure.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ivr.desk.lines import Line, Made, NotMade, Requested, Seen

MODELS = ("C590IP", "C610IP")
"""The telephones that this line repairs."""

LINE_COLUMNS = ("ligne", "mobile", "modele")
CODE_COLUMNS = ("code",)

LONGEST_CODE = 32
"""Characters (facts/ovh-and-gigaset.md 2); nothing else is known of a code."""

OVERSEAS = {"690": "590", "691": "590", "692": "262", "693": "262", "694": "594", "696": "596", "697": "596"}
"""Mobiles of the overseas departments: the first digits after the 0, and the country code (Arcep, numbering plan)."""

SPACES = str.maketrans("", "", " .-\u00a0\u202f()")


class Kept(Protocol):
    """A line as the register keeps it: an opaque `id` that never changes, and two numbers in E.164."""

    @property
    def id(self) -> str: ...  # noqa: D102 - said above, as are the others
    @property
    def number(self) -> str: ...  # noqa: D102
    @property
    def model(self) -> str: ...  # noqa: D102


class LineStore(Protocol):
    """Where the lines are kept."""

    def by_number(self, number: str) -> Kept | None:
        """The line with this number in E.164; it takes as long to say that there is none."""

    def by_mobile(self, mobile: str) -> Sequence[Kept]:
        """The lines whose mobile on file this is, in E.164."""


def no_pool(_line: str) -> str | None:
    """No code for anybody: the pool's codes are issued inside the turn instead (`ivr.desk.codes`)."""
    return None


class Register:
    """The lines that are ours: a provider of `ivr.desk.lines`. It answers at once, and cannot see registrations.

    `take_code` gives the next code of the pool for the id of a line, None when there is none.
    """

    def __init__(self, lines: LineStore, take_code: Callable[[str], str | None] = no_pool) -> None:
        self._lines, self._take_code = lines, take_code

    def by_number(self, typed: str) -> Line | None:
        """The line that was typed."""
        number = line_number(typed)
        return _line(self._lines.by_number(number)) if number else None

    def by_caller(self, caller: str) -> Line | None:
        """The only line that has this caller's number on file, or the line that he calls from.

        It proves nothing: a caller's number only chooses which question to ask (facts/reliability.md 1.2).
        """
        if number := line_number(caller):
            return _line(self._lines.by_number(number))
        mobile = mobile_number(caller)
        found = self._lines.by_mobile(mobile) if mobile else ()
        return _line(found[0]) if len(found) == 1 else None

    def has_our_phone(self, line: Line) -> bool:
        """Whether the line's telephone is one that this hotline repairs; only such lines are imported."""
        kept = self._lines.by_number(line.number)
        return kept is not None and kept.model in MODELS

    def last_address(self, line: Line) -> Seen | None:
        """Nothing: the register sees no telephone."""
        return None

    def last_registration(self, line: Line) -> float | None:
        """Nothing: the register sees no telephone."""
        return None

    def request_code(self, line: Line, address: str) -> Requested:
        """The pool's next code; its codes are bound to no address."""
        code = self._take_code(line.id)
        return Made(code) if code else NotMade("refused")


def _line(kept: Kept | None) -> Line | None:
    return Line(kept.id, kept.number) if kept else None


def ending(line: Line) -> str:
    """What may be spoken of a line before the caller is verified: its last four digits."""
    return line.number[-4:]


def calls_from_itself(line: Line, caller: str) -> bool:
    """Whether the caller uses the line to be repaired: resetting the base will cut the call."""
    return line_number(caller) == line.number


def line_number(text: str) -> str | None:
    """A line in E.164: 01 to 05, or 09 (Arcep, numbering plan), from any usual way of writing it."""
    number = _national(text)
    return f"+33{number[1:]}" if re.fullmatch(r"0[1-59][0-9]{8}", number) else None


def mobile_number(text: str) -> str | None:
    """A mobile in E.164, from any usual way of writing it: metropolitan 06 and 073 to 079, overseas by their prefix.

    0639 is Mayotte's, but for 06 39 98, which Arcep reserves for fiction and which is metropolitan.
    """
    plain = text.translate(SPACES)
    if found := re.fullmatch(r"(?:\+|00)(262|590|594|596)0?(6[0-9]{8})", plain):
        country, rest = found.groups()
        return f"+{country}{rest}" if _country(rest) == country else None
    number = _national(text)
    if not re.fullmatch(r"0(6|7[3-9])[0-9]+", number) or len(number) != 10:
        return None
    return f"+{_country(number[1:])}{number[1:]}"


def _national(text: str) -> str:
    plain = text.translate(SPACES)
    return re.sub(r"^(?:\+33|0033)0?", "0", plain) if plain.isascii() else ""


def _country(rest: str) -> str:
    """The country code of a mobile, from its nine digits."""
    if rest.startswith("639") and not rest.startswith("63998"):
        return "262"
    return OVERSEAS.get(rest[:3], "33")


def masked(number: str) -> str:
    """A number as a screen may show it: « +331****07 »."""
    return f"{number[:4]}****{number[-2:]}" if len(number) > 7 else "****"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file, and the mend, in French; `row` as a spreadsheet counts, 0 for the file as a whole."""

    row: int
    why: str

    def __str__(self) -> str:
        return f"ligne {self.row} : {self.why}" if self.row else self.why


class FileError(Exception):
    """A file of which nothing is imported; every fault, in the order of its rows."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class NewLine:
    """One row of `lines.csv`, checked."""

    number: str = field(repr=False)
    mobile: str = field(repr=False)
    model: str


@dataclass(frozen=True, slots=True)
class NewCode:
    """One row of a pool of codes, checked: 1 to 32 characters without meaning."""

    code: str = field(repr=False)


def read_lines(data: bytes) -> list[NewLine]:
    """The rows of a `lines.csv`: `ligne`, `mobile`, `modele`, in UTF-8, separated by commas or semicolons.

    Raises FileError with every fault of the file.
    """
    return _rows(
        data, LINE_COLUMNS, _new_line, lambda line: line.number, lambda line: f"{masked(line.number)} est deux fois"
    )


def read_codes(data: bytes) -> list[NewCode]:
    """The rows of a pool: one column `code`, in UTF-8.

    Raises FileError with every fault of the file.
    """
    return _rows(data, CODE_COLUMNS, _new_code, lambda code: code.code, lambda _: "ce code est deux fois")


def code_lengths(codes: Iterable[NewCode]) -> dict[int, int]:
    """How many codes have each length: more than one length is worth a second look (a spreadsheet eats zeros)."""
    lengths: dict[int, int] = {}
    for code in codes:
        lengths[len(code.code)] = lengths.get(len(code.code), 0) + 1
    return dict(sorted(lengths.items()))


def _new_line(cells: Sequence[str]) -> NewLine | str:
    """The line of three cells, or why there is none."""
    written, mobile_written, model = (cell.strip() for cell in cells)
    number, mobile = line_number(written), mobile_number(mobile_written)
    model = model.upper().replace(" ", "")
    if number is None:
        return f"colonne ligne : {_not_a(written, 'un numéro de ligne (dix chiffres, 01 à 05 ou 09)')}"
    if line_number(mobile_written) == number:
        return "colonne mobile : c'est la ligne elle-même, un SMS n'y prouverait rien ; donnez le mobile du client"
    if mobile is None:
        return f"colonne mobile : {_not_a(mobile_written, 'un mobile français (06 ou 07)')}"
    if model not in MODELS:
        shown = model if len(model) <= 8 else masked(model)
        return f"colonne modele : « {shown} » n'est pas dépanné par cette ligne ; écrivez {' ou '.join(MODELS)}"
    return NewLine(number, mobile, model)


def _not_a(written: str, what: str) -> str:
    if not written:
        return f"vide ; il faut {what}"
    if re.fullmatch(r"[1-9][0-9]{8}", written):
        return f"le zéro du début manque à « {masked(written)} » ; dans le tableur, mettez la colonne au format Texte"
    return f"« {masked(written)} » n'est pas {what}"


def _new_code(cells: Sequence[str]) -> NewCode | str:
    """The code of one cell, or why there is none. The code itself is never in the reason."""
    code = cells[0].strip()
    if not code:
        return "le code est vide ; supprimez la ligne ou complétez-la"
    if len(code) > LONGEST_CODE:
        return f"le code a {len(code)} caractères, {LONGEST_CODE} au plus ; vérifiez qu'une ligne ne porte qu'un code"
    if re.fullmatch(r"[0-9][.,]?[0-9]*E\+?[0-9]+", code, re.IGNORECASE) and "+" in code:
        return "le tableur a arrondi ce code (1,23E+11) ; mettez la colonne au format Texte et réexportez"
    if not re.fullmatch(r"[!-~]+", code):
        return "le code contient un espace ou un accent ; écrivez-le d'un seul tenant"
    return NewCode(code)


T = TypeVar("T")


def _rows(
    data: bytes,
    columns: Sequence[str],
    made: Callable[[Sequence[str]], T | str],
    key: Callable[[T], str],
    twice: Callable[[T], str],
) -> list[T]:
    """Every row made into its value; all of them or FileError."""
    faults: list[Fault] = []
    rows: list[T] = []
    seen: dict[str, int] = {}
    for number, cells in _table(_text(data), columns):
        row = made(cells) if len(cells) == len(columns) else f"{len(cells)} cellules au lieu de {len(columns)}"
        if isinstance(row, str):
            faults.append(Fault(number, row))
        elif first := seen.get(key(row)):
            faults.append(Fault(number, f"{twice(row)} (déjà ligne {first}) ; gardez-en une"))
        else:
            seen[key(row)] = number
            rows.append(row)
    if not faults and not rows:
        faults.append(Fault(0, "le fichier n'a que son en-tête ; rien à importer"))
    if faults:
        raise FileError(faults)
    return rows


def _table(text: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header, with their number, in the order of `columns`; a spreadsheet's blank rows left out."""
    text = text.rstrip()
    header = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",", strict=True)
    try:
        order = _order(next(reader, []), columns)
        for cells in reader:
            if any(cell.strip() for cell in cells) or len(columns) == 1:
                fits = len(cells) == len(columns)
                yield reader.line_num, [cells[place] for place in order] if fits else cells or [""]
    except csv.Error as error:
        why = f"guillemets mal fermés ou cellule démesurée ({error}) ; réexportez le fichier en CSV"
        raise FileError([Fault(reader.line_num, why)]) from error


def _order(header: Sequence[str], columns: Sequence[str]) -> list[int]:
    names = [name.strip().lower().replace("è", "e") for name in header]
    if sorted(names) != sorted(columns):
        raise FileError([Fault(1, f"la première ligne doit être l'en-tête « {','.join(columns)} »")])
    return [names.index(column) for column in columns]


def _text(data: bytes) -> str:
    """The text of a file in UTF-8, with or without its mark."""
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        why = (
            f"le fichier n'est pas en UTF-8 (octet 0x{data[error.start]:02X}, sans doute du Latin-1 ou Windows-1252) ; "
            "enregistrez-le en « CSV UTF-8 »"
        )
        raise FileError([Fault(data[: error.start].count(b"\n") + 1, why)]) from error
    if "\x00" in text:
        why = "le fichier contient des octets nuls, sans doute de l'UTF-16 ; enregistrez-le en « CSV UTF-8 »"
        raise FileError([Fault(text[: text.index("\x00")].count("\n") + 1, why)])
    return text
