"""Faults put into the on-chain program's checks, one at a time; the tests must notice each.

A mutant is a file below `deploy/program/src`, a piece of text that occurs there once, and what stands there instead.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    file: str
    old: str
    new: str


MUTANTS = [
    # publish
    Mutant("entry.rs", "(*publisher).is_signer != 0", "true"),
    Mutant("entry.rs", "(*board).is_writable != 0", "true"),
    Mutant("entry.rs", "same(&raw const (*board).owner as _, program_id)", "true"),
    Mutant("entry.rs", "kind != u64::from_le_bytes(BOARD) ||", "false ||"),
    Mutant("entry.rs", "same(&raw const (*header).publisher as _, &raw const (*publisher).address as _)", "true"),
    Mutant("entry.rs", "(0..4).all(", "(0..3).all("),
    Mutant("board/publish.rs", "batch.epoch >= header.epoch", "true"),
    Mutant("board/publish.rs", "header.epoch = batch.epoch;", ""),
    Mutant("board/publish.rs", "batch.version == PUBLISH_VERSION", "true"),
    Mutant("board/publish.rs", "batch.reserved == 0", "true"),
    Mutant("board/publish.rs", "batch.base_ms >= MAX_AGE_MS", "true"),
    Mutant("board/publish.rs", "require(\n            fits &&", "require(\n            "),
    Mutant("board/publish.rs", "saturating_add(FUTURE_MS)", "saturating_add(FUTURE_MS + 10)"),
    Mutant("board/entries.rs", "entry.index as u64 >= self.length", "entry.index as u64 > self.length"),
    Mutant("board/entries.rs", "|| (*slot).status == STATUS_RETIRED", ""),
    Mutant("board/entries.rs", "as_of_ms <= (*slot).as_of_ms", "as_of_ms < (*slot).as_of_ms"),
    Mutant("board/entries.rs", "as_of_ms.min(self.limit_ms)", "as_of_ms"),
    Mutant("board/entries.rs", "self.base_ms <= self.limit_ms", "true"),
    Mutant("board/entries.rs", "entry.bid > entry.ask ||", ""),
    Mutant("board/entries.rs", "entry.ask > PRICE_MAX", "entry.ask > PRICE_MAX + 1"),
    Mutant("board/entries.rs", "entry.last > PRICE_MAX", "entry.last > PRICE_MAX + 1"),
    Mutant("board/entries.rs", "entry.status > STATUS_FINAL", "entry.status > STATUS_RETIRED"),
    # accounts
    Mutant("accounts.rs", "require(account.is_signer(), OracleError::MissingSigner)", "Ok(())"),
    Mutant("accounts.rs", "require(account.is_writable(), OracleError::NotWritable)", "Ok(())"),
    Mutant("accounts.rs", "require(account.owned_by(program_id), OracleError::WrongOwner)", "Ok(())"),
    Mutant("accounts.rs", "require(!twice, OracleError::DuplicateAccount)?;", ""),
    Mutant("accounts.rs", "require(is_authority, OracleError::WrongAuthority)?;", ""),
    Mutant("accounts.rs", "require(kind != Some(&TOMBSTONE), OracleError::BoardClosed)?;", ""),
    Mutant("accounts.rs", "kind == Some(&BOARD) && data.len()", "data.len()"),
    Mutant("accounts.rs", "require(data.first_chunk() == Some(&IDS), OracleError::WrongDiscriminator)?;", ""),
    Mutant("accounts.rs", "data.first_chunk() == Some(&COMMITTEE) && data.len()", "data.len()"),
    Mutant("accounts.rs", "data.first_chunk() == Some(&RESOLUTION) && data.len()", "data.len()"),
    Mutant("runtime.rs", "require(address_eq(&want, account.address()), OracleError::WrongAddress)?;", ""),
    # boards
    Mutant("board/life.rs", "require((1..=MAX_CAPACITY).contains(&init.capacity), OracleError::BadInstruction)?;", ""),
    Mutant("board/life.rs", "Ok(require(full, OracleError::BoardGrowing)?)", "Ok(())"),
    Mutant("board/feeds.rs", "(index as u32) < head.capacity", "true"),
    Mutant("board/feeds.rs", "require(fresh || slot.status == STATUS_RETIRED, OracleError::SlotInUse)?;", ""),
    Mutant("board/feeds.rs", "require(slot.status != STATUS_RETIRED, OracleError::SlotRetired)?;", ""),
    Mutant("board/feeds.rs", "header.epoch.checked_add(1)", "header.epoch.checked_add(0)"),
    Mutant("board/keys.rs", "require(holder(header) == signer_key.as_array(), refusal)?;", ""),
    Mutant("board/keys.rs", "header.pending_authority = [0; 32];", ""),
    # committees
    Mutant("committee/votes.rs", "threshold * 2 > size", "threshold * 2 >= size"),
    Mutant("committee/votes.rs", "different && !members.contains(&[0; 32])", "different"),
    Mutant("committee/votes.rs", "require(seat_of(committee, newcomer).is_err(), OracleError::MemberExists)?;", ""),
    Mutant("committee/votes.rs", "in_office(committee, resolution, seat) && resolution", "resolution"),
    Mutant("committee/votes.rs", "votes >= committee.threshold as usize", "votes + 1 >= committee.threshold as usize"),
    Mutant("committee/votes.rs", "part.votes < 2", "part.votes < 3"),
    Mutant("committee/votes.rs", "if after != before {", "if after != before && resolution.proposed_since == 0 {"),
    Mutant("committee/votes.rs", "require(part.flagged == 0, OracleError::FlagSpent)?;", ""),
    Mutant("committee/votes.rs", "require(now >= challenged, OracleError::ChallengeRunning)?;", ""),
    Mutant("committee/votes.rs", "require(now >= resolution.not_before, OracleError::FlagRunning)?;", ""),
    Mutant("committee/votes.rs", "require(now >= resolution.end_time, OracleError::MarketNotEnded)?;", ""),
    Mutant("committee/votes.rs", "require(resolution.state == OPEN, OracleError::AlreadyDecided)", "Ok(())"),
    Mutant("committee/life.rs", "require(seats & seat == 0, OracleError::DuplicateAccount)?;", ""),
    Mutant("committee/life.rs", "seats.count_ones() >= committee.threshold as u32", "true"),
    Mutant("committee/open.rs", "market.oracle(extension, &program)? == *settler", "true"),
    Mutant("committee/open.rs", "require(market.winner()? == NO_OUTCOME, OracleError::MarketResolved)?;", ""),
    Mutant("committee/open.rs", "require(market.address().as_array() == market_id, OracleError::WrongMarket)?;", ""),
    Mutant("committee/members.rs", "require(outcome == YES || outcome == NO, OracleError::BadInstruction)?;", ""),
    Mutant("committee/pnp.rs", "require(account.owned_by(program), OracleError::WrongMarket)?;", ""),
    Mutant("committee/settle.rs", "require(address_eq(pnp.address(), program), OracleError::WrongProgram)?;", ""),
    Mutant(
        "committee/settle.rs",
        "*market.address().as_array() == resolution.market",
        "true",
    ),
    Mutant(
        "committee/settle.rs",
        "Market::load(market, program)?.winner()? == outcome",
        "true",
    ),
    Mutant("committee/settle.rs", "require(address_eq(&want, account.address()), OracleError::WrongAddress)?;", ""),
    Mutant("committee/settle.rs", "spare(account, len)? >= reward", "true"),
    Mutant(
        "committee/activate.rs",
        "*pnp.address().as_array() == committee.pnp_program",
        "true",
    ),
    Mutant("committee/activate.rs", "seat_of(committee, member.address().as_array())?;", ""),
    Mutant(
        "committee/activate.rs",
        "accounts[9].address().as_array() == self.metadata_program",
        "true",
    ),
    Mutant("committee/activate.rs", "spent.min(spare(account, len)?)", "spent"),
    Mutant("committee/close.rs", "require(resolution.state != OPEN, OracleError::NotDecided)?;", ""),
    Mutant("committee/close.rs", "require(now()?.seconds() >= due, OracleError::TooYoung)?;", ""),
    Mutant(
        "committee/close.rs",
        "*opener.address().as_array() == resolution.opener",
        "true",
    ),
    Mutant("committee/close.rs", "require(*creator.address().as_array() == owed, OracleError::WrongReceiver)?;", ""),
]
