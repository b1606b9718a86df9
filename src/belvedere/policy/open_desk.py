"""The decision table of the open desk: one person opens footage. Data only; see `table`."""

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.policy.grant import Action
from belvedere.policy.row import DecisionTable, Need, Purpose, PurposeKind, Role, Row, Second, StepUp

_CONTROL_ROOM = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.MANAGER})
_SOUND = frozenset({Role.SUPERVISOR, Role.MANAGER})
_UPDATES = frozenset({Role.ADMINISTRATOR, Role.MANAGER})
_DUTY = frozenset({PurposeKind.DUTY})
_INCIDENT = frozenset({PurposeKind.INCIDENT})
_TICKET = frozenset({PurposeKind.TICKET})

TABLE = DecisionTable(
    version="2026-11-6",
    purposes={
        "duty": Purpose(
            code="duty",
            text="Duty shift",
            needs_case=False,
            ends_with_shift=True,
            longest_us=12 * HOUR_US,
            usual_reach_us=31 * DAY_US,
            longest_reach_us=31 * DAY_US,
            masked=False,
            kind=PurposeKind.DUTY,
        ),
        "investigation": Purpose(
            code="investigation",
            text="Investigation",
            needs_case=True,
            ends_with_shift=False,
            longest_us=8 * HOUR_US,
            usual_reach_us=31 * DAY_US,
            longest_reach_us=None,
            masked=False,
            kind=PurposeKind.INCIDENT,
        ),
    },
    rows=(
        Row(
            act="duty",
            text="Everything on shift",
            kinds=_DUTY,
            roles=_CONTROL_ROOM,
            actions=frozenset({Action.LIVE, Action.PLAYBACK, Action.EXPORT, Action.PTZ}),
            second=Second.NONE,
            step_up=StepUp.NONE,
            longest_us=None,
        ),
        Row(
            act="investigation",
            text="Recordings for a case",
            kinds=_INCIDENT,
            roles=frozenset({Role.INVESTIGATOR, Role.SUPERVISOR}),
            actions=frozenset({Action.PLAYBACK, Action.EXPORT}),
            second=Second.NONE,
            step_up=StepUp.NONE,
            longest_us=None,
        ),
        Row(
            act="retention_change",
            text="Change how long footage is kept",
            kinds=_TICKET,
            roles=frozenset({Role.SUPERVISOR, Role.MANAGER, Role.DPO}),
            actions=frozenset(),
            second=Second.NONE,
            step_up=StepUp.NONE,
            longest_us=None,
        ),
        Row(
            act="hold_release",
            text="Release a hold",
            kinds=_TICKET,
            roles=frozenset({Role.SUPERVISOR, Role.DPO}),
            actions=frozenset(),
            second=Second.NONE,
            step_up=StepUp.NONE,
            longest_us=None,
        ),
        Row(
            act="role_change",
            text="Change somebody's roles",
            kinds=_TICKET,
            roles=frozenset({Role.ADMINISTRATOR}),
            actions=frozenset(),
            second=Second.NONE,
            step_up=StepUp.BOUND,
            longest_us=None,
        ),
        Row(
            act="purpose_change",
            text="Change what footage is opened for",
            kinds=_TICKET,
            roles=frozenset({Role.DPO}),
            actions=frozenset(),
            second=Second.NONE,
            step_up=StepUp.BOUND,
            longest_us=None,
        ),
        Row(
            act="sound_on",
            text="Record a camera's sound",
            kinds=_TICKET,
            roles=_SOUND,
            actions=frozenset(),
            second=Second.NONE,
            step_up=StepUp.NONE,
            longest_us=None,
            needs=frozenset({Need.REASON}),
        ),
        Row(
            act="site_update",
            text="Update the software of sites, or order what one is",
            kinds=_TICKET,
            roles=_UPDATES,
            actions=frozenset(),
            second=Second.NONE,
            step_up=StepUp.NONE,
            longest_us=None,
            needs=frozenset({Need.REASON}),
        ),
        Row(
            act="partner_change",
            text="Add a partner, or change what one may ask",
            kinds=_TICKET,
            roles=frozenset({Role.DPO, Role.ADMINISTRATOR}),
            actions=frozenset(),
            second=Second.NONE,
            step_up=StepUp.BOUND,
            longest_us=None,
            needs=frozenset({Need.REASON}),
        ),
    ),
)
