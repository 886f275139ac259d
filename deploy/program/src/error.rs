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
    /// An account belongs to another program, or does not exist.
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
    /// The signer is not a member of the committee.
    NotAMember = 6020,
    /// A committee has 1 to 9 different members and a threshold above half of them.
    BadCommittee = 6021,
    /// Fewer members signed than the committee's threshold.
    TooFewSigners = 6022,
    /// The newcomer is a member already.
    MemberExists = 6023,
    /// The account is not a market of the committee's PNP program, or not its extension.
    WrongMarket = 6024,
    /// The market's oracle is not the settler of this committee and this spec.
    WrongOracle = 6025,
    /// The market is resolved already.
    MarketResolved = 6026,
    /// The resolution belongs to another committee.
    WrongCommittee = 6027,
    /// The resolution is decided already.
    AlreadyDecided = 6028,
    /// The member accepted already.
    AlreadyAccepted = 6029,
    /// The member has voted and changed the vote already.
    VoteSpent = 6030,
    /// The member has flagged already.
    FlagSpent = 6031,
    /// No outcome has the votes of a threshold of members.
    NotProposed = 6032,
    /// The challenge period since the proposal has not passed.
    ChallengeRunning = 6033,
    /// The safety period after a flag has not passed.
    FlagRunning = 6034,
    /// The market has not ended.
    MarketNotEnded = 6035,
    /// After the call PNP's market does not show the winner.
    NotSettled = 6036,
    /// After the call the settler's address holds data or belongs to another program.
    SettlerNotEmpty = 6037,
    /// The resolution is not decided, nor given up yet.
    NotDecided = 6038,
    /// The resolution was decided less than 30 days ago.
    TooYoung = 6039,
    /// A generic resolution is the answer itself: it is never activated or closed.
    Generic = 6040,
    /// The account is not the one that the lamports are due to.
    WrongReceiver = 6041,
    /// The account exists already: a committee is made once, and a market's file is opened once.
    AlreadyExists = 6042,
    /// The id of a generic resolution is not the SHA-256 of its spec.
    WrongQuestion = 6043,
    /// The token program is neither SPL Token nor Token-2022.
    WrongTokenProgram = 6044,
    /// The associated token program is another one.
    WrongAssociatedTokenProgram = 6045,
    /// The metadata program is not the committee's.
    WrongMetadataProgram = 6046,
    /// The account is not the rent sysvar.
    WrongRentSysvar = 6047,
    /// A mint, vault or metadata account is not the market's own.
    ForeignAccount = 6048,
}

impl From<OracleError> for ProgramError {
    fn from(e: OracleError) -> Self {
        ProgramError::Custom(e as u32)
    }
}

pub fn require(ok: bool, e: OracleError) -> Result<(), OracleError> {
    if ok { Ok(()) } else { Err(e) }
}
