"""Log entries in plain words, for the people they are about."""

from collections.abc import Callable, Mapping
from typing import Any

from belvedere.foundation.clock import DAY_US, SECOND_US, iso

Facts = Mapping[str, Any]
_NAMED = 3
_ENDED = {
    "closed": "closed by the viewer",
    "access_ended": "the access ended",
    "signed_out": "signed out",
    "lost": "the connection was lost",
    "idle": "nothing more was asked for",
    "dwell": "no reason was given for a long look",
    "camera_off": "the camera was removed or switched off",
    "refused": "refused",
    "hub_stopped": "the hub stopped",
}


def _cameras(facts: Facts) -> str:
    """`camera a`, `cameras a, b`, or a count."""
    one = facts.get("camera")
    several = facts.get("cameras")
    names = [str(name) for name in several] if isinstance(several, list | tuple) else [str(one)] if one else []
    if not names:
        return "no camera"
    if len(names) > _NAMED:
        return f"{len(names)} cameras"
    return f"camera{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _span(facts: Facts) -> str:
    """`, 2026-11-21T21:00:00.000Z to ...` when the facts name footage."""
    start = facts.get("start_us", facts.get("from_us"))
    end = facts.get("end_us", facts.get("to_us"))
    return f", {iso(start)} to {iso(end)}" if isinstance(start, int) and isinstance(end, int) else ""


def _about(facts: Facts) -> str:
    """`camera gate: clock`, or the disk or site that a ticket is about."""
    if facts.get("camera") == "all":
        return "all cameras"
    subject = next((name for name in ("camera", "disk", "site") if facts.get(name)), "")
    fault = str(facts.get("fault", "")).replace("_", " ")
    return f"{subject} {facts.get(subject, '')}{f' ({fault})' if fault else ''}".strip()


def _date(facts: Facts) -> str:
    day = facts.get("day")
    return f", {iso(day * DAY_US)[:10]}" if isinstance(day, int) else ""


def _partner(facts: Facts) -> str:
    return str(facts.get("controller") or facts.get("partner", ""))


def _letter(facts: Facts) -> str:
    """`a package receipt (SHA-256 0123456789ab)`."""
    what = str(facts.get("what", "")).replace("_", " ")
    return f"a{'n' if what[:1] in 'aeiou' else ''} {what} (SHA-256 {str(facts.get('sha256', ''))[:12]})"


def _count(facts: Facts) -> str:
    """`3 camera-days`."""
    days = facts.get("days")
    count = len(days) if isinstance(days, list | tuple) else 0
    return f"{count} camera-day{'' if count == 1 else 's'}"


def _holders(facts: Facts) -> str:
    holders = facts.get("holders")
    return ", ".join(str(each) for each in holders) if isinstance(holders, list | tuple) else ""


def _last(facts: Facts) -> str:
    end = facts.get("end")
    return str(end - 1) if isinstance(end, int) else ""


def _why(facts: Facts) -> str:
    reason = facts.get("reason") or facts.get("message") or facts.get("code")
    return f": {reason}" if reason else ""


def _export(facts: Facts) -> str:
    return "Masked working copy" if facts.get("kind") == "working_copy" else "Export"


