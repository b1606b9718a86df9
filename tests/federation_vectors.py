"""One letter of each kind, a delivery, receipt, part and document, from fixed keys: what others test their side against."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.hub.federation.signing import (
    DELIVERY,
    LETTER,
    NEW_KEY,
    PART,
    PART_ASK,
    RECEIPT,
    key_id,
    make_document,
    raw_signature,
    sign,
)
from belvedere.hub.federation.words import (
    VERSION,
    AnySaid,
    Circle,
    Delivery,
    FormalRequest,
    HoldingsAnswer,
    KeyChange,
    Letter,
    PackageOffer,
    PackageReceipt,
    PartAsk,
    PartHead,
    PartnerDocument,
    Polygon,
    Question,
    Receipt,
    RequestTold,
    encode,
)

KEY, NEXT = Ed25519PrivateKey.from_private_bytes(bytes(32)), Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
PUBLIC, FOLLOWING = KEY.public_key().public_bytes_raw(), NEXT.public_key().public_bytes_raw()
HUB, OTHER = key_id(PUBLIC)[:32], key_id(FOLLOWING)[:32]
AT_US = 1_780_000_000_000_000
NONCE, DIGEST = "00112233445566778899aabbccddeeff", "ab" * 32
RING = ((-0.1, 51.5), (-0.099, 51.5), (-0.1, 51.501))


def _said() -> dict[str, AnySaid]:
    span = AT_US - 1_800_000_000, AT_US - 600_000_000
    codes = "crime", "dpa2018_part3", "CR/2026/0113"
    proof = raw_signature(NEXT, NEW_KEY, HUB.encode() + FOLLOWING)
    return {
        "question in a circle": Question(Circle(51.5, -0.1, 50.0), *span, *codes),
        "question in a polygon": Question(Polygon(RING), *span, *codes),
        "answer yes": HoldingsAnswer("question_1", "yes", hold="hold_1", until_us=AT_US + 10**12),
        "answer refused": HoldingsAnswer(
            "question_1", "refused", "span", "The span is longer than 60 minutes. Ask for less."
        ),
        "request": FormalRequest(
            "question_1", "The gate, ten minutes.", "The only view of it.", *codes, "DS Field, Ashby"
        ),
        "request state": RequestTold("request_1", "FR-2026-0A1B2C", "decided", "necessary and proportionate"),
        "package": PackageOffer("package_1", "request_1", 2_500_000, DIGEST, DIGEST),
        "package receipt": PackageReceipt("package_1", "request_1", 2_500_000, DIGEST, AT_US),
        "key change": KeyChange(FOLLOWING, proof),
    }


def made() -> dict[str, str]:
    """The bytes of each, as text (they are JSON)."""
    found: dict[str, bytes] = {}
    for name, said in _said().items():
        words = encode(Letter(VERSION, "letter_00000001", HUB, OTHER, AT_US, said))
        found[name] = encode(sign(KEY, LETTER, words))
    first = sign(KEY, LETTER, encode(Letter(VERSION, "letter_00000001", HUB, OTHER, AT_US, _said()["answer yes"])))
    found["delivery"] = encode(sign(KEY, DELIVERY, encode(Delivery(VERSION, HUB, OTHER, AT_US, NONCE, first))))
    receipt = Receipt(VERSION, NONCE, "later", DIGEST, AT_US, "slow_down", "Later.")
    found["receipt"] = encode(sign(NEXT, RECEIPT, encode(receipt)))
    ask = PartAsk(VERSION, HUB, OTHER, AT_US, NONCE, "package_1", 1_048_576)
    found["part ask"] = encode(sign(KEY, PART_ASK, encode(ask)))
    head = PartHead(VERSION, NONCE, "package_1", 1_048_576, 1_048_576, DIGEST)
    found["part head"] = encode(sign(NEXT, PART, encode(head)))
    document = PartnerDocument(
        1, HUB, "Ashby Council", "Information desk, 0100 1", "cctv.ashby.example:8712", PUBLIC, b"DER"
    )
    found["partner document"] = make_document(KEY, document)
    return {name: data.decode() for name, data in found.items()}
