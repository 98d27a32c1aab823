"""What somebody may have meant by a name that nobody knows."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is fewest keystrokes away, the first of equals; None where more than half is other."""
    ranked = [(_keystrokes(name.lower(), one.lower()), one) for one in known]
    near = [(distance, one) for distance, one in ranked if 2 * distance <= max(len(name), len(one))]
    return min(near, key=lambda found: found[0])[1] if near else None


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """A sentence that names what is unknown, and the known name that is nearest, or all where none is near."""
    names = list(known)
    found = nearest(name, names)
    hint = f"did you mean {found!r}?" if found else f"there are {', '.join(names)}" if names else "there is none at all"
    return f"there is no {what} {name!r}; {hint}"


def _keystrokes(one: str, other: str) -> int:
    """How many letters must be added, dropped or replaced to make one text of another."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        above, row = row, [i]
        for j, wanted in enumerate(other, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted)))
    return row[-1]
