"""What a pack says of itself: whose it is, under which access, of which cameras."""

from collections.abc import Iterable

from sqlalchemy import Engine, select

import belvedere
from belvedere.hub.evidence.manifest import (
    COPY_FORMAT,
    FORMAT,
    KINDS,
    Camera,
    Export,
    Hub,
    Log,
    Manifest,
    Software,
    UnderGrant,
)
from belvedere.hub.evidence.order import EVIDENCE, Order
from belvedere.hub.evidence.store import ExportRow
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import camera as camera_table
from belvedere.hub.storage.metadata import site as site_table
from belvedere.tlog.checkpoint import log_origin, open_checkpoint
from belvedere.tlog.proof import LogProof


def manifest_of(
    row: ExportRow, order: Order, proof: LogProof, public_key: bytes, cameras: Iterable[Camera]
) -> Manifest:
    """The manifest, all but the list of files."""
    grant = order.grant
    return Manifest(
        format=FORMAT if order.kind == EVIDENCE else COPY_FORMAT,
        kind=KINDS[order.kind],
        software=Software("Belvedere", belvedere.__version__),
        hub=Hub(public_key.hex(), log_origin(public_key)),
        export=Export(
            id=row.id,
            name=row.name,
            note=row.note,
            cameras=row.cameras,
            start_us=row.start_us,
            end_us=row.end_us,
            made_us=row.made_us,
            made_by=row.made_by,
            made_by_id=row.account_id,
        ),
        grant=UnderGrant(
            id=grant.id,
            purpose=grant.purpose,
            purpose_text=grant.purpose_text,
            case=grant.case,
            issued_us=grant.issued_us,
            expires_us=grant.expires_us,
            approver=grant.approver,
            policy_version=grant.policy_version,
        ),
        log=Log(proof.index, open_checkpoint(proof.checkpoint, public_key).size),
        cameras=tuple(cameras),
        files=(),
    )


def camera_words(engine: Engine, cameras: tuple[str, ...]) -> dict[str, tuple[str, str, str]]:
    """Name, place and site of each camera, as the register has them now. Blocking."""
    query = (
        select(camera_table.c.id, camera_table.c.name, camera_table.c.place, site_table.c.name.label("site"))
        .join(site_table, site_table.c.id == camera_table.c.site_id)
        .where(camera_table.c.id.in_(cameras))
    )
    with reading(engine) as connection:
        return {row["id"]: (row["name"], row["place"], row["site"]) for row in connection.execute(query).mappings()}
