//! `settle`: anyone carries out what the committee has decided.

use oracle_reader::committee::{
    CONTRADICTED, KIND_GENERIC, NO_OUTCOME, RESOLUTION_LEN, Resolution, SETTLED, SETTLED_ELSEWHERE, YES,
};
use pinocchio::{
    AccountView, Address, ProgramResult,
    address::address_eq,
    cpi::{Signer, invoke_signed},
    error::ProgramError,
    instruction::{InstructionAccount, InstructionView, seeds},
};

use super::{
    pnp::{Market, kind},
    votes::due,
};
use crate::{
    Call,
    accounts::{distinct, file, signed, take, writable},
    args::Args,
    error::{OracleError, require},
    event::{Event, SETTLED as SETTLED_EVENT},
    runtime::{now, pay_out, spare},
};

/// No data; accounts: caller SW, committee, resolution W, and for a market of PNP: settler W, market W, extension,
/// global config, PNP program.
pub fn settle(Call { program_id, accounts, data }: Call) -> ProgramResult {
    Args::new(data).end()?;
    distinct(accounts)?;
    let (head, market) = accounts.split_at_mut_checked(3).ok_or(OracleError::WrongAccountCount)?;
    let [caller, committee, account] = take(head)?;
    signed(caller)?;
    writable(caller)?;
    writable(account)?;
    let now = now()?.seconds();
    let (committee, resolution) = file(program_id, committee, account)?;
    let (outcome, reward) = (due(committee, resolution, now)?, committee.reward);

    let program = Address::new_from_array(committee.pnp_program);
    let state = if resolution.kind == KIND_GENERIC {
        require(market.is_empty(), OracleError::WrongAccountCount)?;
        SETTLED
    } else {
        carry_out(program_id, resolution, &program, market, outcome)?
    };
    (resolution.state, resolution.winner, resolution.decided_at) = (state, outcome, now);
    let len = RESOLUTION_LEN + resolution.spec_len as usize;
    let paid = if state == SETTLED && spare(account, len)? >= reward { reward } else { 0 };
    pay_out(account, caller, paid);
    Event::new(SETTLED_EVENT).key(account.address()).u8(state).u8(outcome).u64(paid).emit();
    Ok(())
}

/// Settle the market in PNP, unless somebody else has: what became of it.
#[inline(always)] // more arguments than registers
fn carry_out(
    program_id: &Address,
    resolution: &Resolution,
    program: &Address,
    accounts: &mut [AccountView],
    outcome: u8,
) -> Result<u8, ProgramError> {
    let [settler, market, extension, config, pnp] = take(accounts)?;
    require(address_eq(pnp.address(), program), OracleError::WrongProgram)?;
    require(*market.address().as_array() == resolution.market, OracleError::WrongMarket)?;
    writable(settler)?;
    writable(market)?;
    let winner = Market::load(market, program)?.winner()?;
    if winner != NO_OUTCOME {
        return Ok(if winner == outcome { SETTLED_ELSEWHERE } else { CONTRADICTED });
    }
    let mut call = [0; 9];
    call[..8].copy_from_slice(&kind(resolution.kind)?.settle);
    call[8] = (outcome == YES) as u8;
    let seat = Settler::of(program_id, resolution, settler)?;
    let seeds = seeds!(b"settler", &seat.committee, &seat.spec_hash, &seat.bump);
    let metas = [
        InstructionAccount::writable_signer(settler.address()),
        InstructionAccount::writable(market.address()),
        InstructionAccount::readonly(extension.address()),
        InstructionAccount::readonly(config.address()),
    ];
    let instruction = InstructionView { program_id: program, accounts: &metas, data: &call };
    invoke_signed(&instruction, &[&*settler, &*market, &*extension, &*config], &[Signer::from(&seeds)])?;
    require(Market::load(market, program)?.winner()? == outcome, OracleError::NotSettled)?;
    Ok(SETTLED)
}

/// The seeds by which the settler of a resolution signs.
pub struct Settler {
    pub committee: [u8; 32],
    pub spec_hash: [u8; 32],
    pub bump: [u8; 1],
}

impl Settler {
    /// `account` is the settler's address.
    pub fn of(program_id: &Address, resolution: &Resolution, account: &AccountView) -> Result<Self, OracleError> {
        let seat =
            Self { committee: resolution.committee, spec_hash: resolution.spec_hash, bump: [resolution.settler_bump] };
        let path: [&[u8]; 4] = [b"settler", &seat.committee, &seat.spec_hash, &seat.bump];
        let want = Address::create_program_address(&path, program_id).map_err(|_| OracleError::WrongAddress)?;
        require(address_eq(&want, account.address()), OracleError::WrongAddress)?;
        Ok(seat)
    }
}
