//! What one member does alone: accept, attest, flag. Accounts of each: member S, committee, resolution W.

use oracle_reader::committee::{Committee, NO, Resolution, YES};
use pinocchio::{AccountView, Address, ProgramResult, error::ProgramError};

use super::votes::{self, Vote, seat_of};
use crate::{
    Call,
    accounts::{file, signed, take_distinct, writable},
    args::Args,
    error::{OracleError, require},
    event::{ACCEPTED, ATTESTED, Event, FLAGGED},
    runtime::now,
};

/// A member at work on one resolution.
struct Act<'a> {
    committee: &'a Committee,
    resolution: &'a mut Resolution,
    seat: usize,
    member: Address,
    file: Address,
}

impl<'a> Act<'a> {
    fn begin(program_id: &Address, accounts: &'a mut [AccountView]) -> Result<Self, ProgramError> {
        let [member, committee, resolution] = take_distinct(accounts)?;
        signed(member)?;
        writable(resolution)?;
        let (member, file_key) = (*member.address(), *resolution.address());
        let (committee, resolution) = file(program_id, committee, resolution)?;
        let seat = seat_of(committee, member.as_array())?;
        Ok(Self { committee, resolution, seat, member, file: file_key })
    }

    fn event(&self, discriminator: [u8; 8]) -> Event {
        let mut event = Event::new(discriminator);
        event.key(&self.file).key(&self.member);
        event
    }
}

/// No data: the member serves this market.
pub fn accept(Call { program_id, accounts, data }: Call) -> ProgramResult {
    Args::new(data).end()?;
    let act = Act::begin(program_id, accounts)?;
    votes::accept(act.committee, act.resolution, act.seat)?;
    act.event(ACCEPTED).emit();
    Ok(())
}

/// `[outcome u8: 1 yes, 2 no][evidence hash 32]`: one vote, which may be changed once.
pub fn attest(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let mut args = Args::new(data);
    let (outcome, evidence_hash) = (args.u8()?, args.bytes()?);
    args.end()?;
    require(outcome == YES || outcome == NO, OracleError::BadInstruction)?;
    let act = Act::begin(program_id, accounts)?;
    let vote = Vote { outcome, evidence_hash, now: now()?.seconds() };
    votes::attest(act.committee, act.resolution, act.seat, &vote)?;
    let (proposed, since) = (act.resolution.proposed, act.resolution.proposed_since);
    act.event(ATTESTED).u8(outcome).bytes(evidence_hash).u8(proposed).u64(since).emit();
    Ok(())
}

/// `[reason 32]`: no settlement before now and the safety period.
pub fn flag(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let mut args = Args::new(data);
    let reason: &[u8; 32] = args.bytes()?;
    args.end()?;
    let act = Act::begin(program_id, accounts)?;
    votes::flag(act.committee, act.resolution, act.seat, now()?.seconds())?;
    let not_before = act.resolution.not_before;
    act.event(FLAGGED).bytes(reason).u64(not_before).emit();
    Ok(())
}
