//! `open`: a market gets its file, and the world its spec.

use oracle_reader::committee::{
    Committee, KIND_GENERIC, MAX_MEMBERS, MAX_SPEC_LEN, NO_OUTCOME, OPEN, RESOLUTION, RESOLUTION_LEN, Resolution, Seat,
};
use pinocchio::{AccountView, Address, ProgramResult, cpi::Signer, instruction::seeds};
use pinocchio_system::instructions::Transfer;
use program_runtime::New;

use super::pnp::Market;
use crate::{
    Call,
    accounts::{committee, distinct, ours, signed, system_program, writable},
    args::Args,
    error::{OracleError, require},
    event::{Event, OPENED},
    runtime::{derive, now, sha256},
};

/// What `open` finds out about the market.
struct Subject {
    kind: u8,
    end_time: u64,
}

/// What a market must name to commit to its rules: the spec itself, or committee and spec.
struct Commitment<'a> {
    spec_hash: &'a [u8; 32],
    settler: &'a [u8; 32],
}

/// `[deposit u64][market 32][spec 1..=640]`; accounts: opener SW, committee, resolution W, system program, and for a
/// committee that settles on PNP: market, extension.
pub fn open(Call { program_id, accounts, data }: Call) -> ProgramResult {
    distinct(accounts)?;
    let [opener, committee_account, account, system, market @ ..] = accounts else {
        return Err(OracleError::WrongAccountCount.into());
    };
    let mut args = Args::new(data);
    let (deposit, market_id) = (args.u64()?, args.bytes::<32>()?);
    let spec = args.rest();
    require((1..=MAX_SPEC_LEN).contains(&spec.len()), OracleError::BadInstruction)?;
    signed(opener)?;
    writable(opener)?;
    writable(account)?;
    system_program(system)?;
    ours(committee_account, program_id)?;
    let committee_key = *committee_account.address();
    let path: [&[u8]; 3] = [b"resolution", committee_key.as_ref(), market_id];
    let bump = [derive(account, &path, program_id)?];
    require(account.owned_by(&pinocchio_system::ID), OracleError::AlreadyExists)?;

    let spec_hash = sha256(spec);
    let settler: [&[u8]; 3] = [b"settler", committee_key.as_ref(), &spec_hash];
    let (settler, settler_bump) =
        Address::try_find_program_address(&settler, program_id).ok_or(OracleError::WrongAddress)?;
    let committee = committee(committee_account)?;
    let commitment = Commitment { spec_hash: &spec_hash, settler: settler.as_array() };
    let subject = subject(committee, market_id, market, &commitment)?;

    let seeds = seeds!(b"resolution", committee_key.as_ref(), market_id, &bump);
    let len = RESOLUTION_LEN + spec.len();
    New { payer: opener, owner: program_id, len }.at(account, Signer::from(&seeds))?;
    if deposit > 0 {
        Transfer { from: opener, to: account, lamports: deposit }.invoke()?;
    }
    let resolution = Resolution {
        discriminator: RESOLUTION,
        committee: *committee_key.as_array(),
        market: *market_id,
        opener: *opener.address().as_array(),
        spec_hash,
        opened_at: now()?.seconds(),
        end_time: subject.end_time,
        proposed_since: 0,
        not_before: 0,
        decided_at: 0,
        spec_len: spec.len() as u16,
        kind: subject.kind,
        state: OPEN,
        proposed: NO_OUTCOME,
        winner: NO_OUTCOME,
        bump: bump[0],
        settler_bump,
        seats: [Seat {
            evidence_hash: [0; 32],
            voted_at: 0,
            generation: 0,
            outcome: NO_OUTCOME,
            votes: 0,
            accepted: 0,
            flagged: 0,
        }; MAX_MEMBERS],
    };
    // SAFETY: 8-aligned, of this length, and borrowed by nobody.
    unsafe { (account.data_mut_ptr() as *mut Resolution).write(resolution) };
    // SAFETY: as above.
    let bytes = unsafe { account.borrow_unchecked_mut() };
    bytes[RESOLUTION_LEN..].copy_from_slice(spec);
    Event::new(OPENED).key(account.address()).key(&committee_key).bytes(market_id).bytes(&spec_hash).emit();
    Ok(())
}

/// A market of the committee's PNP program that names this settler as its oracle and is not resolved; or, for a
/// committee without one, the spec's hash. Who opens a file chooses nothing of it.
#[inline(always)] // more arguments than registers
fn subject(
    committee: &Committee,
    market_id: &[u8; 32],
    accounts: &[AccountView],
    commitment: &Commitment,
) -> Result<Subject, OracleError> {
    if committee.pnp_program == [0; 32] {
        require(accounts.is_empty(), OracleError::WrongAccountCount)?;
        require(market_id == commitment.spec_hash, OracleError::WrongQuestion)?;
        return Ok(Subject { kind: KIND_GENERIC, end_time: 0 });
    }
    let [market, extension] = accounts else {
        return Err(OracleError::WrongAccountCount);
    };
    require(market.address().as_array() == market_id, OracleError::WrongMarket)?;
    let program = Address::new_from_array(committee.pnp_program);
    let market = Market::load(market, &program)?;
    require(market.oracle(extension, &program)? == *commitment.settler, OracleError::WrongOracle)?;
    require(!market.is_resolved()?, OracleError::MarketResolved)?;
    Ok(Subject { kind: market.kind.number, end_time: market.end_time()? })
}
