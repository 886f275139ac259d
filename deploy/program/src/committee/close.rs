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

/// Addresses that the runtime reserves and some cluster has no account at (Agave's `agave-reserved-account-keys`): never
/// writable, and without a key, so that nobody can be paid there. One that is not writable and not among them may be a
/// wallet that whoever closes has passed so.
const RESERVED: [Address; 14] = [
    Address::from_str_const("Config1111111111111111111111111111111111111"),
    Address::from_str_const("Feature111111111111111111111111111111111111"),
    Address::from_str_const("LoaderV411111111111111111111111111111111111"),
    Address::from_str_const("NativeLoader1111111111111111111111111111111"),
    Address::from_str_const("Secp256r1SigVerify1111111111111111111111111"),
    Address::from_str_const("StakeConfig11111111111111111111111111111111"),
    Address::from_str_const("Sysvar1111111111111111111111111111111111111"),
    Address::from_str_const("Sysvar1nstructions1111111111111111111111111"),
    Address::from_str_const("SysvarEpochRewards1111111111111111111111111"),
    Address::from_str_const("SysvarFees111111111111111111111111111111111"),
    Address::from_str_const("SysvarLastRestartS1ot1111111111111111111111"),
    Address::from_str_const("SysvarRewards111111111111111111111111111111"),
    Address::from_str_const("ZkE1Gama1Proof11111111111111111111111111111"),
    Address::from_str_const("ZkTokenProof1111111111111111111111111111111"),
];

/// No data; accounts: resolution W, committee, market, opener W, market's creator W (may be the opener).
///
/// The deposit is the creator's. Of a market that is gone or unreadable it is the opener's, who then stands in both places;
/// and so it is where the creator is no wallet: sysvars, programs and what the runtime reserves for them cannot be paid,
/// and must not lock up the rent.
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
    let wallet = creator.owned_by(&pinocchio_system::ID) && !RESERVED.contains(creator.address());
    require(creator.is_writable() || !wallet, OracleError::NotWritable)?;

    let len = RESOLUTION_LEN + resolution.spec_len as usize;
    let deposit = spare(account, len)?;
    pay_out(account, if wallet { creator } else { opener }, deposit);
    let rent = account.lamports();
    pay_out(account, opener, rent);
    Event::new(RESOLUTION_CLOSED).key(account.address()).u64(rent).u64(deposit).emit();
    account.close()
}
