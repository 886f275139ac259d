"""Faults put into the checks of the on-chain program and of its reader crate, one at a time.

A mutant is a file below `deploy/program`, a piece of text that occurs there once, and what stands there instead.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    file: str
    old: str
    new: str

    @property
    def of_reader(self) -> bool:
        """Of the crate that other programs read with, whose tests are its own."""
        return self.file.startswith("reader/")

    def __str__(self) -> str:
        return f"{self.file}: {' '.join(self.old.split())}  ->  {' '.join(self.new.split()) or '(nothing)'}"


MUTANTS = [
    # publish
    Mutant("src/entry.rs", "(*publisher).is_signer != 0", "true"),
    Mutant("src/entry.rs", "(*board).is_writable != 0", "true"),
    Mutant("src/entry.rs", "same(&raw const (*board).owner as _, program_id)", "true"),
    Mutant("src/entry.rs", "kind != u64::from_le_bytes(BOARD) ||", "false ||"),
    Mutant("src/entry.rs", "|| (*board).data_len < HEADER_LEN as u64", ""),
    Mutant("src/entry.rs", "same(&raw const (*header).publisher as _, &raw const (*publisher).address as _)", "true"),
    Mutant("src/entry.rs", "(0..4).all(", "(0..3).all("),
    Mutant("src/board/publish.rs", "require(in_force(batch.epoch, header.epoch), OracleError::StaleEpoch)?;", ""),
    Mutant("src/board/publish.rs", "epoch.wrapping_sub(boards) as i32 >= 0", "epoch.wrapping_sub(boards) as i32 > 0"),
    Mutant("src/board/publish.rs", "epoch.wrapping_sub(boards) as i32 >= 0", "epoch >= boards"),
    Mutant("src/board/publish.rs", "header.epoch = batch.epoch;", ""),
    Mutant("src/board/publish.rs", "batch.version == PUBLISH_VERSION", "true"),
    Mutant("src/board/publish.rs", "batch.reserved == 0", "true"),
    Mutant("src/board/publish.rs", "batch.base_ms >= MAX_AGE_MS", "true"),
    Mutant("src/board/publish.rs", "require(\n            fits &&", "require(\n            "),
    Mutant("src/board/publish.rs", "saturating_add(FUTURE_MS)", "saturating_add(FUTURE_MS + 10)"),
    Mutant("src/board/entries.rs", "entry.index as u64 >= self.length", "entry.index as u64 > self.length"),
    Mutant("src/board/entries.rs", "|| (*slot).status == STATUS_RETIRED", ""),
    Mutant("src/board/entries.rs", "as_of_ms <= (*slot).as_of_ms", "as_of_ms < (*slot).as_of_ms"),
    Mutant("src/board/entries.rs", "as_of_ms.min(self.limit_ms)", "as_of_ms"),
    Mutant("src/board/entries.rs", "self.base_ms <= self.limit_ms", "true"),
    Mutant("src/board/entries.rs", "entry.bid > entry.ask ||", ""),
    Mutant("src/board/entries.rs", "entry.ask > PRICE_MAX", "entry.ask > PRICE_MAX + 1"),
    Mutant("src/board/entries.rs", "entry.last > PRICE_MAX", "entry.last > PRICE_MAX + 1"),
    Mutant("src/board/entries.rs", "entry.status > STATUS_FINAL", "entry.status > STATUS_RETIRED"),
    # accounts and arguments
    Mutant("src/accounts.rs", "require(account.is_signer(), OracleError::MissingSigner)", "Ok(())"),
    Mutant("src/accounts.rs", "require(account.is_writable(), OracleError::NotWritable)", "Ok(())"),
    Mutant("src/accounts.rs", "require(account.owned_by(program_id), OracleError::WrongOwner)", "Ok(())"),
    Mutant(
        "src/accounts.rs",
        "require(address_eq(account.address(), &pinocchio_system::ID), OracleError::WrongProgram)",
        "Ok(())",
    ),
    Mutant("src/accounts.rs", "require(!twice, OracleError::DuplicateAccount)?;", ""),
    Mutant("src/accounts.rs", "require(is_authority, OracleError::WrongAuthority)?;", ""),
    Mutant("src/accounts.rs", "require(kind != Some(&TOMBSTONE), OracleError::BoardClosed)?;", ""),
    Mutant("src/accounts.rs", "kind == Some(&BOARD) && data.len()", "data.len()"),
    Mutant("src/accounts.rs", "&& data.len() >= HEADER_LEN", ""),
    Mutant("src/accounts.rs", 'derive(ids, &[b"ids", board.as_ref()], program_id)?;', ""),
    Mutant("src/accounts.rs", "require(data.first_chunk() == Some(&IDS), OracleError::WrongDiscriminator)?;", ""),
    Mutant("src/accounts.rs", "data.first_chunk() == Some(&COMMITTEE) && data.len()", "data.len()"),
    Mutant("src/accounts.rs", "&& data.len() == COMMITTEE_LEN", ""),
    Mutant("src/accounts.rs", "data.first_chunk() == Some(&RESOLUTION) && data.len()", "data.len()"),
    Mutant("src/accounts.rs", "&& data.len() >= RESOLUTION_LEN", ""),
    Mutant(
        "src/accounts.rs",
        "require(resolution.committee == *committee_account.address().as_array(), OracleError::WrongCommittee)?;",
        "",
    ),
    Mutant("src/runtime.rs", "require(address_eq(&want, account.address()), OracleError::WrongAddress)?;", ""),
    Mutant("src/args.rs", "if self.is_empty() { Ok(()) } else { Err(OracleError::BadInstruction) }", "Ok(())"),
    # boards
    Mutant(
        "src/board/life.rs", "require((1..=MAX_CAPACITY).contains(&init.capacity), OracleError::BadInstruction)?;", ""
    ),
    Mutant("src/board/life.rs", "signed(authority)?;", ""),
    Mutant("src/board/life.rs", "writable(ids)?;", ""),
    Mutant("src/board/life.rs", "system_program(system)?;", ""),
    Mutant("src/board/life.rs", "require(header(data)?.capacity == init.capacity, OracleError::WrongCapacity)?;", ""),
    Mutant("src/board/life.rs", "ids_of(program_id, &key, ids)?;\n    }", "}"),
    Mutant("src/board/life.rs", "Ok(require(full, OracleError::BoardGrowing)?)", "Ok(())"),
    Mutant("src/board/life.rs", "board.len() == board_len(capacity) &&", ""),
    Mutant("src/board/life.rs", "&& ids.len() == ids_len(capacity)", ""),
    Mutant("src/board/life.rs", "[..8].copy_from_slice(&TOMBSTONE);", ";"),
    Mutant("src/board/life.rs", "ids_of(program_id, &key, ids)?;\n    board.resize", "board.resize"),
    Mutant("src/board/feeds.rs", "grown(board, ids)?;", ""),
    Mutant("src/board/feeds.rs", "index as u32 <= head.length &&", ""),
    Mutant("src/board/feeds.rs", "(index as u32) < head.capacity", "true"),
    Mutant("src/board/feeds.rs", "require((index as u32) < header(board)?.length, OracleError::BadIndex)?;", ""),
    Mutant("src/board/feeds.rs", "require(fresh || slot.status == STATUS_RETIRED, OracleError::SlotInUse)?;", ""),
    Mutant("src/board/feeds.rs", "slot.generation.checked_add(!fresh as u16)", "slot.generation.checked_add(0)"),
    Mutant(
        "src/board/feeds.rs",
        "slot.generation.checked_add(!fresh as u16).ok_or(OracleError::CounterOverflow)?",
        "slot.generation.wrapping_add(!fresh as u16)",
    ),
    Mutant("src/board/feeds.rs", "require(slot.status != STATUS_RETIRED, OracleError::SlotRetired)?;", ""),
    Mutant("src/board/feeds.rs", "require(count > 0, OracleError::BadInstruction)?;", ""),
    Mutant("src/board/feeds.rs", "header.epoch = header.epoch.wrapping_add(1);", ""),
    Mutant("src/board/keys.rs", "require(holder(header) == signer_key.as_array(), refusal)?;", ""),
    Mutant("src/board/keys.rs", "header.pending_authority = [0; 32];", ""),
    # members and votes
    Mutant("src/committee/votes.rs", "threshold * 2 > size", "threshold * 2 >= size"),
    Mutant("src/committee/votes.rs", "require(threshold <= size &&", "require("),
    Mutant("src/committee/votes.rs", "different && !members.contains(&[0; 32])", "different"),
    Mutant("src/committee/votes.rs", "different && !members.contains(&[0; 32])", "!members.contains(&[0; 32])"),
    Mutant("src/committee/votes.rs", "require(*newcomer != [0; 32], OracleError::BadCommittee)?;", ""),
    Mutant("src/committee/votes.rs", "require(seat_of(committee, newcomer).is_err(), OracleError::MemberExists)?;", ""),
    Mutant(
        "src/committee/votes.rs",
        "committee.generations[seat].checked_add(1)",
        "committee.generations[seat].checked_add(0)",
    ),
    Mutant("src/committee/votes.rs", "in_office(committee, resolution, seat) && resolution", "resolution"),
    Mutant(
        "src/committee/votes.rs", "votes >= committee.threshold as usize", "votes + 1 >= committee.threshold as usize"
    ),
    Mutant("src/committee/votes.rs", "votes >= committee.threshold as usize", "votes > committee.threshold as usize"),
    Mutant("src/committee/votes.rs", "if !in_office(committee, resolution, seat) {", "if false {"),
    Mutant(
        "src/committee/votes.rs",
        "resolution.state == OPEN && majority(committee, resolution) == NO_OUTCOME",
        "majority(committee, resolution) == NO_OUTCOME",
    ),
    Mutant(
        "src/committee/votes.rs",
        "resolution.state == OPEN && majority(committee, resolution) == NO_OUTCOME",
        "resolution.state == OPEN",
    ),
    Mutant("src/committee/votes.rs", "(resolution.proposed, resolution.proposed_since) = (NO_OUTCOME, 0);", ""),
    Mutant("src/committee/votes.rs", "part.votes < 2", "part.votes < 3"),
    Mutant("src/committee/votes.rs", "if after != before {", "if after != before && resolution.proposed_since == 0 {"),
    Mutant("src/committee/votes.rs", "if after != before {", "{"),
    Mutant("src/committee/votes.rs", "require(part.accepted == 0, OracleError::AlreadyAccepted)?;", ""),
    Mutant("src/committee/votes.rs", "require(part.flagged == 0, OracleError::FlagSpent)?;", ""),
    Mutant(
        "src/committee/votes.rs",
        "resolution.not_before.max(now.saturating_add(committee.safety_s as u64))",
        "now.saturating_add(committee.safety_s as u64)",
    ),
    Mutant("src/committee/votes.rs", "require(now >= challenged, OracleError::ChallengeRunning)?;", ""),
    Mutant("src/committee/votes.rs", "now >= challenged", "now > challenged"),
    Mutant("src/committee/votes.rs", "require(now >= resolution.not_before, OracleError::FlagRunning)?;", ""),
    Mutant("src/committee/votes.rs", "now >= resolution.not_before", "now > resolution.not_before"),
    Mutant("src/committee/votes.rs", "require(now >= resolution.end_time, OracleError::MarketNotEnded)?;", ""),
    Mutant("src/committee/votes.rs", "now >= resolution.end_time", "now > resolution.end_time"),
    Mutant("src/committee/votes.rs", "require(resolution.state == OPEN, OracleError::AlreadyDecided)", "Ok(())"),
    Mutant("src/committee/life.rs", "valid(&committee)?;", ""),
    Mutant(
        "src/committee/life.rs", "require(account.owned_by(&pinocchio_system::ID), OracleError::AlreadyExists)?;", ""
    ),
    Mutant("src/committee/life.rs", "signed(signer)?;", ""),
    Mutant("src/committee/life.rs", "require(seats & seat == 0, OracleError::DuplicateAccount)?;", ""),
    Mutant("src/committee/life.rs", "seats.count_ones() >= committee.threshold as u32", "true"),
    Mutant("src/committee/life.rs", "writable(other)?;", ""),
    Mutant("src/committee/life.rs", "recount(committee, resolution);", ""),
    Mutant("src/committee/members.rs", "require(outcome == YES || outcome == NO, OracleError::BadInstruction)?;", ""),
    Mutant("src/committee/members.rs", "signed(member)?;", ""),
    Mutant("src/committee/members.rs", "writable(resolution)?;", ""),
    Mutant(
        "src/committee/members.rs",
        "seat_of(committee, member.as_array())?",
        "seat_of(committee, member.as_array()).unwrap_or(0)",
    ),
    # opening, settling, activating, closing
    Mutant("src/committee/open.rs", "distinct(accounts)?;", ""),
    Mutant("src/committee/open.rs", "signed(opener)?;", ""),
    Mutant(
        "src/committee/open.rs", "require((1..=MAX_SPEC_LEN).contains(&spec.len()), OracleError::BadInstruction)?;", ""
    ),
    Mutant(
        "src/committee/open.rs", "require(account.owned_by(&pinocchio_system::ID), OracleError::AlreadyExists)?;", ""
    ),
    Mutant("src/committee/open.rs", "require(accounts.is_empty(), OracleError::WrongAccountCount)?;", ""),
    Mutant("src/committee/open.rs", "require(market_id == commitment.spec_hash, OracleError::WrongQuestion)?;", ""),
    Mutant("src/committee/open.rs", "market.oracle(extension, &program)? == *commitment.settler", "true"),
    Mutant("src/committee/open.rs", "require(!market.is_resolved()?, OracleError::MarketResolved)?;", ""),
    Mutant(
        "src/committee/open.rs", "require(market.address().as_array() == market_id, OracleError::WrongMarket)?;", ""
    ),
    Mutant("src/committee/open.rs", "end_time: subject.end_time", "end_time: 0"),
    Mutant("src/committee/pnp.rs", "require(account.owned_by(program), OracleError::WrongMarket)?;", ""),
    Mutant(
        "src/committee/pnp.rs",
        "derive(account, &[kind.seed, &chunk::<8>(data, MARKET_ID)?], program).map_err(|_| OracleError::WrongMarket)?;",
        "",
    ),
    Mutant(
        "src/committee/pnp.rs",
        "require(data.first_chunk() == Some(&self.kind.extension_discriminator), OracleError::WrongMarket)?;",
        "",
    ),
    Mutant(
        "src/committee/pnp.rs",
        "derive(extension, &path, program).map_err(|_| OracleError::WrongMarket)?;",
        "let _ = path;",
    ),
    Mutant("src/committee/pnp.rs", "resolved != 0 || winner != 0", "resolved != 0"),
    Mutant("src/committee/pnp.rs", "resolved != 0 || winner != 0", "winner != 0"),
    Mutant("src/committee/pnp.rs", "if resolved == 0 { 0 } else { winner }", "winner"),
    Mutant("src/committee/settle.rs", "distinct(accounts)?;", ""),
    Mutant("src/committee/settle.rs", "signed(caller)?;", ""),
    Mutant("src/committee/settle.rs", "writable(settler)?;", ""),
    Mutant("src/committee/settle.rs", "writable(market)?;", ""),
    Mutant("src/committee/settle.rs", "require(market.is_empty(), OracleError::WrongAccountCount)?;", ""),
    Mutant("src/committee/settle.rs", "require(address_eq(pnp.address(), program), OracleError::WrongProgram)?;", ""),
    Mutant("src/committee/settle.rs", "*market.address().as_array() == resolution.market", "true"),
    Mutant(
        "src/committee/settle.rs",
        "if winner == outcome { SETTLED_ELSEWHERE } else { CONTRADICTED }",
        "SETTLED_ELSEWHERE",
    ),
    Mutant("src/committee/settle.rs", "Market::load(market, program)?.winner()? == outcome", "true"),
    Mutant("src/committee/settle.rs", "require(address_eq(&want, account.address()), OracleError::WrongAddress)?;", ""),
    Mutant("src/committee/settle.rs", "state == SETTLED && spare", "spare"),
    Mutant("src/committee/settle.rs", "spare(account, len)? >= reward", "true"),
    Mutant("src/committee/activate.rs", "take_distinct(head)?", "take(head)?"),
    Mutant("src/committee/activate.rs", "signed(member)?;", ""),
    Mutant("src/committee/activate.rs", "writable(member)?;", ""),
    Mutant("src/committee/activate.rs", "writable(settler)?;", ""),
    Mutant("src/committee/activate.rs", "seat_of(committee, member.address().as_array())?;", ""),
    Mutant("src/committee/activate.rs", "require(resolution.state == OPEN, OracleError::AlreadyDecided)?;", ""),
    Mutant("src/committee/activate.rs", "require(resolution.kind != KIND_GENERIC, OracleError::Generic)?;", ""),
    Mutant("src/committee/activate.rs", "*pnp.address().as_array() == committee.pnp_program", "true"),
    Mutant("src/committee/activate.rs", "require(advance == 0, OracleError::BadInstruction)?;", ""),
    Mutant("src/committee/activate.rs", "sweep(&seat, settler, member)?;", ""),
    Mutant("src/committee/activate.rs", "require(plain, OracleError::SettlerNotEmpty)?;", ""),
    Mutant("src/committee/activate.rs", "settler.is_data_empty() &&", ""),
    Mutant("src/committee/activate.rs", "&& settler.owned_by(&pinocchio_system::ID)", ""),
    Mutant("src/committee/activate.rs", "spent.min(spare(account, len)?)", "spent"),
    Mutant("src/committee/activate.rs", "*account.address().as_array() == self.resolution.market", "true"),
    Mutant("src/committee/activate.rs", "metadata.address().as_array() == metadata_program", "true"),
    Mutant("src/committee/activate.rs", "[SPL_TOKEN, TOKEN_2022].contains(token.address())", "true"),
    Mutant("src/committee/activate.rs", "*associated.address() == ASSOCIATED_TOKEN", "true"),
    Mutant("src/committee/activate.rs", "system_program(system)?;\n    require", "require"),
    Mutant("src/committee/activate.rs", "*rent.address() == RENT_ID", "true"),
    Mutant(
        "src/committee/activate.rs",
        "self.market(market)?;\n        system_program(system)?;",
        "self.market(market)?;\n        let _ = system;",
    ),
    Mutant("src/committee/activate.rs", "self.own(accounts, &id)?;", ""),
    Mutant("src/committee/activate.rs", "derive(mint, &[seed, id], self.program)", "Ok(0)"),
    Mutant(
        "src/committee/activate.rs",
        ".and_then(|_| derive(vault, &[market.as_ref(), token.as_ref(), key.as_ref()], &ASSOCIATED_TOKEN))",
        "",
    ),
    Mutant(
        "src/committee/activate.rs",
        '.and_then(|_| derive(metadata, &[b"metadata", program.as_ref(), key.as_ref()], program))',
        "",
    ),
    Mutant("src/committee/close.rs", "take_distinct(head)?", "crate::accounts::take(head)?"),
    Mutant("src/committee/close.rs", "require(resolution.kind != KIND_GENERIC, OracleError::Generic)?;", ""),
    Mutant("src/committee/close.rs", "closable(committee, resolution, now()?.seconds())?;", ""),
    Mutant("src/committee/close.rs", "*market.address().as_array() == resolution.market", "true"),
    Mutant("src/committee/close.rs", "*opener.address().as_array() == resolution.opener", "true"),
    Mutant(
        "src/committee/close.rs", "require(*creator.address().as_array() == owed, OracleError::WrongReceiver)?;", ""
    ),
    Mutant("src/committee/close.rs", "creator.is_writable() || !wallet", "true"),
    Mutant("src/committee/close.rs", "&& !RESERVED.contains(creator.address())", ""),
    Mutant(
        "src/committee/close.rs",
        "!RESERVED.contains(creator.address())",
        "(creator.is_writable() || creator.lamports() > 0)",
    ),
    Mutant("src/committee/close.rs", "if wallet { creator } else { opener }", "creator"),
    Mutant(
        "src/committee/votes.rs",
        "now >= resolution.decided_at.saturating_add(RETENTION_S)",
        "now >= resolution.decided_at",
    ),
    Mutant(
        "src/committee/votes.rs",
        "now >= resolution.decided_at.saturating_add(RETENTION_S)",
        "now > resolution.decided_at.saturating_add(RETENTION_S)",
    ),
    Mutant("src/committee/votes.rs", "resolution.end_time.max(resolution.opened_at)", "resolution.opened_at"),
    Mutant("src/committee/votes.rs", ".max(resolution.opened_at)", ""),
    Mutant("src/committee/votes.rs", ".max(resolution.proposed_since)", ""),
    Mutant("src/committee/votes.rs", "committee.challenge_s as u64 + committee.size as u64", "committee.size as u64"),
    Mutant("src/committee/votes.rs", "committee.size as u64 * committee.safety_s as u64", "committee.safety_s as u64"),
    Mutant("src/committee/votes.rs", "periods + ABANDON_S", "periods"),
    # reader
    Mutant("reader/src/read.rs", "account.address != self.board", "false"),
    Mutant("reader/src/read.rs", "at(account.data, offset_of!(Header, authority)) != Some(&self.authority)", "false"),
    Mutant("reader/src/read.rs", "slot.status == STATUS_RETIRED || slot.generation", "slot.generation"),
    Mutant("reader/src/read.rs", "|| slot.generation != self.generation", ""),
    Mutant("reader/src/read.rs", "slot.as_of_ms == 0", "false"),
    Mutant("reader/src/read.rs", "slot.as_of_ms < terms.now_ms.saturating_sub(terms.max_age_ms)", "false"),
    Mutant(
        "reader/src/read.rs",
        "slot.as_of_ms < terms.now_ms.saturating_sub(terms.max_age_ms)",
        "slot.as_of_ms <= terms.now_ms.saturating_sub(terms.max_age_ms)",
    ),
    Mutant("reader/src/read.rs", "slot.status != STATUS_ACTIVE", "false"),
    Mutant("reader/src/read.rs", "slot.bid == 0 ||", ""),
    Mutant("reader/src/read.rs", "|| slot.ask >= PRICE_MAX", ""),
    Mutant("reader/src/read.rs", "ids.owner != *program", "false"),
    Mutant("reader/src/read.rs", "ids.data.first_chunk() != Some(&IDS)", "false"),
    Mutant("reader/src/read.rs", "slot.as_of_ms > best.as_of_ms", "slot.as_of_ms >= best.as_of_ms"),
    Mutant("reader/src/read.rs", "slot.as_of_ms > best.as_of_ms", "false"),
    Mutant("reader/src/read.rs", "&& slot.status != STATUS_RETIRED && newer", "&& newer"),
    Mutant("reader/src/read.rs", "account.owner != *program", "false"),
    Mutant("reader/src/read.rs", "data.len() < HEADER_LEN ||", ""),
    Mutant("reader/src/read.rs", "|| data.first_chunk() != Some(&BOARD)", ""),
    Mutant("reader/src/median.rs", "sources.len() > MAX_SOURCES", "false"),
    Mutant("reader/src/median.rs", "other.authority == source.authority", "other.board == source.board"),
    Mutant(
        "reader/src/median.rs",
        "(self.as_of_ms, other.twice_mid) > (other.as_of_ms, self.twice_mid)",
        "self.as_of_ms > other.as_of_ms",
    ),
    Mutant("reader/src/median.rs", "(self.as_of_ms, other.twice_mid) > (other.as_of_ms, self.twice_mid)", "true"),
    Mutant("reader/src/median.rs", "count == 0 || count < quorum", "count == 0"),
    Mutant("reader/src/median.rs", "count == 0 || count < quorum", "count < quorum"),
    Mutant("reader/src/median.rs", "sorted[(count - 1) / 2]", "sorted[count / 2]"),
    Mutant("reader/src/median.rs", "sorted[at - 1] > voice.twice_mid", "false"),
    Mutant("reader/src/answer.rs", "account.owner != *program", "false"),
    Mutant("reader/src/answer.rs", "data.first_chunk() != Some(&RESOLUTION) ||", ""),
    Mutant("reader/src/answer.rs", "|| data.len() < RESOLUTION_LEN", ""),
    Mutant(
        "reader/src/answer.rs",
        "holds(offset_of!(Resolution, committee), &question.committee, Unanswered::WrongCommittee)?;",
        "",
    ),
    Mutant(
        "reader/src/answer.rs", "holds(offset_of!(Resolution, market), &question.market, Unanswered::WrongMarket)?;", ""
    ),
    Mutant(
        "reader/src/answer.rs",
        "holds(offset_of!(Resolution, spec_hash), &question.spec_hash, Unanswered::WrongSpec)?;",
        "",
    ),
    Mutant("reader/src/answer.rs", "(CONTRADICTED, _) => Err(Unanswered::Contradicted),", ""),
]
