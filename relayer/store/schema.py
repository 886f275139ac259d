"""The tables, in one place. Raise VERSION with every change of them.

A store of an older version is migrated on opening, which so far means that it gets the tables it lacks.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table

VERSION = 3

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)


# Write-once: what a spec was decided to be, whatever is seen later. A `Verdict` field by field: times in ms of exchange
# time, the witness's price as printed, coverage in ms.
latches = Table(
    "latches",
    metadata,
    Column("spec_hash", String, primary_key=True),
    Column("answer", String, nullable=False),
    Column("decided_ms", BigInteger),
    Column("reason", String, nullable=False),
    Column("witness_ms", BigInteger),
    Column("witness_price", String),
    Column("window_ms", BigInteger, nullable=False),
    Column("observed_ms", BigInteger, nullable=False),
    Column("bounded_ms", BigInteger, nullable=False),
    Column("unknown_ms", BigInteger, nullable=False),
    Column("not_trading_ms", BigInteger, nullable=False),
)

# Write-once: the terms of a spec's parents when the spec was first judged.
terms = Table(
    "terms",
    metadata,
    Column("spec_hash", String, primary_key=True),
    Column("market", String, primary_key=True),
    Column("rules_hash", String, nullable=False),
    Column("close_ms", BigInteger, nullable=False),
)

# What is kept only to begin sooner after a restart; the newest alone. Its bytes are those of who wrote it.
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("name", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

intents = Table(
    "intents",
    metadata,
    Column("key", String, primary_key=True),
    Column("act", String, nullable=False),
    Column("market", String, nullable=False),
    Column("spec_hash", String, nullable=False),
    Column("outcome", String),
    Column("created_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("note", String, nullable=False),
)

submissions = Table(
    "submissions",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("signature", String, nullable=False, unique=True),
    Column("intent_key", String, ForeignKey("intents.key"), nullable=False, index=True),
    Column("wire", LargeBinary, nullable=False),
    Column("last_valid_block_height", BigInteger, nullable=False),
    Column("blockhash_slot", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("error", String, nullable=False),
)

# Sign anew only once the last attempt has ended: the database refuses a second live one.
live = submissions.c.state.in_(("sent", "confirmed"))
Index("one_live_submission", submissions.c.intent_key, unique=True, sqlite_where=live, postgresql_where=live)
