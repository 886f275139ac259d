"""One relayer a store: an advisory lock that the kernel drops with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from relayer.domain.errors import UsageError


class StoreLock:
    """Held from creation until `release`. Raises UsageError if another process holds it or the folder is closed."""

    def __init__(self, store: Path) -> None:
        path = store.with_name(f"{store.name}.lock")
        try:
            store.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise UsageError(
                f"The store {store} cannot be written ({error.strerror}): "
                "set store.path to a file in a folder that this user may write."
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise UsageError(
                f"The store {store} is in use by another relayer: stop that one, or give this one its own store.path."
            ) from error

    def release(self) -> None:
        os.close(self._descriptor)
