"""What a page says. Words only: sites, cameras, faults and times; no picture, nobody's name but that of who answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from belvedere.hub.health.tickets import Ticket
from belvedere.hub.health.words import title_of
from belvedere.hub.paging.book import CALL, OVER, Message
from belvedere.hub.paging.ladder import Page
from belvedere.hub.paging.plan import local_time

_NAMED = 8
_SHORT = 300  # characters of an SMS: two parts of it


@dataclass(frozen=True, slots=True)
class Letter:
    """A page as it is sent. `short`: for an SMS; `link`: where it is answered, "" where there is no such address."""

    subject: str
    text: str
    short: str
    link: str
    site: str
    faults: tuple[dict[str, object], ...]


def letter(
    page: Page,
    message: Message,
    tickets: Sequence[Ticket],
    sites: Mapping[str, str],
    cameras: Mapping[str, str],
    *,
    zone: str,
    link: str,
    wait_minutes: int,
) -> Letter:
    """The words of one message. `sites`, `cameras`: names by id. `tickets`: those of the page that are still open."""
    names = sorted({sites.get(each.site_id, each.site_id) for each in tickets})
    site = sites.get(page.site_id, page.site_id) or (names[0] if len(names) == 1 else f"{len(names)} sites")
    lines = [_line(each, sites, cameras, zone, many=len(names) > 1) for each in tickets[:_NAMED]]
    if len(tickets) > _NAMED:
        lines.append(f"and {len(tickets) - _NAMED} more")
    count = f"{len(tickets)} recording fault{'' if len(tickets) == 1 else 's'}"
    if page.test:
        subject = "Test: this is how Belvedere calls"
        body, site = ["This is a test. Nothing is wrong.", f"Asked for by {page.asked_by}."], ""
        short = f"Belvedere: this is a test, nothing is wrong. Asked for by {page.asked_by}."
    elif message.what == OVER:
        subject = f"Over: recording fault at {sites.get(page.site_id, '') or 'several sites'}"
        body, short = (
            ["What you were called about is mended, or somebody has taken it over in the control room."],
            f"Belvedere: {subject}.",
        )
    elif message.what == CALL:
        subject = f"{count} at {site}"
        body, short = [f"{subject}:", "", *lines], f"Belvedere: {subject}: {'; '.join(lines[:2])}"
    else:
        subject = f"Taken: recording fault at {site}"
        body, short = (
            [f"{page.answered_by} looks after it."],
            f"Belvedere: {subject}. {page.answered_by} looks after it.",
        )
    if message.what != CALL:
        link = ""
    elif link:
        body += ["", "Say that you look after it:", link]
    else:
        body += ["", "Say that you look after it in the control room: Health, Who is called."]
    if message.what == CALL and not page.test and wait_minutes:
        body += ["", f"If nobody says so within {wait_minutes} minutes, the next ones are called."]
    tail = f" Answer: {link}" if link else ""
    short = short if len(short) + len(tail) <= _SHORT else f"{short[: _SHORT - len(tail) - 3]}..."
    faults = tuple(
        {
            "ticket": each.id,
            "kind": each.kind,
            "title": title_of(each.kind),
            "site": each.site_id,
            "subject": each.subject,
            "name": cameras.get(each.subject_id, each.subject_id),
            "since_us": each.first_us,
        }
        for each in tickets
    )
    return Letter(subject, "\n".join([*body, ""]), short + tail, link, site, faults)


def _line(ticket: Ticket, sites: Mapping[str, str], cameras: Mapping[str, str], zone: str, *, many: bool) -> str:
    who = cameras.get(ticket.subject_id, ticket.subject_id) if ticket.subject == "camera" else ""
    if ticket.subject == "disk":
        who = f"disk {ticket.subject_id}"
    where = f" at {sites.get(ticket.site_id, ticket.site_id)}" if many else ""
    since = _moment(local_time(ticket.first_us, zone))
    return f"{title_of(ticket.kind)}{f': {who}' if who else ''}{where}, since {since}"


def _moment(at: datetime) -> str:
    return f"{at.day} {at:%b %H:%M}"
