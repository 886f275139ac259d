"""`[store]`: where what must survive a restart is kept."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class StoreSettings(BaseModel):
    """SQLite, one writer: two relayers must not share a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Path("relayer.db")
    """The database file; made on first start. Back it up: it says what has been decided and sent."""
