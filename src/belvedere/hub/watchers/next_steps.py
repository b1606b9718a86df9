"""What each kind of item is called, and what the data protection officer does about it. Plain words, for people."""

from collections.abc import Mapping

_TITLES: Mapping[str, str] = {
    "repeat_subject": "Same search again and again",
    "repeat_place": "Same place again and again",
    "declared_conflict": "Declared conflict",
    "off_shift": "Outside their shifts",
    "volume": "Far more than usual",
    "case_timing": "A case made to fit",
    "approver_pair": "One approver for one person",
    "dwelling_look": "A long look at homes",
    "glass_unreviewed": "Emergency access not reviewed",
    "sample": "Random check",
    "break_glass.opened": "Emergency access used",
    "account.altered_outside": "An account altered in the database",
    "account.command_line": "An account changed from the command line",
    "proposal.alone": "Done alone, for want of a second person",
}
_STEPS: Mapping[str, str] = {
    "repeat_subject": "Read the reasons given with the searches. Ask the person what it was about before you ask anybody else.",
    "repeat_place": "Compare with reports from that place. If none explains it, ask the person.",
    "declared_conflict": "Ask the person whether a colleague should have done this. A hit by chance is possible: names repeat.",
    "off_shift": "Check the roster first: a swapped shift that nobody entered is the usual reason.",
    "volume": "Look whether a large incident fell on that day. If not, read the reasons given.",
    "case_timing": "Open the case: does it say what happened, and who reported it? If not, ask the person.",
    "approver_pair": "Check the roster: two people who always work together explain it. If not, read a few of the approvals.",
    "dwelling_look": "Read the note or authorisation given for it in the register of long looks.",
    "glass_unreviewed": "Review it today under Approvals, or ask why it was not.",
    "sample": "Read the reason, then what was looked at under the access. Do they fit?",
    "break_glass.opened": "Review it within 24 hours under Approvals: was there a threat to life, and did the look fit it?",
    "account.altered_outside": "Ask who can write in the database. The account opens nothing until it is set right under People.",
    "account.command_line": "Ask who was at the machine, and why it was not done under People.",
    "proposal.alone": "Look at what was done, and add people who can confirm: from then on nobody does it alone.",
}
_KINDS: Mapping[str, tuple[str, str]] = {
    "finding": ("Unusual", "Read the entries that it rests on."),
    "weekly": ("Weekly list", "Read the entries that it rests on; most have an innocent reason."),
    "notice": ("Told at once", "Read what happened, and whether somebody has to act."),
    "sample": ("Random check", _STEPS["sample"]),
}


def title(kind: str, rule: str) -> str:
    """What an item is called."""
    return _TITLES.get(rule) or _KINDS.get(kind, ("Notice", ""))[0]


def next_step(kind: str, rule: str) -> str:
    """What to do about it."""
    return _STEPS.get(rule) or _KINDS.get(kind, ("", "Read it."))[1]
