"""The store keeps what it was given, once, and names what is wrong with a file it cannot use."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from relayer.domain.errors import FatalError, PermanentError, TransientError, UsageError
from relayer.domain.intents import Act, Intent, IntentState, Submission, SubmissionState
from relayer.domain.markets import MarketId, Terms
from relayer.domain.units import BlockHeight, Millis, Slot
from relayer.domain.verdicts import Answer, Coverage, Outcome, Verdict, Witness
from relayer.store.store import Store

YES = Verdict(Answer.YES, Millis(5_000), "reached", Witness(Millis(5_000), "0.7000"), Coverage(10, 6, 2, 1, 1))
NO = Verdict(Answer.NO, Millis(9_000), "not reached", None, Coverage(10, 10, 0, 0, 0))
SETTLE = Intent(Act.SETTLE, "Market1", "ab" * 32, Outcome.YES, Millis(1_000))
ACTIVATE = Intent(Act.ACTIVATE, "Market1", "ab" * 32, None, Millis(900))


def submission(name: str, intent: Intent = SETTLE) -> Submission:
    return Submission(name, intent.key, name.encode(), BlockHeight(150), Slot(1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "relayer.db"


async def test_the_first_verdict_of_a_spec_is_kept_for_ever(path: Path) -> None:
    async with await Store.open(path) as store:
        assert await store.latched("spec") is None
        assert await store.latch("spec", YES) == YES
        assert await store.latch("spec", NO) == YES
    async with await Store.open(path) as store:
        assert await store.latched("spec") == YES
        assert await store.latch("other", NO) == NO
        assert await store.latched("other") == NO


async def test_a_verdict_may_lack_its_time_and_its_witness_price(path: Path) -> None:
    bare = Verdict(Answer.UNKNOWN, None, "gaps", None, Coverage(10, 0, 0, 10, 0))
    priceless = replace(YES, witness=Witness(Millis(7), None))
    async with await Store.open(path) as store:
        assert await store.latch("bare", bare) == bare
        assert await store.latch("priceless", priceless) == priceless


async def test_the_first_terms_of_a_parent_are_kept_for_ever(path: Path) -> None:
    first, other = MarketId.parse("kalshi:KXA"), MarketId.parse("kalshi:KXB")
    async with await Store.open(path) as store:
        assert await store.first_terms("spec", first, Terms("aa", Millis(5))) == Terms("aa", Millis(5))
    async with await Store.open(path) as store:
        assert await store.first_terms("spec", first, Terms("bb", Millis(6))) == Terms("aa", Millis(5))
        assert await store.first_terms("spec", other, Terms("bb", Millis(6))) == Terms("bb", Millis(6))


async def test_the_newest_checkpoint_of_a_name_is_kept(path: Path) -> None:
    async with await Store.open(path) as store:
        assert await store.checkpoint("judge") is None
        await store.put_checkpoint("judge", b"\x00one")
        await store.put_checkpoint("other", b"")
        await store.put_checkpoint("judge", b"two")
    async with await Store.open(path) as store:
        assert await store.checkpoint("judge") == b"two"
        assert await store.checkpoint("other") == b""


async def test_a_store_of_the_first_version_gets_what_it_lacks(path: Path) -> None:
    async with await Store.open(path) as store:
        await store.latch("spec", YES)
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE terms")
        old.execute("DROP TABLE checkpoints")
        old.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
    old.close()
    async with await Store.open(path) as store:
        assert await store.latched("spec") == YES
        await store.first_terms("spec", MarketId.parse("kalshi:KXA"), Terms("aa", Millis(5)))
    async with await Store.open(path):  # migrated once, it is of this version
        pass


async def test_an_intent_is_stored_once_and_closed(path: Path) -> None:
    async with await Store.open(path) as store:
        assert await store.put_intent(SETTLE) == SETTLE
        assert await store.put_intent(replace(SETTLE, outcome=Outcome.NO, created_ms=Millis(2_000))) == SETTLE
        await store.put_intent(ACTIVATE)
        assert await store.open_intents() == [ACTIVATE, SETTLE]
        await store.finish_intent(SETTLE.key, IntentState.CONTRADICTED, "settled as no")
        assert await store.open_intents() == [ACTIVATE]
        stored = await store.put_intent(SETTLE)
        assert (stored.state, stored.note) == (IntentState.CONTRADICTED, "settled as no")


async def test_submissions_come_back_whole_and_in_order(path: Path) -> None:
    async with await Store.open(path) as store:
        await store.put_intent(SETTLE)
        await store.record_submission(submission("first"))
        expired = replace(submission("first"), state=SubmissionState.EXPIRED, error="its blockhash expired unused")
        await store.update_submission(expired)
        await store.record_submission(submission("second"))
    async with await Store.open(path) as store:
        assert await store.submissions(SETTLE.key) == [expired, submission("second")]
        assert await store.submissions(ACTIVATE.key) == []


@pytest.mark.parametrize("state", [SubmissionState.SENT, SubmissionState.CONFIRMED])
async def test_a_second_live_transaction_for_one_act_is_refused(path: Path, state: SubmissionState) -> None:
    async with await Store.open(path) as store:
        await store.put_intent(SETTLE)
        await store.put_intent(ACTIVATE)
        await store.record_submission(submission("first"))
        await store.update_submission(replace(submission("first"), state=state))
        with pytest.raises(PermanentError, match=r"second must not be sent: settle:Market1 .* not known yet"):
            await store.record_submission(submission("second"))
        await store.record_submission(submission("other act", ACTIVATE))


async def test_a_submission_without_its_intent_is_refused(path: Path) -> None:
    async with await Store.open(path) as store:
        with pytest.raises(PermanentError, match="settle:Market1 is not a stored intent"):
            await store.record_submission(submission("first"))


async def test_many_callers_at_once_are_served_one_after_the_other(path: Path) -> None:
    async with await Store.open(path) as store:
        answers = await asyncio.gather(*(store.latch("spec", verdict) for verdict in [YES, NO] * 20))
        assert len(set(answers)) == 1


async def test_every_write_is_synced_to_disk(path: Path) -> None:
    async with await Store.open(path) as store, store._transaction() as connection:
        pragma = await connection.exec_driver_sql("PRAGMA synchronous")
        journal = await connection.exec_driver_sql("PRAGMA journal_mode")
        assert (pragma.scalar(), journal.scalar()) == (2, "wal")


async def test_a_second_relayer_is_kept_out(path: Path) -> None:
    async with await Store.open(path):
        with pytest.raises(UsageError, match=r"relayer\.db is in use by another relayer: stop that one"):
            await Store.open(path)
    async with await Store.open(path):
        pass


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/relayer\.db cannot be written .*set store\.path"):
        await Store.open(tmp_path / "file" / "relayer.db")


async def test_a_folder_in_the_file_s_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=r"cannot be used \(unable to open database file\)"):
        await Store.open(tmp_path)


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    text = tmp_path / "relayer.toml"
    shutil.copy(__file__, text)
    with pytest.raises(FatalError, match=r"cannot be used .*not a database.* restore it from a backup"):
        await Store.open(text)


async def test_a_newer_schema_is_refused(path: Path) -> None:
    async with await Store.open(path):
        pass
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = '7'")
        raw.execute("CREATE TABLE later (x)")
    raw.close()
    with pytest.raises(FatalError, match=r"has schema version 7 .* knows 3: run the relayer that wrote it or a newer"):
        await Store.open(path)


async def test_somebody_else_s_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    raw.close()
    with pytest.raises(FatalError, match="schema version 0"):
        await Store.open(path)
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    raw.close()


async def test_a_start_interrupted_while_making_the_tables_is_finished(path: Path) -> None:
    async with await Store.open(path):
        pass
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM meta")
        raw.execute("DROP TABLE latches")
    raw.close()
    async with await Store.open(path) as store:
        assert await store.latch("spec", YES) == YES


async def test_a_disk_that_fails_later_is_a_matter_of_later(path: Path) -> None:
    async with await Store.open(path) as store:
        async with store._transaction() as connection:
            await connection.exec_driver_sql("PRAGMA max_page_count = 1")
        endless = replace(YES, reason="x" * 100_000)
        with pytest.raises(TransientError, match=r"relayer\.db cannot be read or written now .*disk is full.*: check"):
            await store.latch("spec", endless)
