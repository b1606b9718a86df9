"""The page that checks the log: one file that needs no hub, served for saving and for use as it is."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

VERIFY_PAGE = Path(__file__).with_name("verify.html")


@cache
def page_policy() -> str:
    """The page's Content-Security-Policy: its own script and style by their hashes, and nothing else at all."""
    html = VERIFY_PAGE.read_text("utf-8")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(html, 'script')}",
            f"style-src {_hash(html, 'style')}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hash(html: str, element: str) -> str:
    found = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found]
    return " ".join(f"'sha256-{digest}'" for digest in digests)
