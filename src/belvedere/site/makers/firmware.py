"""Comparing firmware versions as makers write them: `V5.5.52 build 170717`, `2.800.0000000.16.R`, `1.41.01_20240611`."""

import re
from enum import StrEnum

_DOTTED = re.compile(r"\d+(?:\.\d+)+|\d+")
_BUILD = re.compile(r"\b(?:build|date)[:\s_-]*(\d{6,8})\b", re.IGNORECASE)
_LONGEST = 200


class Older(StrEnum):
    """Whether one version is older than another."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def numbers_of(version: str) -> tuple[int, ...] | None:
    """The dotted numbers of a version without trailing zeros; None when it holds none, or only a bare number in words."""
    text = _BUILD.sub(" ", version[:_LONGEST])
    runs = _DOTTED.findall(text)
    dotted = [run for run in runs if "." in run]
    if not dotted and (len(runs) != 1 or not re.fullmatch(r"\s*[vV]?\d+\s*", text)):
        return None
    found = [int(part) for part in (dotted or runs)[0].split(".")]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def build_of(version: str) -> int | None:
    """The build date that stands in a version, as a number; six digits are a date of this century."""
    match = _BUILD.search(version[:_LONGEST])
    if match is None:
        return None
    number = int(match[1])
    return number + 20_000_000 if len(match[1]) == 6 else number


def older(version: str, than: str) -> Older:
    """Whether firmware `version` came before `than`. UNKNOWN rather than a guess: an unpatched camera must not pass as mended.

    Dotted numbers decide; equal ones are told apart by build dates when both have one, and are equal when `than` has none.
    """
    mine, other = numbers_of(version), numbers_of(than)
    if mine is None or other is None:
        return Older.UNKNOWN
    if mine != other:
        return Older.YES if mine < other else Older.NO
    built, other_built = build_of(version), build_of(than)
    if other_built is None:
        return Older.NO
    if built is None:
        return Older.UNKNOWN
    return Older.YES if built < other_built else Older.NO
