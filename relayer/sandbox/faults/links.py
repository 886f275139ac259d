"""Faults of a whole connection: at each frame the chance that from now on it is another one."""

from __future__ import annotations

from enum import Enum, auto


class LinkAction(Enum):
    """What happens to the connection."""

    SILENCE = auto()
    """Open and answering pings, but no frame comes any more and no command is heard."""
    FREEZE = auto()
    """Half-open: nothing is read or written, pings included; only a time-out tells."""
    ABORT = auto()
    """The TCP connection is reset."""
    CLOSE = auto()
    """A clean close, as before a deployment."""
    OVERFLOW = auto()
    """One subscription ends with code 25 while the socket lives."""
    CHANNEL_ERROR = auto()
    """One subscription ends with code 10 while the socket lives."""
    RENEW = auto()
    """One subscription goes on under a new sid, numbered anew, with fresh snapshots."""
    THROTTLE = auto()
    """The reader is served slower than frames come, until its subscription overflows."""
