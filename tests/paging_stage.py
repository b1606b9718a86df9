"""A mail server, a webhook and an SMS gateway on loopback, and a hub that is told to use them."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request, Response

from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.hub.paging.desk import PagingDesk
from belvedere.hub.paging.plan import Contact, Plan, Step
from belvedere.link.health import Fault
from hub_stage import HubStage, hub_stage, served

PASSWORD, HOOK_KEY, SMS_KEY = "a mail password", "a webhook key", "user:a gateway key"
ANN = Contact(name="Ann", channel="email", address="ann@council.example")
DESK = Contact(name="Night desk", channel="webhook")
BOB = Contact(name="Bob", channel="sms", address="+447700900123")


@dataclass
class Outside:
    """What arrived. `mail_answer`, `sms_status`: what the servers answer; "" and 200 take what comes."""

    mails: list[EmailMessage] = field(default_factory=list)
    hooks: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    texts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    mail_answer: str = ""
    sms_status: int = 200

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Called by the mail server for each mail."""
        if self.mail_answer:
            return self.mail_answer
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "mail.pem", folder / "mail.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain),
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, private)
    return pem, context


@asynccontextmanager
async def outside(data: Path) -> AsyncIterator[Outside]:
    """The servers, running, and the settings of the hub of `data` that name them."""
    data.mkdir(exist_ok=True)
    got = Outside()
    pem, context = _certificate(data)
    tasks = AsyncExitStack()
    web = FastAPI()

    @web.post("/hook")
    async def hook(request: Request) -> Response:
        got.hooks.append((dict(request.headers), await request.body()))
        return Response(status_code=204)

    @web.post("/sms")
    async def sms(request: Request) -> Response:
        if got.sms_status == 200:
            got.texts.append((dict(request.headers), await request.body()))
        return Response(f"refused, with {SMS_KEY}", status_code=got.sms_status)

    def login(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, said: Any) -> AuthResult:
        assert isinstance(said, LoginPassword)
        got.logins.append(said.login.decode())
        return AuthResult(success=said.password.decode() == PASSWORD)

    def server() -> SMTP:
        return SMTP(
            got, hostname="mail", tls_context=context, require_starttls=True, auth_required=True, authenticator=login
        )

    async with tasks:
        address = await tasks.enter_async_context(served(web))
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        tasks.callback(listening.close)
        for name, secret in (("smtp", PASSWORD), ("hook", HOOK_KEY), ("sms", SMS_KEY)):
            (data / f"{name}.secret").write_text(secret + "\n", "utf-8")
        lines = {
            "certificates": str(pem),
            "smtp_host": "127.0.0.1",
            "smtp_user": "belvedere",
            "smtp_password_file": str(data / "smtp.secret"),
            "smtp_from": "belvedere@council.example",
            "webhook_url": f"http://{address}/hook",
            "webhook_secret_file": str(data / "hook.secret"),
            "sms_url": f"http://{address}/sms",
            "sms_secret_file": str(data / "sms.secret"),
        }
        toml = "\n".join(f'{name} = "{value}"' for name, value in lines.items())
        (data / "belvedere.toml").write_text(
            f'[hub]\norigin = "http://localhost"\n[paging]\n{toml}\nsmtp_port = {listening.sockets[0].getsockname()[1]}\n'
            'sms_body = \'{"to":"{to}","text":"{text}"}\'\n'
            '[paging.sms_headers]\n"Content-Type" = "application/json"\nAuthorization = "Basic {secret_base64}"\n',
            "utf-8",
        )
        yield got


@dataclass
class Night:
    """A hub on a Thursday evening, and its paging desk."""

    stage: HubStage
    desk: PagingDesk

    def fault(
        self, kind: str = "no_picture", subject: str = "camera:gate", *, site: str = "main", **more: Any
    ) -> Fault:
        """A fault that begins now, told by a site."""
        now_us = self.stage.clock.now_us()
        values = {
            "detail": "No frame.",
            "first_us": now_us,
            "last_us": now_us,
            "times": 1,
            "closed_us": None,
            "changed_us": now_us,
        }
        told = Fault(
            **{
                "id": f"fault_{site}_{subject}_{kind}",
                "subject": subject,
                "kind": kind,
                "closed_why": "",
                **values,
                **more,
            }
        )
        self.stage.hub.health.tickets.take_in(site, [told])
        return told

    def mend(self, fault: Fault, site: str = "main") -> None:
        """It is well again."""
        now_us = self.stage.clock.now_us()
        mended = msgspec.structs.replace(fault, closed_us=now_us, closed_why="healthy", last_us=now_us)
        self.stage.hub.health.tickets.take_in(site, [mended])

    async def after(self, minutes: float) -> None:
        """Let time pass, and the desk do what is due then."""
        self.stage.clock.advance(int(minutes * MINUTE_US))
        await self.desk.turn()

    async def until(self, holds: Callable[[], bool], seconds: int = 300) -> None:
        """Let time pass in steps of five seconds until something holds."""
        for _ in range(seconds // 5):
            if holds():
                return
            self.stage.clock.advance(5 * SECOND_US)
            await self.desk.turn()
        assert holds()

    def open_kinds(self) -> set[str]:
        """Kinds of open tickets."""
        return set(self.stage.hub.health.tickets.count_open())


@asynccontextmanager
async def night(data: Path, plan: Plan | None = None, *, later_us: int = 0) -> AsyncIterator[Night]:
    """The hub of `data`, `later_us` after the beginning of the evening. `plan` is put in force as a new version."""
    async with hub_stage(data) as stage:
        stage.clock.advance(later_us)
        desk = stage.app.state.paging
        assert isinstance(desk, PagingDesk)
        await desk.stop()  # a test takes each turn itself
        if plan is not None:
            desk.book.put_plan(plan, desk.book.plan().version, "user_1", "Mia Manager")
        yield Night(stage, desk)


def plan_of(*steps: tuple[Contact, ...], **more: Any) -> Plan:
    """A plan of steps, ten minutes each."""
    return Plan(on=True, steps=tuple(Step(contacts=step) for step in steps), **more)
