"""The page behind the link in a page: plain HTML that works on any phone without a script."""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from fastapi.responses import HTMLResponse

_FILE = Path(__file__).with_name("page.html")


@cache
def _template() -> tuple[Template, str]:
    html = _FILE.read_text("utf-8")
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return Template(html), policy


def link_page(title: str, lines: Sequence[str], faults: Sequence[str] = (), button: str = "") -> HTMLResponse:
    """One such page. `button`: its words; pressing it posts to the same address."""
    template, policy = _template()
    body = "".join(f"<p>{escape(line)}</p>\n" for line in lines)
    if faults:
        body += "<ul>" + "".join(f"<li>{escape(each)}</li>" for each in faults) + "</ul>\n"
    if button:
        body += f'<form method="post"><button type="submit">{escape(button)}</button></form>\n'
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # with no referrer at all a browser would hide where the form was
    }
    return HTMLResponse(template.substitute(title=escape(title), body=body), headers=headers)
