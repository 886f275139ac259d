//! Every way this program says no, each with a number of its own. The sentences are those of the IDL.

use pinocchio::error::ProgramError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum OracleError {
    /// The instruction data is malformed: unknown tag, wrong version, wrong length or a value out of range.
    BadInstruction = 6000,
    /// The instruction names fewer or more accounts than it needs.
    WrongAccountCount = 6001,
    /// An account that must sign did not.
    MissingSigner = 6002,
    /// An account that must be writable is not.
    NotWritable = 6003,
    /// An account belongs to another program.
    WrongOwner = 6004,
    /// An account is of another kind or of another layout version.
    WrongDiscriminator = 6005,
    /// An account is not at the address its seeds give.
    WrongAddress = 6006,
    /// The same account was given in two places.
    DuplicateAccount = 6007,
    /// A program account is not the program that is needed.
    WrongProgram = 6008,
    /// The signer is not the board's authority.
    WrongAuthority = 6009,
    /// The signer is not the board's publisher.
    WrongPublisher = 6010,
    /// The epoch is below the board's: another publisher has taken over.
    StaleEpoch = 6011,
    /// The board was closed, and its address stays closed.
    BoardClosed = 6012,
    /// The board has not reached its capacity: repeat init_board first.
    BoardGrowing = 6013,
    /// The capacity is not the one given at the board's first init_board.
    WrongCapacity = 6014,
    /// The index is beyond the board's next free slot or its capacity.
    BadIndex = 6015,
    /// The slot carries a feed: retire it first.
    SlotInUse = 6016,
    /// The slot is retired already.
    SlotRetired = 6017,
    /// The signer is not the proposed authority.
    WrongPendingAuthority = 6018,
    /// A counter has reached its end.
    CounterOverflow = 6019,
}

impl From<OracleError> for ProgramError {
    fn from(e: OracleError) -> Self {
        ProgramError::Custom(e as u32)
    }
}

pub fn require(ok: bool, e: OracleError) -> Result<(), OracleError> {
    if ok { Ok(()) } else { Err(e) }
}
