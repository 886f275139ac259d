"""The three answers to "again?". Every room re-dresses foreign exceptions as one of these, with the cause chained.

Messages are whole sentences: what is wrong, with its name, and what to do about it.
"""

from __future__ import annotations


class RelayerError(Exception):
    """Base of all errors that this project raises on purpose."""


class TransientError(RelayerError):
    """Later it may work: time-outs, rate limits, a node that lags.

    `retry_after`: seconds the other side asked to wait, if it did.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentError(RelayerError):
    """This one will never work; give it up and go on with the others."""


class FatalError(RelayerError):
    """No part can go on: the process ends with status 1 and this message."""


class UsageError(RelayerError):
    """The caller's input is wrong (configuration, arguments, a file): exit status 2 and this message."""
