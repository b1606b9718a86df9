"""Settings of `[search]`: finding recordings by what they show."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator


class SearchSettings(BaseModel):
    """`[search]`: finding recordings by what they show."""

    model_config = ConfigDict(extra="forbid")

    time_zone: str = Field("Europe/London", description="Time zone in which “last night” and hours are meant.")
    clothing_dpia: str = Field(
        "",
        max_length=200,
        description="Reference of the DPIA that allows searching for colours of clothing; empty: switched off.",
    )

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("write a name such as Europe/London") from error
        return name

    @field_validator("clothing_dpia")
    @classmethod
    def _no_blanks(cls, reference: str) -> str:
        return reference.strip()
