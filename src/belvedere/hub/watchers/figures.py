"""The DPO's figures: what was given, refused and approved. Numbers come from the log; people are pseudonyms."""

from collections import Counter
from dataclasses import dataclass

import msgspec
from sqlalchemy import Engine, func, select

from belvedere.foundation.clock import DAY_US
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import access_grant, audit_entry
from belvedere.hub.watchers.acts import KINDS, Deed
from belvedere.hub.watchers.blind import Blinder

MOST_READ = 50_000  # newest entries of a kind that are counted
REFUSALS = ("grant.refused", "view.refused", "ptz.refused", "session.refused", "step_up.refused", "quota.reached")
APPROVALS = tuple(sorted(kind for kind, deed in KINDS.items() if deed is Deed.APPROVAL))


@dataclass(frozen=True, slots=True)
class Pair:
    """Who approved for whom how often."""

    asker: str
    approver: str
    given: int
    asked: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the last `days`. `purposes`: grants; `refusals`: by kind; `rules`: refused grants by the rule that refused."""

    days: int
    grants: int
    purposes: dict[str, int]
    refusals: dict[str, int]
    rules: dict[str, int]
    pairs: list[Pair]
    whole: bool  # False: more than MOST_READ entries, the newest were counted


def figures(engine: Engine, blinder: Blinder, now_us: int, days: int) -> Figures:
    """Count. Blocking."""
    since_us = now_us - days * DAY_US
    with reading(engine) as connection:
        by_purpose = (
            select(access_grant.c.purpose, func.count())
            .where(access_grant.c.issued_us >= since_us)
            .group_by(access_grant.c.purpose)
        )
        purposes = {purpose: count for purpose, count in connection.execute(by_purpose)}
        query = (
            select(audit_entry.c.kind, audit_entry.c.account_id, audit_entry.c.body)
            .where(audit_entry.c.time_us >= since_us, audit_entry.c.kind.in_((*REFUSALS, *APPROVALS)))
            .order_by(audit_entry.c.index.desc())
            .limit(MOST_READ)
        )
        rows = connection.execute(query).all()
    refusals: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for kind, actor, body in rows:
        facts = msgspec.json.decode(body)["facts"] if body else {}
        if kind in APPROVALS:
            asker = facts.get("account")
            if isinstance(asker, str) and asker:
                pairs[asker, actor] += 1
            continue
        refusals[kind] += 1
        if kind == "grant.refused":
            rules[str(facts.get("rule", ""))] += 1
    asked: Counter[str] = Counter()
    for (asker, _), count in pairs.items():
        asked[asker] += count
    listed = [
        Pair(blinder.pseudonym(asker), blinder.pseudonym(approver), count, asked[asker])
        for (asker, approver), count in pairs.most_common(50)
    ]
    return Figures(
        days,
        sum(purposes.values()),
        dict(sorted(purposes.items())),
        dict(sorted(refusals.items())),
        dict(sorted(rules.items())),
        listed,
        len(rows) < MOST_READ,
    )
