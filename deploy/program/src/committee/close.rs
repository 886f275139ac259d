//! `close_resolution`: the rent goes back.

use oracle_reader::committee::{KIND_GENERIC, RESOLUTION_LEN};
use pinocchio::{Address, ProgramResult};

use super::{pnp::Market, votes::closable};
use crate::{
    Call,
    accounts::{file, take_distinct, writable},
    args::Args,
    error::{OracleError, require},
    event::{Event, RESOLUTION_CLOSED},
    runtime::{now, pay_out, spare},
};

/// No data; accounts: resolution W, committee, market, opener W, market's creator W (may be the opener).
///
/// The deposit is the creator's. Of a market that is gone or unreadable it is the opener's, who then stands in both places;
/// and so it is where the creator is no wallet: sysvars and programs cannot be paid, and must not lock up the rent.
pub fn close(Call { program_id, accounts, data }: Call) -> ProgramResult {
    Args::new(data).end()?;
    let (head, receivers) = accounts.split_at_mut_checked(3).ok_or(OracleError::WrongAccountCount)?;
    let [account, committee, market] = take_distinct(head)?;
    let [opener, creator] = receivers else {
        return Err(OracleError::WrongAccountCount.into());
    };
    writable(account)?;
    writable(opener)?;
    let (committee, resolution) = file(program_id, committee, account)?;
    require(resolution.kind != KIND_GENERIC, OracleError::Generic)?;
    closable(committee, resolution, now()?.seconds())?;
    require(*market.address().as_array() == resolution.market, OracleError::WrongMarket)?;
    require(*opener.address().as_array() == resolution.opener, OracleError::WrongReceiver)?;
    let program = Address::new_from_array(committee.pnp_program);
    let owed = Market::load(market, &program).and_then(|market| market.creator()).unwrap_or(resolution.opener);
    require(*creator.address().as_array() == owed, OracleError::WrongReceiver)?;
    let wallet = creator.owned_by(&pinocchio_system::ID);
    require(creator.is_writable() || !wallet, OracleError::NotWritable)?;

    let len = RESOLUTION_LEN + resolution.spec_len as usize;
    let deposit = spare(account, len)?;
    pay_out(account, if wallet { creator } else { opener }, deposit);
    let rent = account.lamports();
    pay_out(account, opener, rent);
    Event::new(RESOLUTION_CLOSED).key(account.address()).u64(rent).u64(deposit).emit();
    account.close()
}
