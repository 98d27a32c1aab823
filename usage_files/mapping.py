"""Which column gives which field of an event, as it was asked for on the command line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from usage_files.asked import Refused
from usage_files.instants import Instants

FIELDS: Final = ("id", "source", "customer", "contract", "event", "at", "value", "properties")
CONSTANTS: Final = ("source", "customer", "contract", "event")
EVERY: Final = "*"

Kind = Literal["text", "number", "boolean"]
_PROPERTY = re.compile(r"(?P<names>.+?)(?::(?P<kind>text|number|boolean))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Property:
    """A property, the column that gives it, and what to make of its cells; as they are where nothing is said."""

    name: str
    column: str
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """How rows become events. `columns` are by field; `constants` stand on every event.

    The id comes from its column, or from those of `id_from`, or is the row's number behind `id_prefix`.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    properties: Sequence[Property] = ()
    id_from: Sequence[str] = ()
    id_prefix: str | None = None
    instants: Instants = field(default_factory=Instants)
    unused: Sequence[str] = ()
    # Whether there is no head: then each column that is not named may be a property too.
    rows_name_columns: bool = False
    every_property: bool = False
    used: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of the command line, as they were given."""

    maps: Sequence[str] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    properties: Sequence[str] = ()
    id_from: str = ""
    id_prefix: str | None = None
    instants: Instants = field(default_factory=Instants)


def mapped(asked: Asked, columns: Sequence[str] | None) -> Mapped:
    """How the rows of a file with these columns become events; None where each row names its own.

    A field whose column is not named takes the column that is called like it, if there is one.

    Raises:
        Refused: an option is wrong, names a column that is not there, or a field that is needed comes from nowhere.
    """
    named = _maps(asked.maps)
    id_from = [name.strip() for name in asked.id_from.split(",") if name.strip()]
    _refuse_twice(asked, named, id_from)
    taken = _fields(asked, named, id_from, columns)
    properties = [_property(text) for text in asked.properties if text != EVERY]
    every = EVERY in asked.properties
    if columns is not None:
        _refuse_missing([*named.values(), *id_from, *(one.column for one in properties)], columns)
        _refuse_incomplete(asked, taken, id_from)
    used = {*taken.values(), *id_from, *(one.column for one in properties)}
    others = [name for name in columns or () if name not in used]
    if every:
        properties += [Property(name, name) for name in others]
    return Mapped(
        columns=taken,
        constants=asked.constants,
        properties=properties,
        id_from=id_from,
        id_prefix=asked.id_prefix,
        instants=asked.instants,
        unused=[] if every else others,
        rows_name_columns=columns is None,
        every_property=every and columns is None,
        used=frozenset(used),
    )


def _maps(options: Sequence[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for option in options:
        name, separator, column = option.partition("=")
        if not separator or name not in FIELDS or not column:
            raise Refused(f"--map {option}: write FIELD=COLUMN; the fields are {', '.join(FIELDS)}")
        if name in named:
            raise Refused(f"--map {name} is given more than once")
        named[name] = column
    return named


def _property(option: str) -> Property:
    found = _PROPERTY.fullmatch(option)
    if found is None:
        raise Refused("--property: name a column")
    name, separator, column = found["names"].partition("=")
    return Property(name, column if separator else name, cast("Kind | None", found["kind"]))


def _refuse_twice(asked: Asked, named: Mapping[str, str], id_from: Sequence[str]) -> None:
    both = sorted(named.keys() & asked.constants.keys())
    if both:
        raise Refused(f"--map {both[0]}=... and --{both[0]} exclude each other")
    ids = {"--map id=...": "id" in named, "--id-from": bool(id_from), "--id-from-row": asked.id_prefix is not None}
    given = [option for option, is_given in ids.items() if is_given]
    if len(given) > 1:
        raise Refused(f"{' and '.join(given)} exclude each other")
    if {"customer", "contract"} <= {*named, *asked.constants}:
        raise Refused("an event belongs to a customer or to a contract; give one of them")


def _fields(
    asked: Asked, named: Mapping[str, str], id_from: Sequence[str], columns: Sequence[str] | None
) -> dict[str, str]:
    """The column of each field that comes from one."""
    elsewhere = {*named, *asked.constants}
    if id_from or asked.id_prefix is not None:
        elsewhere.add("id")
    # Who names the customer or the contract means it, whatever the file says beside it.
    if elsewhere & {"customer", "contract"}:
        elsewhere |= {"customer", "contract"}
    like = {name: name for name in FIELDS if name not in elsewhere and (columns is None or name in columns)}
    return {**like, **named}


def _refuse_missing(wanted: Sequence[str], columns: Sequence[str]) -> None:
    for name in wanted:
        if name not in columns:
            raise Refused(f"there is no column {name!r}; there are {', '.join(columns)}")


def _refuse_incomplete(asked: Asked, taken: Mapping[str, Any], id_from: Sequence[str]) -> None:
    given = {*taken, *asked.constants}
    if "id" not in given and not id_from and asked.id_prefix is None:
        raise Refused(
            "no column gives the ids: name it with --map id=COLUMN, or the columns that make a row's id with --id-from"
        )
    if not given & {"customer", "contract"}:
        raise Refused(
            "no column gives the customer: name it with --map customer=COLUMN, or one for all with --customer"
        )
    if "event" not in given:
        raise Refused("no column says what happened: name it with --map event=COLUMN, or one for all with --event")
    if "at" not in given:
        raise Refused("no column says when it happened: name it with --map at=COLUMN")
