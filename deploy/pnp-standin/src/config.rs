//! `init_protocol`: the global settings; its payer becomes the admin.

use pinocchio::{AccountView, Address, ProgramResult, cpi::Signer, instruction::seeds};
use program_runtime::New;

use crate::{
    anchor::{payer, program, seeded, take, writable},
    bytes::{Reader, Writer},
    state::{GLOBAL_CONFIG, GlobalConfig},
};

pub fn init_protocol(program_id: &Address, accounts: &mut [AccountView], args: &mut Reader) -> ProgramResult {
    let [admin, config, mint, system] = take(accounts)?;
    payer(admin)?;
    writable(config)?;
    program(system, &pinocchio_system::ID)?;
    let bump = seeded(config, &[b"global_config"], program_id)?;
    let (yes, no) = (args.string()?, args.string()?);
    let (fee, creator_fee, oracle) = (args.u64()?, args.u64()?, args.array::<32>()?);
    let (min_liquidity, buffer_period, burn_fee) = (args.u64()?, args.u64()?, args.u64()?);

    let bump_seed = [bump];
    let seeds = seeds!(b"global_config", &bump_seed);
    let len = GlobalConfig::len(yes.len(), no.len());
    New { payer: admin, owner: program_id, len }.at(config, Signer::from(&seeds))?;
    let mut data = config.try_borrow_mut()?;
    Writer::new(&mut data)
        .bytes(&GLOBAL_CONFIG)
        .bytes(admin.address().as_ref())
        .bytes(&oracle)
        .u64(fee)
        .u64(creator_fee)
        .u8(bump)
        .string(yes)
        .string(no)
        .bytes(mint.address().as_ref())
        .u64(0)
        .u64(min_liquidity)
        .u64(buffer_period)
        .u64(burn_fee)
        .bool(false);
    Ok(())
}
