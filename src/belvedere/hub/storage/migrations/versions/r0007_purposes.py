"""Purposes as the data protection officer has them written down, and cases. A council begins with the purposes below."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_WATCH = ["operator", "supervisor", "manager"]
_WORK = ["operator", "investigator", "supervisor"]
_LOOK = ["playback", "export", "still", "unmask"]


def _purpose(code: str, text: str, wording: str, basis: str, condition: str, **more: Any) -> dict[str, Any]:
    """A row; the usual case is work on recorded pictures under a case."""
    usual: dict[str, Any] = {
        "kind": "incident",
        "regime": "uk_gdpr",
        "actions": _LOOK,
        "roles": _WORK,
        "longest_us": 8 * _HOUR,
        "usual_reach_us": _HOUR,
        "longest_reach_us": None,
        "longest_span_us": None,
        "most_cameras": None,
        "needs_case": True,
        "ends_with_shift": False,
        "masked": True,
        "for_new_cameras": True,
        "in_force_us": 0,
        "withdrawn_us": None,
        "version": 1,
        "changed_us": 0,
    }
    texts = {"code": code, "text": text, "wording": wording, "basis": basis, "condition": condition}
    return {**usual, **texts, **more}


_TASK = "UK GDPR Art. 6(1)(e): a task in the public interest"
_UNLAWFUL = "DPA 2018 Sch. 1 para. 10, preventing or detecting unlawful acts"
SEED = [
    _purpose(
        "duty",
        "Duty shift",
        "Watching over the public places of an estate during a shift, to notice what needs help at once: somebody in "
        "danger, a crime under way, damage. What was recorded is opened to see what has just happened.",
        _TASK,
        f"Crime and Disorder Act 1998 s.17; {_UNLAWFUL}; Surveillance Camera Code, principles 1 and 7",
        kind="duty",
        actions=["live", "playback", "export", "ptz", "still"],
        roles=_WATCH,
        longest_us=12 * _HOUR,
        longest_reach_us=_DAY,
        needs_case=False,
        ends_with_shift=True,
    ),
    _purpose(
        "investigation",
        "Investigation",
        "Finding out what happened in one reported incident of anti-social behaviour, damage or another breach that the "
        "council deals with, from the cameras and times that the case names.",
        _TASK,
        f"Crime and Disorder Act 1998 s.17; Anti-social Behaviour, Crime and Policing Act 2014; {_UNLAWFUL}",
        actions=["live", "ptz", "search", *_LOOK],
        roles=[*_WORK, "manager"],
    ),
    _purpose(
        "crime",
        "Crime that the council prosecutes",
        "Gathering evidence of an offence that the council itself investigates and prosecutes, such as fly-tipping or "
        "criminal damage to its property.",
        "DPA 2018 Part 3, s.35(2)(b): necessary for a task of a competent authority for a law enforcement purpose",
        "The Act that makes the offence, named in the case; DPA 2018 s.42 and Sch. 8 para. 1 where sensitive",
        regime="part_3",
        actions=["search", *_LOOK],
    ),
    _purpose(
        "request",
        "Request by police or another authority",
        "Looking for what a police force or another authority has asked for in writing: a named offence, place and time, "
        "why it is needed, signed by who may ask. Wide or unnamed requests are refused.",
        _TASK,
        "Crime and Disorder Act 1998 s.115; DPA 2018 Sch. 2 Pt 1 para. 2 (crime and taxation)",
        actions=["search", *_LOOK],
    ),
    _purpose(
        "subject",
        "Subject access",
        "Finding the pictures of a person who asked for their own, at the place and time that they gave. Others are hidden "
        "before anything is handed over.",
        "UK GDPR Art. 6(1)(c): a legal obligation",
        "UK GDPR Art. 15; DPA 2018 s.45 where the case is under Part 3",
    ),
    _purpose(
        "claim",
        "Legal claim",
        "Finding what a claim for damage or injury, or its defence, rests on. Each request is judged on its merits.",
        _TASK,
        "DPA 2018 Sch. 2 Pt 1 para. 5 (legal proceedings); Sch. 1 para. 33 (legal claims)",
    ),
    _purpose(
        "safety",
        "Accident or safety incident",
        "Finding out how somebody came to harm on the estate, or nearly did, and what has to be put right.",
        _TASK,
        "Health and Safety at Work etc. Act 1974 s.3; RIDDOR 2013",
        actions=["live", *_LOOK],
        roles=[*_WORK, "manager"],
    ),
    _purpose(
        "break_glass",
        "Threat to life",
        "Somebody is missing, hurt or in danger now, and pictures may help to find or protect them.",
        "UK GDPR Art. 6(1)(d): vital interests",
        "UK GDPR Art. 9(2)(c) where health is concerned",
        kind="break_glass",
        actions=["live", "playback", "ptz", "still", "unmask"],
        roles=[*_WATCH, "investigator"],
        longest_us=_HOUR,
        usual_reach_us=_HOUR,
        longest_reach_us=_DAY,
        needs_case=False,
    ),
    _purpose(
        "maintenance",
        "Maintenance of cameras",
        "Seeing whether a camera is aimed, focused and clean: single masked pictures, while working on it. Figures come "
        "first: most faults show without a picture.",
        _TASK,
        "Surveillance Camera Code, principles 8 and 11; UK GDPR Art. 32",
        kind="ticket",
        actions=["still"],
        roles=["installer", "supervisor"],
        longest_us=30 * _MINUTE,
        usual_reach_us=_HOUR,
        longest_reach_us=_HOUR,
        needs_case=False,
        for_new_cameras=False,
        in_force_us=None,
    ),
    _purpose(
        "training",
        "Training",
        "Teaching staff to work with the control room, on masked recordings that are no longer needed for anything else.",
        _TASK,
        "Surveillance Camera Code, principle 8; UK GDPR Art. 32(4)",
        actions=["playback"],
        roles=[*_WATCH, "investigator"],
        longest_us=2 * _HOUR,
        usual_reach_us=7 * _DAY,
        longest_reach_us=31 * _DAY,
        needs_case=False,
        for_new_cameras=False,
        in_force_us=None,
    ),
    _purpose(
        "review",
        "Review of the log",
        "Checking who looked at what, and why. It opens no pictures: what is read is the log.",
        _TASK,
        "UK GDPR Art. 5(2) and 32; DPA 2018 s.62; Surveillance Camera Code, principle 10",
        kind="ticket",
        actions=[],
        roles=["dpo", "auditor"],
        longest_reach_us=31 * _DAY,
        needs_case=False,
        for_new_cameras=False,
    ),
]


def _purposes() -> None:
    table = op.create_table(
        "purpose",
        sa.Column("code", sa.String(32), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("text", "wording")),
        *(sa.Column(name, sa.String(16), nullable=False) for name in ("kind", "regime")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("basis", "condition")),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("actions", "roles")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("longest_us", "usual_reach_us")),
        *(sa.Column(name, sa.BigInteger, nullable=True) for name in ("longest_reach_us", "longest_span_us")),
        sa.Column("most_cameras", sa.Integer, nullable=True),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("needs_case", "ends_with_shift")),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("masked", "for_new_cameras")),
        *(sa.Column(name, sa.BigInteger, nullable=True) for name in ("in_force_us", "withdrawn_us")),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_purpose"),
    )
    op.bulk_insert(table, SEED)
    op.create_table(
        "camera_purpose",
        sa.Column("camera", sa.String(48), nullable=False),
        sa.Column("purposes", sa.JSON, nullable=False),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("changed_by", "reason")),
        sa.PrimaryKeyConstraint("camera", name="pk_camera_purpose"),
    )
    op.create_table(
        "purpose_change",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("by", "reason")),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("audit_index", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_purpose_change"),
    )
    op.create_index("ix_purpose_change_subject_audit_index", "purpose_change", ["subject", "audit_index"])


def _cases() -> None:
    op.create_table(
        "case_file",
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("id", "reference", "reference_key")),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("regime", sa.String(16), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_us", sa.BigInteger, nullable=False),
        sa.Column("opened_by", sa.String(64), nullable=False),
        sa.Column("closed_us", sa.BigInteger, nullable=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("closed_by", "closed_why")),
        sa.Column("review_us", sa.BigInteger, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        *(sa.Column(name, sa.Float(53), nullable=True) for name in ("lat", "lon")),
        *(sa.Column(name, sa.BigInteger, nullable=True) for name in ("incident_from_us", "incident_to_us")),
        sa.PrimaryKeyConstraint("id", name="pk_case_file"),
        sa.UniqueConstraint("reference_key", name="uq_case_file_reference_key"),
        sa.ForeignKeyConstraint(["owner_id"], ["account.id"], name="fk_case_file_owner_id"),
    )
    op.create_index("ix_case_file_state_id", "case_file", ["state", "id"])
    op.create_index("ix_case_file_opened_us", "case_file", ["opened_us"])
    op.create_table(
        "case_person",
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("id", "case_id", "account_id")),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("joined_us", sa.BigInteger, nullable=False),
        sa.Column("left_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_case_person"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name="fk_case_person_case_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_case_person_account_id"),
    )
    op.create_index("ix_case_person_case_id", "case_person", ["case_id"])
    op.create_index("ix_case_person_account_id", "case_person", ["account_id"])
    op.create_table(
        "case_footage",
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("id", "case_id")),
        sa.Column("camera", sa.String(48), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("from_us", "to_us", "added_us")),
        sa.Column("added_by", sa.Text, nullable=False),
        sa.Column("removed_us", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_case_footage"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name="fk_case_footage_case_id", ondelete="CASCADE"),
    )
    op.create_index("ix_case_footage_case_id", "case_footage", ["case_id"])
    op.create_table(
        "case_act",
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("id", "case_id")),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("kind", sa.String(48), nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("audit_index", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case_act"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name="fk_case_act_case_id", ondelete="CASCADE"),
    )
    op.create_index("ix_case_act_case_id_audit_index", "case_act", ["case_id", "audit_index"])


def upgrade() -> None:
    _purposes()
    _cases()
