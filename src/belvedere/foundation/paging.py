"""Settings of `[paging]`: the ways on which people are called about recording faults. Who is called, and when, is set in the
control room; addresses of machines, and the files with secrets, stand here."""

from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _encrypted(address: str) -> str:
    """https://, or this very machine."""
    if not address:
        return address
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return address
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return address
    raise ValueError("write an https:// address")


class PagingSettings(BaseModel):
    """`[paging]`: how people are called about recording faults."""

    model_config = ConfigDict(extra="forbid")

    time_zone: str = Field("Europe/London", description="Time zone of the hours in the plan.")
    certificates: str = Field(
        "",
        description="PEM file with the authorities that the servers below are checked by; empty: this machine's own.",
    )
    smtp_host: str = Field("", description="Mail server; empty: no e-mail.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port: 587 for starttls, 465 for tls.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the line to it is encrypted; none only for a relay on this machine."
    )
    smtp_user: str = Field("", description="Name to log in with; empty: no login.")
    smtp_password_file: str = Field("", description="File that holds its password.")
    smtp_from: str = Field("", description="Sender, such as belvedere@council.example.")
    webhook_url: str = Field("", description="Address that gets pages as JSON (POST); empty: no webhook.")
    webhook_secret_file: str = Field("", description="File that holds the key of the webhook's signature.")
    sms_url: str = Field(
        "", description="Address of an SMS gateway; {to}, {text}, {id} and {secret} are filled in. Empty: no SMS."
    )
    sms_method: Literal["POST", "GET"] = Field("POST", description="How it is asked.")
    sms_headers: dict[str, str] = Field(
        default_factory=dict, description="Header fields, filled in likewise; {secret_base64} too, for a Basic login."
    )
    sms_body: str = Field("", description="Body, filled in as its Content-Type wants it (JSON, form or plain).")
    sms_secret_file: str = Field("", description="File that holds the gateway's key or `user:password`.")

    _addresses = field_validator("webhook_url", "sms_url")(_encrypted)

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("write a name such as Europe/London") from error
        return name

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.smtp_host and not self.smtp_from:
            raise ValueError("smtp_from is needed with smtp_host")
        if self.smtp_security == "none" and self.smtp_host not in ("", *_LOOPBACK):
            raise ValueError("smtp_security none is for a relay on this very machine")
        if self.smtp_user and not self.smtp_password_file:
            raise ValueError("smtp_password_file is needed with smtp_user")
        if self.webhook_url and not self.webhook_secret_file:
            raise ValueError("webhook_secret_file is needed with webhook_url: pages are signed")
        if self.sms_url and "{text}" not in self.sms_url + self.sms_body:
            raise ValueError("sms_body or sms_url has to hold {text}")
        return self

    def channels(self) -> tuple[str, ...]:
        """The ways that are set up."""
        ways = {"email": self.smtp_host, "webhook": self.webhook_url, "sms": self.sms_url}
        return tuple(way for way, address in ways.items() if address)
