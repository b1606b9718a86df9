"""No face recognition and nothing that knows a person again (DESIGN section 1): in what is installed, imported, kept, or let in."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

import belvedere.hub.app  # noqa: F401 - brings every table of the hub
from belvedere.foundation.clock import SystemClock
from belvedere.hub.storage.metadata import METADATA
from belvedere.media.objects import ObjectKind
from belvedere.site.storage.index import Index
from belvedere.vision.models.shelf import refusal
from vision_stage import model_entry, tiny_model

ROOT = Path(__file__).parents[2]
# Packages whose purpose is to compare faces or people.
NEVER = re.compile(
    r"^(face[-_]?recognition|insightface|deepface|facenet|arcface|dlib|retina-?face|mediapipe|torchreid|fast-?reid|"
    r"deep-?sort|boxmot|compreface|uniface|openface)",
    re.IGNORECASE,
)
IMPORTED = re.compile(r"^ *(?:import|from) +(\w+)", re.MULTILINE)
OPENCV = re.compile(r"FaceRecognizer|FaceDetectorYN|\bcv2\.face\b|CascadeClassifier")
WORDS = re.compile(r"embedding|feature_vector|faceprint|face_id|descriptor|biometric|gallery", re.IGNORECASE)
# Every column of the site's index that holds bytes, and what they are. A new one is named here by somebody who has thought of it.
SITE_BYTES = {
    "activity.gate", "activity.sizes",  # figures of packets, a byte or some a second
    "activity_zone.polygons", "permanent_masks.polygons", "live_rules.rules",  # what people drew and set
    "camera.connection", "camera_before.connection", "device.connection",  # sealed addresses and passwords
    "camera_key.fingerprint", "day_key.wrapped", "day_key_copy.box", "day_key_copy.key_check", "held_key.wrapped",
    "site_card.public_key", "site_card.sealed_grant", "site_card.sealed_private", "seen_job.grant",  # keys and grants
    "advisory_file.data", "configuration.signature", "configuration.words", "recipient_list.signature", "recipient_list.words",
    "site_order.signature", "site_order.words",  # signed words
    "outbox_state.epoch", "outbox_state.hub", "card_entry.checkpoint", "card_entry.record", "card_entry.salt",
    "day_root.root", "destroyed_segment.sha256", "destruction.root", "held_copy.source_sha256", "imported_file.sha256",
    "quarantine.sha256", "segment.sha256", "segment_gone.sha256",  # hashes
    "quarantine.fragments", "segment.fragments", "stream_config.init", "stream_config.parameter_sets",  # footage
    "health_day.hours", "view_reference.figures",  # how a camera's whole view looks in daylight
    "seen.looked", "seen.sightings", "seen_event.path", "seen_lane.state",  # boxes, kinds, colours' names and times
}  # fmt: skip

HUB_BYTES = {
    "access_grant.wire", "camera_day.key_check", "camera_day_copy.sealed", "passkey.public_key", "wrapping_key.public_key",
    "site_box.public_key", "site_card.first_key", "site_card.public_key", "site_card.sealed_grant", "site_card.sealed_private",
    "site_certificate.der", "site_enrolment.request", "federation_partner.authority", "federation_partner_key.public_key",
    "release.key",  # keys, grants, certificates
    "audit_entry.entry_hash", "audit_entry.salt", "camera_day_root.root", "site_box.document_sha256", "site_card_entry.salt",
    "site_card_entry.checkpoint", "site_card_entry.record",  # the log and its like
    "certificate.body", "federation_letter.receipt", "federation_letter.signed", "federation_partner.document",
    "release.manifest", "release.signature", "retention_told.body", "site_box.document", "site_configuration.signature",
    "site_configuration.words",  # signed words
}  # fmt: skip


def test_no_such_package_is_installed_with_the_product() -> None:
    named = set()
    for name in ("constraints.txt", "constraints-dev.txt"):
        named |= {line.split("==")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines() if "==" in line}
    assert len(named) > 50 and not [each for each in named if NEVER.match(each)]
    packages = (ROOT / "web" / "package-lock.json").read_text("utf-8")
    assert not re.findall(r"node_modules/(face-api|@vladmandic|human|tracking)[^\"]*", packages)


def test_nothing_of_the_kind_is_imported_anywhere() -> None:
    written = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]
    named = {name for text in written for name in IMPORTED.findall(text)}
    assert {"numpy", "cv2", "openvino"} <= named
    assert not [name for name in named if NEVER.match(name.replace("_", "-"))]
    # OpenCV can compare faces, and knows where they are by cascades: neither is used.
    assert not [text for text in written if OPENCV.search(text)]


def test_no_kind_of_object_is_a_person_among_others() -> None:
    assert [kind.name for kind in ObjectKind] == [
        "PERSON",
        "BICYCLE",
        "MOTORCYCLE",
        "CAR",
        "VAN",
        "DOG",
        "ANIMAL",
        "BAG",
    ]


def test_no_table_can_hold_what_somebody_looks_like(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db", SystemClock())
    try:
        db = index.read()
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = [
            (f"{table}.{row[1]}", row[2]) for table in tables for row in db.execute(f"PRAGMA table_info({table})")
        ]
    finally:
        index.close()
    assert {name for name, kind in columns if kind == "BLOB" and not name.startswith("sqlite_")} - SITE_BYTES == set()
    hub = [
        (f"{table.name}.{column.name}", column.type) for table in METADATA.tables.values() for column in table.columns
    ]
    assert {name for name, kind in hub if isinstance(kind, LargeBinary)} - HUB_BYTES == set()
    assert not [name for name, _ in [*columns, *hub] if WORDS.search(name)]


@pytest.mark.parametrize("word", ["face", "re-identification", "person_reid", "gender", "embedding", "biometric"])
def test_no_model_that_says_so_is_let_in(word: str) -> None:
    assert refusal(model_entry(classes=("person", word))) and refusal(model_entry(outputs=("boxes", word)))


def test_the_runtime_reports_to_nobody(tmp_path: Path) -> None:
    network = tiny_model(tmp_path / "tiny.onnx")
    script = (
        "import sys; from pathlib import Path; from belvedere.vision.objects.runners import choose;"
        f" print(choose(Path({str(network)!r}))[1].provider); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "belvedere.vision.objects.runners" in loaded
    assert not [name for name in loaded if "telemetry" in name]
