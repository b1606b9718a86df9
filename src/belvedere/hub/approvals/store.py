"""Requests as rows. Blocking; call it in a thread from async code."""

from typing import Any

from sqlalchemy import Engine, RowMapping, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from belvedere.foundation.errors import NotFound
from belvedere.hub.approvals.ask import AccessRequest, State, Wanted
from belvedere.hub.approvals.tables import access_request
from belvedere.hub.storage.engine import reading, writing
from belvedere.policy.grant import Action

PAGE = 100


class RequestStore:
    """A row changes only while it waits, so that of two decisions at once one counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, request: AccessRequest) -> None:
        """Keep a new request."""
        wanted = request.wanted
        lon, lat = request.place or (None, None)
        with writing(self._engine) as connection:
            connection.execute(
                insert(access_request).values(
                    id=request.id,
                    account_id=request.account_id,
                    user_name=request.user_name,
                    team=request.team,
                    roles=list(request.roles),
                    purpose=wanted.purpose,
                    purpose_text=request.purpose_text,
                    case_ref=wanted.case,
                    cameras=list(wanted.cameras),
                    from_us=wanted.from_us,
                    to_us=wanted.to_us,
                    actions=[str(action) for action in wanted.actions],
                    lasts_us=wanted.lasts_us,
                    renews=wanted.renews,
                    reason=wanted.reason,
                    recipient=wanted.recipient,
                    lon=lon,
                    lat=lat,
                    ask_sha256=request.ask_sha256,
                    rule=request.rule,
                    approvers=list(request.approvers),
                    audit_index=request.audit_index,
                    asked_us=request.asked_us,
                    lapses_us=request.lapses_us,
                    weighing=None,
                    state=str(request.state),
                    decided_us=None,
                    decided_by="",
                    decider="",
                    words="",
                    given=None,
                    given_sha256="",
                    step_up="",
                    grant_id="",
                )
            )

    def get(self, request_id: str) -> AccessRequest:
        """One request. Raises NotFound."""
        with reading(self._engine) as connection:
            query = select(access_request).where(access_request.c.id == request_id)
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound("There is no such request.", advice="Look at the list of requests.")
        return _request(row)

    def waiting(self, account_id: str | None = None) -> list[AccessRequest]:
        """Those that wait, the oldest first; of one person where one is named."""
        waits = access_request.c.state == State.WAITING
        return self._list(waits if account_id is None else waits & _of(account_id), newest_first=False)

    def decided(self, account_id: str | None = None, before: str = "") -> list[AccessRequest]:
        """Those that no longer wait, the newest first. `before`: the last id of the page before."""
        done = access_request.c.state != State.WAITING
        return self._list(done if account_id is None else done & _of(account_id), before=before)

    def of(self, account_id: str, before: str = "") -> list[AccessRequest]:
        """A person's own, the newest first. `before` as above."""
        return self._list(_of(account_id), before=before)

    def due(self, now_us: int) -> list[AccessRequest]:
        """Those that wait and are past their time."""
        return self._list(
            (access_request.c.state == State.WAITING) & (access_request.c.lapses_us <= now_us), newest_first=False
        )

    def count_waiting(self, account_id: str | None = None) -> int:
        """How many wait, of one person or of all."""
        query = select(func.count()).where(access_request.c.state == State.WAITING)
        if account_id is not None:
            query = query.where(access_request.c.account_id == account_id)
        with reading(self._engine) as connection:
            return int(connection.scalar(query) or 0)

    def weigh(self, request_id: str, weighing: dict[str, Any]) -> None:
        """Keep what the desk worked out about a request."""
        with writing(self._engine) as connection:
            connection.execute(
                update(access_request).where(access_request.c.id == request_id).values(weighing=weighing)
            )

    def leave_waiting(self, request_id: str, **values: object) -> bool:
        """Decide a request that waits; whether it did."""
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(access_request)
                .where(access_request.c.id == request_id, access_request.c.state == State.WAITING)
                .values(**values)
            )
            return changed.rowcount == 1

    def put_grant(self, request_id: str, grant_id: str) -> bool:
        """Note the grant of an approved request; False when there is one already."""
        free = or_(access_request.c.grant_id == "", access_request.c.grant_id == grant_id)
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(access_request).where(access_request.c.id == request_id, free).values(grant_id=grant_id)
            )
            return changed.rowcount == 1

    def _list(self, which: ColumnElement[bool], *, newest_first: bool = True, before: str = "") -> list[AccessRequest]:
        """A page. Ids sort by the time of asking (UUID version 7)."""
        if before:
            which = which & (access_request.c.id < before)
        order = access_request.c.id.desc() if newest_first else access_request.c.id
        with reading(self._engine) as connection:
            query = select(access_request).where(which).order_by(order).limit(PAGE)
            return [_request(row) for row in connection.execute(query).mappings()]


def _of(account_id: str) -> ColumnElement[bool]:
    return access_request.c.account_id == account_id


def wanted_of(words: dict[str, Any]) -> Wanted:
    """The inverse of `Wanted.words`."""
    return Wanted(
        purpose=words["purpose"],
        case=words["case"],
        cameras=tuple(words["cameras"]),
        from_us=words["from_us"],
        to_us=words["to_us"],
        actions=tuple(Action(name) for name in words["actions"]),
        lasts_us=words["lasts_us"],
        reason=words["reason"],
        recipient=words["recipient"],
        renews=words["renews"],
    )


def _request(row: RowMapping) -> AccessRequest:
    return AccessRequest(
        id=row["id"],
        account_id=row["account_id"],
        user_name=row["user_name"],
        team=row["team"],
        roles=tuple(row["roles"]),
        purpose_text=row["purpose_text"],
        wanted=wanted_of({**row, "case": row["case_ref"]}),
        place=None if row["lon"] is None else (row["lon"], row["lat"]),
        ask_sha256=row["ask_sha256"],
        rule=row["rule"],
        approvers=tuple(row["approvers"]),
        audit_index=row["audit_index"],
        asked_us=row["asked_us"],
        lapses_us=row["lapses_us"],
        weighing=row["weighing"],
        state=State(row["state"]),
        decided_us=row["decided_us"],
        decided_by=row["decided_by"],
        decider=row["decider"],
        words=row["words"],
        given=None if row["given"] is None else wanted_of(row["given"]),
        given_sha256=row["given_sha256"],
        step_up=row["step_up"],
        grant_id=row["grant_id"],
    )
