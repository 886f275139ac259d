"""Verdicts, intents and submissions on disk: what a call wrote is there after a crash once the call has returned.

SQLite with a write-ahead log and full synchronisation, one process at a time. What the rows mean is the services' part.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, event, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from relayer.domain.errors import FatalError, PermanentError, TransientError
from relayer.domain.intents import Intent, IntentState, Submission
from relayer.domain.markets import MarketId, Terms
from relayer.domain.units import Millis
from relayer.domain.verdicts import Verdict
from relayer.store.lock import StoreLock
from relayer.store.rows import intent_of, intent_row, latch_row, submission_of, verdict_of
from relayer.store.schema import VERSION, checkpoints, intents, latches, meta, metadata, submissions, terms

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000")


class Store:
    """Made by `open`; `async with` closes it. Calls raise TransientError while the disk is full or the file is busy."""

    def __init__(self, path: Path, lock: StoreLock) -> None:
        self._path = path
        self._lock = lock
        # One connection: callers queue for it, so that a transaction is never mixed with another's.
        self._engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0)
        event.listen(self._engine.sync_engine, "connect", _set_pragmas)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the store, made on first use.

        Raises UsageError if it cannot be written or another relayer holds it, FatalError if its content is not ours.
        """
        store = cls(path, StoreLock(path))
        try:
            await store._prepare()
        except BaseException:
            await store.close()
            raise
        return store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._engine.dispose()
        self._lock.release()

    async def latch(self, spec_hash: str, verdict: Verdict) -> Verdict:
        """Decide a spec once: the first verdict is kept and returned ever after."""
        row = await self._insert_once(latches, latches.c.spec_hash == spec_hash, latch_row(spec_hash, verdict))
        return verdict_of(row)

    async def latched(self, spec_hash: str) -> Verdict | None:
        rows = await self._rows(latches, latches.c.spec_hash == spec_hash)
        return verdict_of(rows[0]) if rows else None

    async def first_terms(self, spec_hash: str, market: MarketId, now: Terms) -> Terms:
        """The terms of a spec's parent when this was first called for the two; they are kept ever after."""
        key = (terms.c.spec_hash == spec_hash) & (terms.c.market == str(market))
        row = await self._insert_once(terms, key, {"spec_hash": spec_hash, "market": str(market), **asdict(now)})
        return Terms(row.rules_hash, Millis(row.close_ms))

    async def put_checkpoint(self, name: str, body: bytes) -> None:
        """Replace the checkpoint of this name."""
        async with self._transaction() as connection:
            await connection.execute(delete(checkpoints).where(checkpoints.c.name == name))
            await connection.execute(insert(checkpoints).values(name=name, body=body))

    async def checkpoint(self, name: str) -> bytes | None:
        """The newest checkpoint of this name."""
        rows = await self._rows(checkpoints, checkpoints.c.name == name)
        return rows[0].body if rows else None

    async def put_intent(self, intent: Intent) -> Intent:
        """Store the intent unless one with its key is there; returns the stored one."""
        return intent_of(await self._insert_once(intents, intents.c.key == intent.key, intent_row(intent)))

    async def open_intents(self) -> list[Intent]:
        """Acts not yet done or given up, oldest first."""
        rows = await self._rows(intents, intents.c.state == IntentState.OPEN, order=intents.c.created_ms)
        return [intent_of(row) for row in rows]

    async def finish_intent(self, key: str, state: IntentState, note: str = "") -> None:
        async with self._transaction() as connection:
            await connection.execute(update(intents).where(intents.c.key == key).values(state=state, note=note))

    async def record_submission(self, submission: Submission) -> None:
        """To be done before its bytes are sent. PermanentError if its intent is unknown or has a live one already."""
        try:
            async with self._transaction() as connection:
                await connection.execute(insert(submissions).values(asdict(submission)))
        except IntegrityError as error:
            raise PermanentError(
                f"Transaction {submission.signature} must not be sent: {submission.intent_key} is not a stored intent, "
                "or has a transaction whose end is not known yet."
            ) from error

    async def update_submission(self, submission: Submission) -> None:
        """Store the submission's state and error."""
        changed = {"state": submission.state, "error": submission.error}
        async with self._transaction() as connection:
            await connection.execute(
                update(submissions).where(submissions.c.signature == submission.signature).values(changed)
            )

    async def submissions(self, intent_key: str) -> list[Submission]:
        """All attempts at one act, oldest first."""
        rows = await self._rows(submissions, submissions.c.intent_key == intent_key, order=submissions.c.sequence)
        return [submission_of(row) for row in rows]

    async def _prepare(self) -> None:
        self._refuse_other_files()
        try:
            async with self._engine.begin() as connection:
                version = await connection.run_sync(_schema_version)
        except DBAPIError as error:
            raise self._unusable(error.orig) from error
        if version != VERSION:
            raise FatalError(
                f"The store {self._path} has schema version {version} (0 = not a relayer's) and this relayer knows "
                f"{VERSION}: run the relayer that wrote it or a newer one, or set store.path to another file."
            )

    def _refuse_other_files(self) -> None:
        """Look before the engine connects: an aiosqlite connection that fails half made leaves its thread behind."""
        try:
            with closing(sqlite3.connect(self._path)) as probe:
                probe.execute("PRAGMA schema_version").close()
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _unusable(self, why: object) -> FatalError:
        return FatalError(
            f"The store {self._path} cannot be used ({why}): restore it from a backup, or set store.path to "
            "another file."
        )

    async def _insert_once(self, table: Table, key: ColumnElement[bool], values: dict[str, Any]) -> Row[Any]:
        async with self._transaction() as connection:
            stored = (await connection.execute(select(table).where(key))).first()
            if stored is None:
                await connection.execute(insert(table).values(values))
                stored = (await connection.execute(select(table).where(key))).one()
            return stored

    async def _rows(
        self, table: Table, where: ColumnElement[bool], *, order: ColumnElement[Any] | None = None
    ) -> Sequence[Row[Any]]:
        async with self._transaction() as connection:
            return (await connection.execute(select(table).where(where).order_by(order))).all()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise TransientError(
                f"The store {self._path} cannot be read or written now ({error.orig}): check the disk."
            ) from error


def _set_pragmas(connection: Any, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _schema_version(connection: Connection) -> int:
    """The version found, after migration; a new file, or one whose making was interrupted, gets its tables.

    0 = somebody else's file.
    """
    tables = set(inspect(connection).get_table_names())
    stored = select(meta.c.value).where(meta.c.key == "schema_version")
    found = connection.execute(stored).scalar() if meta.name in tables else None
    if found is not None:
        return _migrated(connection, int(found))
    if tables - metadata.tables.keys():
        return 0
    metadata.create_all(connection)
    connection.execute(insert(meta).values(key="schema_version", value=str(VERSION)))
    return VERSION


def _migrated(connection: Connection, version: int) -> int:
    """Older stores get the tables they lack; newer ones are left alone."""
    if not 0 < version < VERSION:
        return version
    metadata.create_all(connection)
    connection.execute(update(meta).where(meta.c.key == "schema_version").values(value=str(VERSION)))
    return VERSION
