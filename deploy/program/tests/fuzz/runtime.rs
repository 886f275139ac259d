//! One instruction as the runtime hands it over: accounts, data, and where they lie in memory.

use oracle::entry::run;
use pinocchio::Address;

pub type Key = [u8; 32];
pub const PROGRAM: Key = [77; 32];
pub const SYSTEM: Key = [0; 32];

const GROWTH: usize = 10_240;
const NOT_BORROWED: u8 = 255;

/// What an account is to an instruction, and so which refusal it earns when it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Person,
    Board,
    Ids,
    Committee,
    Resolution,
    /// An address where the instruction makes an account.
    Fresh,
    /// A program that the instruction knows.
    Program,
    Metadata,
    Token,
    Associated,
    Rent,
    /// A mint, vault or metadata account of the market.
    MarketsOwn,
    Market,
    Extension,
    Settler,
    /// Lamports are due to it.
    Receiver,
    /// Handed on to another program, which checks it.
    Passed,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub role: Role,
    pub key: Key,
    pub owner: Key,
    pub lamports: u64,
    pub data: Vec<u8>,
    pub signer: bool,
    pub writable: bool,
}

impl Account {
    pub fn new(role: Role, key: Key, owner: Key, data: Vec<u8>) -> Self {
        Self { role, key, owner, lamports: 1 << 30, data, signer: false, writable: false }
    }

    pub fn signer(self) -> Self {
        Self { signer: true, ..self }
    }

    pub fn writable(self) -> Self {
        Self { writable: true, ..self }
    }
}

#[derive(Clone, Debug)]
pub struct Call {
    pub accounts: Vec<Account>,
    pub data: Vec<u8>,
}

impl Call {
    pub fn new(tag: u8, accounts: Vec<Account>, arguments: &[u8]) -> Self {
        Self { accounts, data: [&[tag], arguments].concat() }
    }

    /// What the entry point answers.
    pub fn answer(&self) -> u64 {
        // SAFETY: laid out as the runtime does.
        unsafe { run(self.input().as_mut_ptr() as *mut u8) }
    }

    /// Whether the account stands nowhere before.
    pub fn is_first(&self, place: usize) -> bool {
        self.earlier(place).is_none()
    }

    fn earlier(&self, place: usize) -> Option<usize> {
        self.accounts[..place].iter().position(|other| other.key == self.accounts[place].key)
    }

    /// Counted accounts, each its own or an earlier one's number; counted data; the program's id.
    fn input(&self) -> Vec<u64> {
        let mut out = (self.accounts.len() as u64).to_le_bytes().to_vec();
        for (index, account) in self.accounts.iter().enumerate() {
            match self.earlier(index) {
                Some(earlier) => out.extend([earlier as u8, 0, 0, 0, 0, 0, 0, 0]),
                None => lay(&mut out, account),
            }
        }
        out.extend((self.data.len() as u64).to_le_bytes());
        out.extend(&self.data);
        out.extend(PROGRAM);
        out.resize(out.len().next_multiple_of(8), 0);
        out.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect()
    }
}

fn lay(out: &mut Vec<u8>, account: &Account) {
    out.extend([NOT_BORROWED, account.signer as u8, account.writable as u8, 0, 0, 0, 0, 0]);
    out.extend(account.key);
    out.extend(account.owner);
    out.extend(account.lamports.to_le_bytes());
    out.extend((account.data.len() as u64).to_le_bytes());
    out.extend(&account.data);
    out.resize(out.len() + GROWTH, 0);
    out.resize(out.len().next_multiple_of(8) + 8, 0);
}

/// The address that seeds of the oracle program give, and its bump.
pub fn derived(seeds: &[&[u8]]) -> (Key, u8) {
    derived_for(seeds, PROGRAM)
}

pub fn derived_for(seeds: &[&[u8]], program: Key) -> (Key, u8) {
    let (address, bump) = Address::find_program_address(seeds, &Address::new_from_array(program));
    (address.to_bytes(), bump)
}