def _ended(facts: Facts) -> str:
    """Of a look: how long it was and why it ended."""
    began, until = facts.get("opened_us"), facts.get("until_us")
    long = ""
    if isinstance(began, int) and isinstance(until, int):
        minutes, seconds = divmod(max(0, until - began) // SECOND_US, 60)
        long = f", after {f'{minutes} min ' if minutes else ''}{seconds} s"
    why = _ENDED.get(str(facts.get("why")), "")
    how = "Stopped reviewing" if facts.get("of") == "playback" else "Stopped watching"
    return f"{how} {_cameras(facts)}{_span(facts)}{long}{f': {why}' if why else ''}"


def _said(facts: Facts) -> str:
    """`: a person's own words`."""
    words = facts.get("words")
    return f": {words}" if isinstance(words, str) and words else ""


_SENTENCES: dict[str, Callable[[Facts], str]] = {
    "session.opened": lambda facts: "Signed in",
    "session.refused": lambda facts: f"Sign-in refused{_why(facts)}",
    "session.closed": lambda facts: "Signed out",
    "session.ended_by_council": lambda facts: (
        f"Signed out at the council; sessions ended here: {facts.get('sessions', 0)}"
    ),
    "council.bound": lambda facts: "Account linked with the council's account",
    "council.unbound": lambda facts: f"Account {facts.get('name', '')} no longer linked with a council account",
    "masks.changed": lambda facts: f"{facts.get('masks', 0)} permanent masks on {_cameras(facts)}{_said(facts)}",
    "analysis.switched_on": lambda facts: (
        f"Analysis of site {facts.get('site', '')} switched on, {facts.get('dpia', '')}{_said(facts)}"
    ),
    "analysis.switched_off": lambda facts: f"Analysis of site {facts.get('site', '')} switched off{_said(facts)}",
    "analysis.lapsed": lambda facts: f"Analysis of site {facts.get('site', '')} ended: its review is overdue",
    "analysis.begun": lambda facts: f"Analysis of {_cameras(facts)} for case {facts.get('case', '')}",
    "analysis.changed": lambda facts: f"Analysis for case {facts.get('case', '')} {facts.get('state', '')}",
    "rule.set": lambda facts: f"Live rule {facts.get('name', '')} on {_cameras(facts)}{_said(facts)}",
    "rule.switched": lambda facts: (
        f"Live rule switched {'on' if facts.get('on') else 'off'} on {_cameras(facts)}{_said(facts)}"
    ),
    "alarm.judged": lambda facts: f"Alarm on {_cameras(facts)} judged {facts.get('verdict', '')}{_said(facts)}",
    "password.changed": lambda facts: "Password changed",
    "account.created": lambda facts: f"Account {facts.get('name', '')} added",
    "account.disabled": lambda facts: f"Account {facts.get('name', '')} closed",
    "account.noted": lambda facts: "Noted what accounts are now, to notice changes behind the hub",
    "account.altered_outside": lambda facts: f"An account was {facts.get('how', 'altered')} behind the hub's back",
    "account.as_noted": lambda facts: "An account is again what the log says of it",
    "account.changed": lambda facts: f"Account {facts.get('name', '')} changed",
    "session.revoked": lambda facts: "Signed out from elsewhere",
    "session.moved": lambda facts: (
        f"Session ended: opened in {facts.get('opened_in') or 'one browser'}, seen in another"
    ),
    "passkey.added": lambda facts: f"Passkey “{facts.get('name', '')}” added",
    "passkey.renamed": lambda facts: f"Passkey named “{facts.get('name', '')}”",
    "passkey.removed": lambda facts: "Passkey removed",
    "access.table_changed": lambda facts: (
        f"Another action table counts: {facts.get('now', '')} instead of {facts.get('before', '')}"
    ),
    "step_up.proven": lambda facts: (
        "Confirmed an act with a code from the demo's terminal, no passkey"
        if facts.get("method") == "code"
        else "Confirmed an act with a passkey"
    ),
    "step_up.refused": lambda facts: f"Confirmation refused{_why(facts)}",
    "grant.issued": lambda facts: f"Access given ({facts.get('purpose', '')}) to {_cameras(facts)}{_span(facts)}",
    "grant.refused": lambda facts: f"Access refused{_why(facts)}",
    "grant.ended": lambda facts: "Access renewed by another" if "renewed_as" in facts else "Access ended",
    "grant.revoked": lambda facts: f"Ended somebody's access{_why(facts)}",
    "key.released": lambda facts: f"Key of {_cameras(facts)} released for one day{_date(facts)}",
    "key.released_for_holds": lambda facts: (
        f"Key of {_cameras(facts)}{_date(facts)} lent to its recorder, to keep what a hold covers"
    ),
    "key.destroyed": lambda facts: f"Keys of {_count(facts)} destroyed for good",
    "key.ceremony": lambda facts: f"Key ceremony held: {_holders(facts)}",
    "key.drill": lambda facts: f"Recovery drill held by {_holders(facts)}",
    "key.recovered": lambda facts: f"Keys recovered by {_holders(facts)}",
    "key.wrapping_made": lambda facts: f"Wrapping key {facts.get('key', '')} in force",
    "key.wrapping_destroyed": lambda facts: f"Wrapping key {facts.get('key', '')} destroyed",
    "footage.roots": lambda facts: f"Roots of {_count(facts)}",
    "site.lost": lambda facts: f"Recorder of site {facts.get('site', '')} reported lost",
    "site.disposed": lambda facts: f"Recorder of site {facts.get('site', '')} disposed of",
    "site.repaired": lambda facts: f"Footage index of site {facts.get('site', '')} repaired",
    "site.disk_gone": lambda facts: f"A footage disk of site {facts.get('site', '')} taken out for good{_why(facts)}",
    "site.document": lambda facts: f"Configuration of site {facts.get('site', '')} taken out for a replacement",
    "site.camera_key_rotated": lambda facts: f"New key for the camera passwords of site {facts.get('site', '')}",
    "site.token_made": lambda facts: f"Token made for the new site {facts.get('site', '')}",
    "site.asked": lambda facts: f"A machine asked to be the site {facts.get('site', '')}",
    "site.let_in": lambda facts: f"Site {facts.get('site', '')} let in{_why(facts)}",
    "site.kept_out": lambda facts: f"Site {facts.get('site', '')} not let in{_why(facts)}",
    "site.renewed": lambda facts: f"Certificate of site {facts.get('site', '')} renewed",
    "site.revoked": lambda facts: f"Site {facts.get('site', '')} shut out{_why(facts)}",
    "site.configured": lambda facts: (
        f"Ordered version {facts.get('version', '')} of the configuration of site {facts.get('site', '')}{_why(facts)}"
    ),
    "site.configuration_taken": lambda facts: (
        f"Site {facts.get('site', '')} goes by version {facts.get('version', '')} of its configuration"
    ),
    "site.configuration_refused": lambda facts: (
        f"Site {facts.get('site', '')} did not take version {facts.get('version', '')} of its configuration{_why(facts)}"
    ),
    "site.ordered": lambda facts: (
        f"Ordered what the site {facts.get('site', '')} is: version {facts.get('version', '')}, "
        f"{facts.get('change_count', '')} changes{_why(facts)}"
    ),
    "site.order_taken": lambda facts: (
        f"Site {facts.get('site', '')} is what version {facts.get('version', '')} of its document says"
    ),
    "site.records_dropped": lambda facts: (
        f"{facts.get('records', 0):,} records that sites told before {str(facts.get('before', ''))[:10]} dropped after "
        f"{facts.get('days', '')} days"
    ),
    "site.twice": lambda facts: f"Two machines showed the papers of site {facts.get('site', '')} at once",
    "release.added": lambda facts: f"Release {facts.get('version', '')} of the software taken in",
    "rollout.started": lambda facts: (
        f"Roll-out of version {facts.get('version', '')} to {facts.get('sites', '')} sites started{_why(facts)}"
    ),
    "rollout.stopped": lambda facts: f"Roll-out of version {facts.get('version', '')} stopped{_why(facts)}",
    "rollout.done": lambda facts: f"Roll-out of version {facts.get('version', '')} ended: every site has it",
    "rollout.failed": lambda facts: f"Roll-out of version {facts.get('version', '')} ended with a failure{_why(facts)}",
    "rollout.site_ordered": lambda facts: (
        f"Version {facts.get('version', '')} of the software ordered of site {facts.get('site', '')}"
    ),
    "rollout.site_healthy": lambda facts: (
        f"Site {facts.get('site', '')} works with version {facts.get('version', '')} of the software"
    ),
    "rollout.site_failed": lambda facts: (
        f"Site {facts.get('site', '')} did not get version {facts.get('version', '')} of the software{_why(facts)}"
    ),
    "camera.password_changed": lambda facts: f"Password of {_cameras(facts)} changed",
    "camera.sound_on": lambda facts: (
        f"Sound of {_cameras(facts)} switched on by {facts.get('decided_by', 'somebody')}{_why(facts)}"
    ),
    "camera.sound_off": lambda facts: (
        f"Sound of {_cameras(facts)} switched off by {facts.get('decided_by', 'somebody')}{_why(facts)}"
    ),
    "account.code_renewed": lambda facts: f"New one-time code for account {facts.get('name', '')}",
    "camera.added": lambda facts: f"Added {_cameras(facts)}",
    "camera.changed": lambda facts: f"Changed {_cameras(facts)}",
    "camera.removed": lambda facts: f"Removed {_cameras(facts)}",
    "witness.added": lambda facts: f"Witness of the log: {facts.get('witness', '')}",
    "witness.removed": lambda facts: f"No witness of the log any more: {facts.get('witness', '')}",
    "witness.refused": lambda facts: f"Site {facts.get('site', '')} did not sign the log{_why(facts)}",
    "log.timestamped": lambda facts: f"An outside authority put its time on the log of {facts.get('size', '')} entries",
    "log.read": lambda facts: f"Read the log: {facts.get('filters', '')}",
    "log.erased": lambda facts: (
        f"Content of entries {facts.get('first', '')} to {_last(facts)} erased: its time was up"
    ),
    "log.altered": lambda facts: f"Found altered behind the hub's back{_why(facts)}",
    "objects.fetched": lambda facts: f"{facts.get('key', '')} written to a file on the hub's machine",
    "objects.moved": lambda facts: f"{facts.get('objects', 0)} stored packs moved to {facts.get('to', '')}",
    "log.restored": lambda facts: f"As it was again: {facts.get('what', '')} {facts.get('name', '')}",
    "log.exported": lambda facts: f"Log exported, entries {facts.get('first', '')} to {facts.get('last', '')}",
    "view.live": lambda facts: f"Watched {_cameras(facts)} live",
    "view.playback": lambda facts: f"Reviewed {_cameras(facts)}{_span(facts)}",
    "view.ended": _ended,
    "view.activity": lambda facts: f"Looked at how busy it was, {_cameras(facts)}{_span(facts)}",
    "view.movement": lambda facts: f"Asked whether anything moved, {_cameras(facts)}{_span(facts)}",
    "view.events": lambda facts: f"Looked at what {_cameras(facts)} reported{_span(facts)}",
    "ptz.moved": lambda facts: f"Began to move {_cameras(facts)}",
    "ptz.preset": lambda facts: f"Turned {_cameras(facts)} to preset {facts.get('preset', '')}",
    "ptz.kept": lambda facts: f"Kept the view of {_cameras(facts)} as preset “{facts.get('name', '')}”",
    "ptz.refused": lambda facts: f"Refused to move {_cameras(facts)}{_why(facts)}",
    "view.refused": lambda facts: (
        f"Refused to show {_cameras(facts) if facts.get('camera') or facts.get('cameras') else 'pictures'}{_why(facts)}"
    ),
    "ticket.assigned": lambda facts: f"Ticket of {_about(facts)} given to {facts.get('owner') or 'nobody'}",
    "ticket.noted": lambda facts: f"Note in the ticket of {_about(facts)}{_why(facts)}",
    "ticket.closed": lambda facts: f"Ticket of {_about(facts)} closed{_why(facts)}",
    "outage.declared": lambda facts: f"Planned work declared, {_about(facts)}{_span(facts)}{_why(facts)}",
    "outage.ended": lambda facts: "Planned work ended",
    "export.started": lambda facts: (
        f"{_export(facts)} “{facts.get('name', '')}” begun: {_cameras(facts)}{_span(facts)}"
    ),
    "export.ready": lambda facts: f"Export “{facts.get('name', '')}” ready",
    "export.cancelled": lambda facts: f"Export “{facts.get('name', '')}” cancelled",
    "export.failed": lambda facts: f"Export “{facts.get('name', '')}” failed{_why(facts)}",
    "access.asked": lambda facts: (
        f"Asked for access ({facts.get('purpose', '')}) to {_cameras(facts)}{_span(facts)}{_said(facts)}"
    ),
    "access.weighed": lambda facts: f"Looked for the approvers how busy it was, {_cameras(facts)}{_span(facts)}",
    "access.approved": lambda facts: (
        f"Approved {'less than ' if facts.get('narrowed') else ''}what was asked: "
        f"{_cameras(facts)}{_span(facts)}{_said(facts)}"
    ),
    "access.refused": lambda facts: f"Said no to a request for access{_why(facts)}",
    "access.withdrawn": lambda facts: "Withdrew a request for access",
    "access.lapsed": lambda facts: "A request for access lapsed: nobody decided on it",
    "access.decision_refused": lambda facts: f"Could not decide on a request{_why(facts)}",
    "oncall.set": lambda facts: f"Set who is on call, {len(facts.get('turns') or ())} turns",
    "glass.broken": lambda facts: f"Broke the glass ({facts.get('code', '')}): {_cameras(facts)}{_said(facts)}",
    "glass.refused": lambda facts: f"Break-glass refused{_why(facts)}",
    "glass.reviewed": lambda facts: (
        f"Found a break-glass {'justified' if facts.get('justified') else 'not justified'}{_said(facts)}"
    ),
    "glass.overdue": lambda facts: "Nobody reviewed a break-glass in a day; put before the data protection officer",
    "glass.lifted": lambda facts: f"Let somebody break the glass again{_said(facts)}",
    "purpose.added": lambda facts: f"Purpose {facts.get('purpose', '')} written down{_why(facts)}",
    "purpose.changed": lambda facts: f"Purpose {facts.get('purpose', '')} changed{_why(facts)}",
    "purpose.in_force": lambda facts: f"Purpose {facts.get('purpose', '')} put in force{_why(facts)}",
    "purpose.withdrawn": lambda facts: f"Purpose {facts.get('purpose', '')} withdrawn{_why(facts)}",
    "purpose.cameras": lambda facts: f"Decided what {_cameras(facts)} may be used for{_why(facts)}",
    "case.opened": lambda facts: f"Case {facts.get('case', '')} opened{_why(facts)}",
    "case.changed": lambda facts: f"Case {facts.get('case', '')} changed{_why(facts)}",
    "case.incident": lambda facts: f"Place and time of case {facts.get('case', '')} set{_why(facts)}",
    "case.owner": lambda facts: f"Case {facts.get('case', '')} given to {facts.get('name', '')}{_why(facts)}",
    "case.person_added": lambda facts: f"{facts.get('name', '')} added to case {facts.get('case', '')}{_why(facts)}",
    "case.person_removed": lambda facts: f"{facts.get('name', '')} out of case {facts.get('case', '')}{_why(facts)}",
    "case.footage_added": lambda facts: f"Footage added to case {facts.get('case', '')}{_why(facts)}",
    "case.footage_removed": lambda facts: f"Footage out of case {facts.get('case', '')}{_why(facts)}",
    "case.closed": lambda facts: f"Case {facts.get('case', '')} closed{_why(facts)}",
    "case.reopened": lambda facts: f"Case {facts.get('case', '')} opened again{_why(facts)}",
    "watch.found": lambda facts: f"Something unusual for the data protection officer ({facts.get('rule', '')})",
    "sample.drawn": lambda facts: f"Accesses of one day drawn for review: {len(facts.get('drawn') or [])}",
    "dpo.opened": lambda facts: f"Read at the data protection officer's desk: {facts.get('page', '')}",
    "dpo.reviewed": lambda facts: f"Reviewed ({facts.get('rule', '')}): {facts.get('outcome', '')}",
    "dpo.name_shown": lambda facts: f"Was shown whom an item is about{_why(facts)}",
    "conflict.declared": lambda facts: f"Declared a conflict of one's own ({facts.get('kind', '')})",
    "conflict.withdrawn": lambda facts: f"Withdrew a declared conflict ({facts.get('kind', '')})",
    "dwelling.set": lambda facts: f"Named the views of homes: {facts.get('count', 0)}",
    "dwell.asked": lambda facts: f"Asked why {_cameras(facts)} is watched for so long",
    "dwell.answered": lambda facts: (
        f"Went on watching {_cameras(facts)}: {facts.get('number') or facts.get('reason', '')}"
    ),
    "dwell.stopped": lambda facts: f"Live picture stopped, no reason given: {_cameras(facts)}",
    "dwell.dwelling": lambda facts: f"Held a view of homes for more than a minute, camera {facts.get('camera', '')}",
    "dwell.ended": lambda facts: f"A note or authorisation for a long look ended{_why(facts)}",
    "quota.reached": lambda facts: f"Limit reached{_why(facts)}",
    "card.begun": lambda facts: f"Began a break-glass card for the site {facts.get('site', '')}",
    "card.made": lambda facts: f"Finished a break-glass card for the site {facts.get('site', '')}",
    "card.ended": lambda facts: f"A break-glass card of the site {facts.get('site', '')} ended{_why(facts)}",
    "card.opened": lambda facts: (
        f"{' and '.join(facts.get('names') or [])} opened a card at the site {facts.get('site', '')} "
        f"while the hub was away: {_cameras(facts)}{_span(facts)}{_why(facts)}"
    ),
    "card.told": lambda facts: f"The site {facts.get('site', '')} told more about a break-glass card",
    "card.log_broken": lambda facts: f"The site {facts.get('site', '')} tells of a card in a way that does not hold",
    "page.opened": lambda facts: f"Called for help about recording faults: {facts.get('tickets', 0)}",
    "page.called": lambda facts: f"Called {', '.join(facts.get('names') or [])} about recording faults",
    "page.sent": lambda facts: (
        f"Sent to {facts.get('name', '')}, {_WAYS.get(str(facts.get('way')), facts.get('way', ''))}"
    ),
    "page.failed": lambda facts: f"Could not be sent to {facts.get('name', '')}{_why(facts)}",
    "page.answered": lambda facts: f"{facts.get('name', '')} looks after what was called about",
    "page.unanswered": lambda facts: "Everybody on the rota was called, and nobody answered",
    "page.over": lambda facts: "What was called about is over",
    "page.tested": lambda facts: "Sent a test to everybody who is called",
    "page.planned": lambda facts: "Changed who is called about recording faults",
    "partner.added": lambda facts: f"Added the partner {_partner(facts)}{_why(facts)}",
    "partner.policy": lambda facts: f"Changed what {_partner(facts)} may ask{_why(facts)}",
    "partner.revoked": lambda facts: f"Ended the partnership with {_partner(facts)}{_why(facts)}",
    "partner.rekeyed": lambda facts: f"{_partner(facts)} signs with a new key",
    "federation.said": lambda facts: f"Said to {_partner(facts)}: {_letter(facts)}",
    "federation.heard": lambda facts: f"Heard from {_partner(facts)}: {_letter(facts)}",
    "federation.delivered": lambda facts: f"{_partner(facts)} signed for {_letter(facts)}",
    "federation.not_taken": lambda facts: f"{_partner(facts)} refused {_letter(facts)}{_why(facts)}",
    "federation.turned_away": lambda facts: f"Took nothing from {_partner(facts)}{_why(facts)}",
    "federation.asked": lambda facts: (
        f"Asked {_partner(facts)} whether it holds footage for {facts.get('reference', '')}"
    ),
    "federation.answered": lambda facts: (
        f"Answered {_partner(facts)}, {facts.get('reference', '')}: {facts.get('answer', '')}"
    ),
    "federation.decided": lambda facts: (
        f"Request {facts.get('number', '')} of {_partner(facts)}: {facts.get('decision', '')}{_why(facts)}"
    ),
    "federation.key_made": lambda facts: f"Made the hub's next federation key{_why(facts)}",
    "federation.package_offered": lambda facts: f"Offered a sealed package to {_partner(facts)}",
    "federation.package_kept": lambda facts: f"A sealed package of {_partner(facts)} arrived whole",
    "federation.package_receipted": lambda facts: f"{_partner(facts)} signed for a sealed package",
    "search.shown": lambda facts: (
        f"Was shown {len(facts.get('events', []))} found events of {len(facts.get('cameras', []))} cameras"
    ),
    "view.thumbnail": lambda facts: f"Looked at a found event of {facts.get('camera', '')}",
    "search.made": lambda facts: f"Searched{_why({'reason': facts.get('words')})}",
    "proposal.made": lambda facts: f"Proposed: {facts.get('title', '')}{_why(facts)}",
    "proposal.confirmed": lambda facts: f"Confirmed as the second person: {facts.get('title', '')}",
    "proposal.done": lambda facts: "What two people agreed on took effect",
    "proposal.refused": lambda facts: f"Refused what was proposed: {facts.get('title', '')}{_why(facts)}",
    "proposal.withdrawn": lambda facts: f"Withdrew what was proposed: {facts.get('title', '')}",
    "proposal.lapsed": lambda facts: f"Nobody confirmed in time: {facts.get('title', '')}",
    "proposal.stale": lambda facts: f"Has to be proposed anew: {facts.get('title', '')}{_why(facts)}",
    "proposal.failed": lambda facts: f"Could not be carried out: {facts.get('title', '')}{_why(facts)}",
    "proposal.not_taken": lambda facts: f"Refused a proposal{_why(facts)}",
    "proposal.decision_refused": lambda facts: f"Could not decide on a proposal{_why(facts)}",
    "proposal.alone": lambda facts: (
        f"One person did alone what takes two, as nobody else was there yet: {facts.get('title', '')}"
    ),
    "proposal.second_there": lambda facts: "From now on there is a second person to confirm; nobody does it alone",
    "retention.classes": lambda facts: f"Changed how long footage is kept{_why(facts)}",
    "retention.decided": lambda facts: f"Answered a stopped night: {facts.get('decision', '')}{_why(facts)}",
    "retention.restored": lambda facts: f"Restored footage from quarantine{_why(facts)}",
    "hold.placed": lambda facts: f"Held {_cameras(facts)}{_span(facts)}{_why(facts)}",
    "hold.adopted": lambda facts: f"Adopted a hold that sites went by: {_cameras(facts)}{_span(facts)}{_why(facts)}",
    "hold.extended": lambda facts: f"Extended a hold{_why(facts)}",
    "hold.ended": lambda facts: f"Ended a hold of {_cameras(facts)}{_span(facts)}{_why(facts)}",
    "hold.expired": lambda facts: f"A hold of {_cameras(facts)} ended by itself{_span(facts)}",
    "deletion.certified": lambda facts: (
        f"{facts.get('segments', 0)} segments destroyed: {_cameras(facts)}{_span(facts)}"
    ),
    "export.downloaded": lambda facts: f"Export “{facts.get('name', '')}” downloaded",
}


_WAYS: dict[str, str] = {"email": "by e-mail", "webhook": "by webhook", "sms": "by SMS"}


def summary(kind: str, facts: Facts) -> str:
    """One line that says what an entry records. A kind without a sentence of its own is named as it is."""
    sentence = _SENTENCES.get(kind)
    if sentence is not None:
        return sentence(facts)
    words = kind.replace(".", " ").replace("_", " ")
    about = f": {_cameras(facts)}{_span(facts)}" if facts.get("camera") or facts.get("cameras") else _why(facts)
    return words[:1].upper() + words[1:] + about
