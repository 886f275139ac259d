//! `close_resolution`: the rent goes back.

use oracle_reader::committee::{KIND_GENERIC, OPEN, RESOLUTION_LEN};
use pinocchio::{Address, ProgramResult};

use super::pnp::Market;
use crate::{
    Call,
    accounts::{file, take_distinct, writable},
    args::Args,
    error::{OracleError, require},
    event::{Event, RESOLUTION_CLOSED},
    runtime::{now, pay_out, spare},
};

/// A decided resolution stays readable for so long.
const RETENTION_S: u64 = 30 * 24 * 3600;

/// No data; accounts: resolution W, committee, market, opener W, market's creator W (may be the opener).
pub fn close(Call { program_id, accounts, data }: Call) -> ProgramResult {
    Args::new(data).end()?;
    let (head, receivers) = accounts.split_at_mut_checked(3).ok_or(OracleError::WrongAccountCount)?;
    let [account, committee, market] = take_distinct(head)?;
    let [opener, creator] = receivers else {
        return Err(OracleError::WrongAccountCount.into());
    };
    writable(account)?;
    writable(opener)?;
    writable(creator)?;
    let (committee, resolution) = file(program_id, committee, account)?;
    require(resolution.kind != KIND_GENERIC, OracleError::Generic)?;
    require(resolution.state != OPEN, OracleError::NotDecided)?;
    let due = resolution.decided_at.saturating_add(RETENTION_S);
    require(now()?.seconds() >= due, OracleError::TooYoung)?;
    require(*market.address().as_array() == resolution.market, OracleError::WrongMarket)?;
    require(*opener.address().as_array() == resolution.opener, OracleError::WrongReceiver)?;
    let program = Address::new_from_array(committee.pnp_program);
    let owed = Market::load(market, &program)?.creator()?;
    require(*creator.address().as_array() == owed, OracleError::WrongReceiver)?;

    let len = RESOLUTION_LEN + resolution.spec_len as usize;
    let deposit = spare(account, len)?;
    pay_out(account, creator, deposit);
    let rent = account.lamports();
    pay_out(account, opener, rent);
    Event::new(RESOLUTION_CLOSED).key(account.address()).u64(rent).u64(deposit).emit();
    account.close()
}
