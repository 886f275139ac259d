"""`[tape]`: where recordings go, and how much room they may take."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class TapeSettings(BaseModel):
    """One writer a directory. Deleted is only what is oldest, whole segments at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    directory: Path | None = None
    """Directory of the segments; made on first start. Nothing is recorded without one."""
    budget_mb: int = Field(default=20_000, ge=2)
    """Megabytes that all segments together may take; the oldest ones are deleted to stay within. Those of markets that
    are still judged are spared: then the log and `relayer_tape_crowded` say so."""
    retention_days: int = Field(default=400, ge=1)
    """Days after which a segment is deleted. Longer than any market's settlement takes, disputes included."""
    waiting_mb: int = Field(default=64, ge=1)
    """Megabytes of memory in which entries wait for a disk that is full or fails. What comes beyond them is given up,
    and nothing is proven until the disk works again."""
    segment_mb: int = Field(default=64, ge=1)
    """Compressed megabytes after which the next segment begins."""
    segment_hours: int = Field(default=24, ge=1)
    """Hours after which the next segment begins, however small the last one is."""
    sync_interval_s: float = Field(default=1.0, gt=0, le=60)
    """Longest time between an event and its being safe on disk; a verdict is safe before it is acted on anyway."""
    anchor_interval_s: float = Field(default=3600, ge=1, le=86_400)
    """Wall seconds between two writings of the tape's head hash to the board, where prices are published; one
    transaction of 5,000 lamports and its priority fee each, none while the tape has not grown."""

    @model_validator(mode="after")
    def _room_for_two(self) -> Self:
        if self.budget_mb < 2 * self.segment_mb:
            raise ValueError("budget_mb must hold at least two segments of segment_mb")
        return self
