//! The state machine of a resolution: who has voted, since when an outcome is proposed, whether it may be settled.
//! Plain logic on the layouts, tested on the host.

use oracle_reader::committee::{Committee, MAX_MEMBERS, NO, NO_OUTCOME, OPEN, Resolution, Seat, YES};

use crate::error::{OracleError, require};

/// The seat of a member.
pub fn seat_of(committee: &Committee, key: &[u8; 32]) -> Result<usize, OracleError> {
    members(committee).iter().position(|member| member == key).ok_or(OracleError::NotAMember)
}

pub fn members(committee: &Committee) -> &[[u8; 32]] {
    &committee.members[..(committee.size as usize).min(MAX_MEMBERS)]
}

/// 1 to 9 different members that are no zero key, and a threshold above half of them: two outcomes can never both have it.
pub fn valid(committee: &Committee) -> Result<(), OracleError> {
    let (size, threshold) = (committee.size as usize, committee.threshold as usize);
    require((1..=MAX_MEMBERS).contains(&size), OracleError::BadCommittee)?;
    require(threshold <= size && threshold * 2 > size, OracleError::BadCommittee)?;
    let members = members(committee);
    let different = (1..size).all(|i| !members[..i].contains(&members[i]));
    require(different && !members.contains(&[0; 32]), OracleError::BadCommittee)
}

/// Give the leaver's seat to the newcomer. What the leaver did in open resolutions counts no longer.
pub fn replace(committee: &mut Committee, leaver: &[u8; 32], newcomer: &[u8; 32]) -> Result<(), OracleError> {
    let seat = seat_of(committee, leaver)?;
    require(*newcomer != [0; 32], OracleError::BadCommittee)?;
    require(seat_of(committee, newcomer).is_err(), OracleError::MemberExists)?;
    committee.members[seat] = *newcomer;
    committee.generations[seat] = committee.generations[seat].checked_add(1).ok_or(OracleError::CounterOverflow)?;
    Ok(())
}

fn in_office(committee: &Committee, resolution: &Resolution, seat: usize) -> bool {
    resolution.seats[seat].generation == committee.generations[seat]
}

/// The outcome that a threshold of present members votes for, or none.
pub fn majority(committee: &Committee, resolution: &Resolution) -> u8 {
    let has = |outcome: u8| {
        let votes = (0..members(committee).len())
            .filter(|&seat| in_office(committee, resolution, seat) && resolution.seats[seat].outcome == outcome)
            .count();
        votes >= committee.threshold as usize
    };
    if has(YES) {
        YES
    } else if has(NO) {
        NO
    } else {
        NO_OUTCOME
    }
}

/// The member's part in this resolution; a newcomer starts afresh.
fn part<'a>(committee: &Committee, resolution: &'a mut Resolution, seat: usize) -> &'a mut Seat {
    if !in_office(committee, resolution, seat) {
        resolution.seats[seat] = Seat {
            evidence_hash: [0; 32],
            voted_at: 0,
            generation: committee.generations[seat],
            outcome: NO_OUTCOME,
            votes: 0,
            accepted: 0,
            flagged: 0,
        };
    }
    &mut resolution.seats[seat]
}

fn open(resolution: &Resolution) -> Result<(), OracleError> {
    require(resolution.state == OPEN, OracleError::AlreadyDecided)
}

pub fn accept(committee: &Committee, resolution: &mut Resolution, seat: usize) -> Result<(), OracleError> {
    open(resolution)?;
    let part = part(committee, resolution, seat);
    require(part.accepted == 0, OracleError::AlreadyAccepted)?;
    part.accepted = 1;
    Ok(())
}

/// A vote.
pub struct Vote<'a> {
    pub outcome: u8,
    pub evidence_hash: &'a [u8; 32],
    pub now: u64,
}

/// Cast or change a vote. The proposal's time goes on only if its outcome had the votes all along.
pub fn attest(committee: &Committee, resolution: &mut Resolution, seat: usize, vote: &Vote) -> Result<(), OracleError> {
    open(resolution)?;
    let before = majority(committee, resolution);
    let part = part(committee, resolution, seat);
    require(part.votes < 2, OracleError::VoteSpent)?;
    part.votes += 1;
    part.outcome = vote.outcome;
    part.evidence_hash = *vote.evidence_hash;
    part.voted_at = vote.now;
    let after = majority(committee, resolution);
    if after != before {
        resolution.proposed_since = if after == NO_OUTCOME { 0 } else { vote.now };
    }
    resolution.proposed = after;
    Ok(())
}

/// No settlement before `now` and the safety period: each member once.
pub fn flag(committee: &Committee, resolution: &mut Resolution, seat: usize, now: u64) -> Result<(), OracleError> {
    open(resolution)?;
    let part = part(committee, resolution, seat);
    require(part.flagged == 0, OracleError::FlagSpent)?;
    part.flagged = 1;
    resolution.not_before = resolution.not_before.max(now.saturating_add(committee.safety_s as u64));
    Ok(())
}

/// The outcome that may be settled now: proposed by present members without a break for the whole challenge period,
/// after every flag's safety period and the market's end.
pub fn due(committee: &Committee, resolution: &Resolution, now: u64) -> Result<u8, OracleError> {
    open(resolution)?;
    let outcome = majority(committee, resolution);
    require(outcome != NO_OUTCOME, OracleError::NotProposed)?;
    let challenged = resolution.proposed_since.saturating_add(committee.challenge_s as u64);
    require(now >= challenged, OracleError::ChallengeRunning)?;
    require(now >= resolution.not_before, OracleError::FlagRunning)?;
    require(now >= resolution.end_time, OracleError::MarketNotEnded)?;
    Ok(outcome)
}
