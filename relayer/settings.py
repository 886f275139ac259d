"""One frozen Settings: a TOML file, environment variables `RELAYER_TABLE__KEY` above it. No reload: restart instead."""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from relayer.api.settings import ApiSettings
from relayer.chain.settings import BoardSettings, ClusterSettings, KeysSettings
from relayer.domain.clock import Clock
from relayer.domain.errors import UsageError
from relayer.prices.policy import PolicySettings
from relayer.services.settings import ResolverSettings
from relayer.sources.dflow.settings import DflowSettings
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.store.settings import StoreSettings
from relayer.tape.settings import TapeSettings


class ClockSettings(BaseModel):
    """`[clock]`: only for replays against the sandbox; leave it out in production."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin_ms: int | None = None
    """The instant shown when the wall clock shows `wall_ms`."""
    wall_ms: int | None = None
    """Wall time, milliseconds since 1970."""
    speed: float = Field(default=1.0, gt=0)
    """Clock seconds per wall second."""

    def clock(self) -> Clock:
        return Clock(origin_ms=self.origin_ms, wall_origin_ms=self.wall_ms, speed=self.speed)


class Settings(BaseSettings):
    """Everything an operator can set; each table's model stands beside the code that it steers."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="RELAYER_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    kalshi: KalshiSettings
    dflow: DflowSettings = DflowSettings()
    cluster: ClusterSettings
    keys: KeysSettings
    board: BoardSettings = BoardSettings()
    policy: PolicySettings = PolicySettings()
    resolver: ResolverSettings = ResolverSettings()
    store: StoreSettings = StoreSettings()
    tape: TapeSettings = TapeSettings()
    api: ApiSettings = ApiSettings()
    clock: ClockSettings = ClockSettings()
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """DEBUG adds a line for each push."""

    @model_validator(mode="before")
    @classmethod
    def _do_without_kalshi(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Where DFlow is the first source, no connection to Kalshi is made and its table may be left out."""
        dflow = content.get("dflow")
        first = isinstance(dflow, dict) and dflow.get("mode") == "first"
        return {"kalshi": {}, **content} if first else content

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose content arrives as init arguments."""
        return env_settings, init_settings


def load_settings(file: Path) -> Settings:
    """Read and check the configuration.

    Raises UsageError with one line for each wrong key: its name, what is wrong, and the nearest right name.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"Configuration file {file} cannot be read ({error.strerror}): name one with --config."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"Configuration file {file} is not TOML: {error}.") from error
    return settings_from(content, origin=str(file))


def settings_from(content: dict[str, Any], *, origin: str) -> Settings:
    """Settings of a parsed configuration; `origin` names it in errors."""
    _refuse_unknown_environment()
    try:
        return Settings(**content)
    except SettingsError as error:
        raise UsageError(
            f"A RELAYER_ environment variable is not usable: {error}. "
            "Write one key each, as RELAYER_KALSHI__KEY_ID=..., and lists as JSON."
        ) from error
    except ValidationError as error:
        lines = [_explain(problem["loc"], problem["type"], problem["msg"]) for problem in error.errors()]
        raise UsageError("\n".join([f"{origin} and the RELAYER_ environment are not usable:", *lines])) from None


def _refuse_unknown_environment() -> None:
    """A mistyped table in a variable's name would otherwise be ignored."""
    for name in os.environ:
        table = name.removeprefix("RELAYER_").partition("__")[0].lower()
        if name.startswith("RELAYER_") and not name.startswith("RELAYER_TEST_") and table not in Settings.model_fields:
            close = difflib.get_close_matches(table, list(Settings.model_fields), n=1)
            hint = f": did you mean RELAYER_{close[0].upper()}?" if close else ": unset it."
            raise UsageError(f"The environment variable {name} sets nothing, for there is no table {table}{hint}")


def _explain(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = ".".join(str(part) for part in location)
    if kind == "missing":
        return f"  {name} is missing: set it in the file, or as RELAYER_{'__'.join(str(p) for p in location).upper()}."
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"  {name} must be a table: write [{name}] above its keys."
    if kind != "extra_forbidden":
        message = message.removeprefix("Value error, ")
        return f"  {name}: {message[0].lower()}{message[1:]}."
    close = difflib.get_close_matches(str(location[-1]), _known_keys(location[:-1]), n=1)
    return f"  {name} is not a setting{f': did you mean {close[0]}?' if close else ': remove it.'}"


def _known_keys(table: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in table:
        field = model.model_fields.get(str(part))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        model = field.annotation
    return list(model.model_fields)
