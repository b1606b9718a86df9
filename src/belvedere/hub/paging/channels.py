"""The ways out: e-mail over STARTTLS or TLS, a signed webhook, an SMS gateway. Nothing here logs an address or a secret.

The webhook's signature is HMAC-SHA256 with the key of `webhook_secret_file`, over the time, a full stop and the body:

    X-Belvedere-Signature: t=1780000000,v1=<hex>        X-Belvedere-Delivery: <id, the same when it is sent again>
"""

import asyncio
import base64
import hashlib
import hmac
import json
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.paging import PagingSettings
from belvedere.hub.paging.book import Message
from belvedere.hub.paging.ladder import Page
from belvedere.hub.paging.plan import local_time
from belvedere.hub.paging.words import Letter

if TYPE_CHECKING:
    import httpx

_TIMEOUT_S = 20.0
_BUSY = (408, 425, 429)


class Undelivered(Exception):
    """A message did not go out. `lasting`: trying again will not help. The words name no address and no secret."""

    def __init__(self, words: str, *, lasting: bool = False) -> None:
        super().__init__(words)
        self.lasting = lasting


class Channels:
    """Sends one message on its way. For the event loop; mail goes out in a worker thread."""

    def __init__(self, settings: PagingSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.ready = settings.channels()

    async def send(self, page: Page, message: Message, letter: Letter) -> None:
        """Send it. Raises Undelivered."""
        if message.channel not in self.ready:
            raise Undelivered(f"The settings name no way for {message.channel}.", lasting=True)
        if message.channel == "email":
            await asyncio.to_thread(self._mail, message, letter)
        elif message.channel == "webhook":
            await self._hook(page, message, letter)
        else:
            await self._sms(message, letter)

    def _secret(self, path: str) -> str:
        try:
            return Path(path).read_text("utf-8").strip() if path else ""
        except (OSError, ValueError) as error:
            raise Undelivered(f"A file with a secret can't be read ({type(error).__name__}).") from error

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.certificates or None)
        except OSError as error:
            raise Undelivered("The file paging.certificates can't be read.") from error

    # E-mail.

    def _mail(self, message: Message, letter: Letter) -> None:
        try:
            mail = self._made(message, letter)
        except Exception as error:  # Python's parser of addresses ends with whatever it trips over
            raise Undelivered(f"It can't be written as an e-mail ({type(error).__name__}).", lasting=True) from error
        password = self._secret(self._settings.smtp_password_file) if self._settings.smtp_user else ""
        self._deliver(mail, password)

    def _made(self, message: Message, letter: Letter) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = (
            self._settings.smtp_from,
            message.address,
            " ".join(letter.subject.split()),
        )
        mail["Date"] = format_datetime(local_time(self._clock.now_us(), self._settings.time_zone))
        mail["Message-ID"] = f"<{message.id}@{self._settings.smtp_from.rpartition('@')[2]}>"  # the same when sent again
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text)
        return mail

    def _deliver(self, mail: EmailMessage, password: str) -> None:
        try:
            self._post(mail, password)
        except smtplib.SMTPRecipientsRefused as error:
            code = max((code for code, _ in error.recipients.values()), default=0)
            raise Undelivered(f"The mail server refused the recipient ({code}).", lasting=code >= 500) from error
        except smtplib.SMTPResponseException as error:
            raise Undelivered(f"The mail server answered {error.smtp_code}.", lasting=error.smtp_code >= 550) from error
        except smtplib.SMTPNotSupportedError as error:
            raise Undelivered("The mail server does not encrypt, or takes no login.") from error
        except (OSError, smtplib.SMTPException, ValueError) as error:  # ValueError: a host or an address that can't be
            raise Undelivered(f"The mail server can't be reached ({type(error).__name__}).") from error

    def _post(self, mail: EmailMessage, password: str) -> None:
        place = (self._settings.smtp_host, self._settings.smtp_port)
        tls = self._settings.smtp_security == "tls"
        made: smtplib.SMTP = (
            smtplib.SMTP_SSL(*place, timeout=_TIMEOUT_S, context=self._trust())
            if tls
            else smtplib.SMTP(*place, timeout=_TIMEOUT_S)
        )
        with made as server:
            if self._settings.smtp_security == "starttls":
                server.starttls(context=self._trust())
            if self._settings.smtp_user:
                server.login(self._settings.smtp_user, password)
            server.send_message(mail)

    # HTTP.

    async def _hook(self, page: Page, message: Message, letter: Letter) -> None:
        body = json.dumps(
            {
                "format": 1,
                "id": message.id,
                "what": "test" if page.test else message.what,
                "page": page.id,
                "site": page.site_id,
                "site_name": letter.site,
                "to": message.name,
                "round": message.round,
                "step": message.step,
                "subject": letter.subject,
                "text": letter.text,
                "answer": letter.link,
                "faults": letter.faults,
                "made_us": message.made_us,
            }
        ).encode()
        seconds = self._clock.now_us() // SECOND_US
        key = self._secret(self._settings.webhook_secret_file).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Belvedere-Signature": f"t={seconds},v1={sign(key, seconds, body)}",
            "X-Belvedere-Delivery": message.id,
        }
        await self._request("POST", self._settings.webhook_url, headers, body)

    async def _sms(self, message: Message, letter: Letter) -> None:
        secret = self._secret(self._settings.sms_secret_file)
        words = {
            "to": message.address,
            "text": letter.short,
            "id": message.id,
            "secret": secret,
            "secret_base64": base64.b64encode(secret.encode()).decode(),
        }
        plain = {name: " ".join(text.split()) for name, text in words.items()}
        headers = {name: _fill(text, plain) for name, text in self._settings.sms_headers.items()}
        kind = next((text for name, text in headers.items() if name.lower() == "content-type"), "")
        if kind.startswith("application/json"):
            words = {name: json.dumps(text)[1:-1] for name, text in words.items()}
        elif kind.startswith("application/x-www-form-urlencoded"):
            words = {name: quote_plus(text) for name, text in words.items()}
        url = _fill(self._settings.sms_url, {name: quote(text, safe="") for name, text in plain.items()})
        body = _fill(self._settings.sms_body, words).encode() if self._settings.sms_body else None
        await self._request(self._settings.sms_method, url, headers, body)

    async def _request(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> None:
        import httpx  # here: most hubs page nobody, and it is 0.1 s of each start

        try:
            async with (
                httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, verify=self._trust()) as client,
                client.stream(method, url, headers=headers, content=body) as answer,
            ):
                _check(answer)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise Undelivered(f"It can't be reached ({type(error).__name__}).") from error


def _check(answer: "httpx.Response") -> None:
    """Raise Undelivered unless it was taken. What it says beside the status is not read: it may repeat a secret."""
    if not answer.is_success:
        lasting = answer.status_code < 500 and answer.status_code not in _BUSY
        raise Undelivered(f"It answered {answer.status_code}.", lasting=lasting)


def sign(key: bytes, seconds: int, body: bytes) -> str:
    """The signature of a webhook's body, in hexadecimal."""
    return hmac.new(key, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()


def _fill(template: str, words: dict[str, str]) -> str:
    """Put words in the place of `{name}`; what they say is never filled in again."""
    parts = template.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        filled.append(words[name] + rest if brace and name in words else "{" + part)
    return "".join(filled)
