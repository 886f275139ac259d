//! How a committee comes to be, and the one thing that changes in it.

use oracle_reader::committee::{COMMITTEE, COMMITTEE_LEN, Committee, MAX_MEMBERS};
use pinocchio::{AccountView, ProgramResult, cpi::Signer, instruction::seeds};
use program_runtime::New;

use super::votes::{recount, replace, seat_of, valid};
use crate::{
    Call,
    accounts::{committee_mut, file, ours, signed, system_program, take_distinct, writable},
    args::Args,
    error::{OracleError, require},
    event::{COMMITTEE_MADE, Event, MEMBER_REPLACED},
    runtime::derive,
};

/// `[index u16][threshold u8][challenge_s u32][safety_s u32][reward u64][pnp 32][metadata 32][member 32; 1..=9]`;
/// accounts: creator SW, committee W, system program.
pub fn init(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let [creator, account, system] = take_distinct(accounts)?;
    signed(creator)?;
    writable(creator)?;
    writable(account)?;
    system_program(system)?;
    let committee = parse(creator, data)?;
    valid(&committee)?;
    let index = committee.index.to_le_bytes();
    let bump = [derive(account, &[b"committee", creator.address().as_ref(), &index], program_id)?];
    require(account.owned_by(&pinocchio_system::ID), OracleError::AlreadyExists)?;
    let seeds = seeds!(b"committee", creator.address().as_ref(), &index, &bump);
    New { payer: creator, owner: program_id, len: COMMITTEE_LEN }.at(account, Signer::from(&seeds))?;
    // SAFETY: `take` has refused the same account twice; 8-aligned and of this length.
    unsafe { (account.data_mut_ptr() as *mut Committee).write(committee) };
    Event::new(COMMITTEE_MADE).key(account.address()).key(creator.address()).emit();
    Ok(())
}

fn parse(creator: &AccountView, data: &[u8]) -> Result<Committee, OracleError> {
    let mut args = Args::new(data);
    let mut committee = Committee {
        discriminator: COMMITTEE,
        creator: *creator.address().as_array(),
        index: args.u16()?,
        threshold: args.u8()?,
        challenge_s: args.u32()?,
        safety_s: args.u32()?,
        reward: args.u64()?,
        pnp_program: *args.bytes()?,
        metadata_program: *args.bytes()?,
        size: 0,
        padding: [0; 4],
        members: [[0; 32]; MAX_MEMBERS],
        generations: [0; MAX_MEMBERS],
        padding_end: [0; 4],
    };
    while !args.is_empty() {
        let seat = committee.members.get_mut(committee.size as usize).ok_or(OracleError::BadCommittee)?;
        *seat = *args.bytes()?;
        committee.size += 1;
    }
    Ok(committee)
}

/// `[leaver 32][newcomer 32]`; accounts: committee W, then in any order a threshold of members, each S, and those files of
/// the committee, each W, whose proposals are to be counted anew.
pub fn replace_member(Call { program_id, accounts, data }: Call) -> ProgramResult {
    let (account, others) = accounts.split_first_mut().ok_or(OracleError::WrongAccountCount)?;
    let mut args = Args::new(data);
    let (leaver, newcomer) = (args.bytes()?, args.bytes()?);
    args.end()?;
    writable(account)?;
    ours(account, program_id)?;
    let key = *account.address();
    let committee = committee_mut(account)?;
    let mut seats = 0u16;
    for signer in others.iter().filter(|other| !other.owned_by(program_id)) {
        signed(signer)?;
        let seat = 1 << seat_of(committee, signer.address().as_array())?;
        require(seats & seat == 0, OracleError::DuplicateAccount)?;
        seats |= seat;
    }
    require(seats.count_ones() >= committee.threshold as u32, OracleError::TooFewSigners)?;
    replace(committee, leaver, newcomer)?;
    for other in others.iter_mut().filter(|other| other.owned_by(program_id)) {
        writable(other)?;
        let (committee, resolution) = file(program_id, account, other)?;
        recount(committee, resolution);
    }
    Event::new(MEMBER_REPLACED).key(&key).bytes(leaver).bytes(newcomer).emit();
    Ok(())
}
