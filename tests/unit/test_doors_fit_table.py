"""The doors of what changes something fit the action table: never wider than its row, and the same where others review or agree."""

from belvedere.hub.approvals.glass import REVIEWERS
from belvedere.policy.grant import Action
from belvedere.policy.row import DecisionTable, Role, Row
from belvedere.policy.table import FULL_TABLE, TABLE, TABLES
from door_table import DOORS, ENTERING, MAY_HOLD, PUBLIC, SIGNED_IN

# Who does it, by the row of the table that it belongs to.
ACTS = {
    "PUT /api/retention/classes": "retention_change",
    "POST /api/retention/decision": "retention_change",
    "POST /api/holds/{hold_id}/end": "hold_release",
    "PUT /api/people/{name}/roles": "role_change",
    "POST /api/people": "role_change",
    "POST /api/people/list": "role_change",
    "POST /api/people/{name}/leave": "role_change",
    "PUT /api/people/{name}": "role_change",
    "POST /api/purposes": "purpose_change",
    "PUT /api/purposes/{code}": "purpose_change",
    "POST /api/purposes/{code}/in-force": "purpose_change",
    "PUT /api/camera-purposes": "purpose_change",
    "PUT /api/cameras/{camera_id}/sound": "sound_on",
    "POST /api/partners": "partner_change",
    "PUT /api/partners/{partner_id}/policy": "partner_change",
    "POST /api/rollouts": "site_update",
    "PUT /api/sites/{site}/document": "site_update",
    "POST /api/break-glass": "break_glass",
}
# Narrower than its row: these roles of the row are kept out.
KEPT_OUT = {
    "PUT /api/retention/classes": {"manager"},
    "POST /api/retention/decision": {"manager"},
    "POST /api/break-glass": {"investigator", "manager"},
    "PUT /api/partners/{partner_id}/policy": {"administrator"},
}
# What changes something and is open to everybody with an account: about oneself, or decided inside, by the policy or the case.
EVERYBODY = (
    "/api/sessions",
    "/api/passkeys",
    "/api/step-up",
    "/api/grants",
    "/api/exports/{export_id}",
    "/api/requests",
    "/api/proposals",
    "/api/cases/{case_id}",
    "/api/conflicts",
)


def _row(table: DecisionTable, act: str) -> Row:
    row = table.row(act)
    assert row is not None, act
    return row


def _words(roles: frozenset[Role]) -> set[str]:
    return {str(role) for role in roles}


def test_no_door_is_wider_than_its_row() -> None:
    for address, act in ACTS.items():
        allowed, inside = _words(_row(FULL_TABLE, act).roles), set(DOORS[address].split())
        assert inside <= allowed, address
        assert allowed - inside == KEPT_OUT.get(address, set()), address


def test_who_reviews_and_agrees_is_whom_the_table_names() -> None:
    glass = _row(FULL_TABLE, "break_glass")
    assert set(DOORS["POST /api/break-glass/{glass_id}/review"].split()) == _words(glass.approvers)
    assert set(map(str, REVIEWERS)) == _words(glass.approvers)
    agreeing = {role for row in FULL_TABLE.rows if row.actions for role in _words(row.approvers)}
    for address in ("POST /api/requests/{request_id}/approve", "POST /api/requests/{request_id}/refuse"):
        assert set(DOORS[address].split()) == agreeing
    confirming = {role for row in FULL_TABLE.rows if not row.actions for role in _words(row.approvers)}
    for address in ("POST /api/proposals/{proposal_id}/confirm", "POST /api/proposals/{proposal_id}/refuse"):
        assert set(DOORS[address].split()) == confirming


def test_what_roles_may_hold_is_what_the_open_desk_gives() -> None:
    for role, actions in MAY_HOLD.items():
        given = {action for row in TABLE.rows if Role(role) in row.roles for action in row.actions}
        assert given == actions, role
    for door in DOORS.values():
        assert door not in list(Action) or all(
            any(door in row.actions for row in each.rows) for each in TABLES.values()
        )


def test_what_everybody_may_change_is_their_own_or_decided_inside() -> None:
    changing = [address for address, door in DOORS.items() if door == SIGNED_IN and not address.startswith("GET ")]
    assert [address for address in changing if not address.partition(" ")[2].startswith(EVERYBODY)] == []
    entering = {address for address, door in DOORS.items() if door in (ENTERING, PUBLIC)}
    assert {each.split()[1].split("/")[2] for each in entering if "/api/" in each} == {
        "session",
        "password",
        "passkeys",
    }
