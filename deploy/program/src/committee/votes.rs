//! The state machine of a resolution: who has voted, since when an outcome is proposed, whether it may be settled.
//! Plain logic on the layouts, tested on the host.

use oracle_reader::committee::{Committee, MAX_MEMBERS, NO, NO_OUTCOME, OPEN, Resolution, Seat, YES};

use crate::error::{OracleError, require};

const DAY_S: u64 = 24 * 3600;
/// A decided resolution stays readable for so long.
pub const RETENTION_S: u64 = 30 * DAY_S;
/// One that nobody settles is given up so long after the last moment to which anybody could put its settlement off.
pub const ABANDON_S: u64 = 180 * DAY_S;

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

/// After a member has gone: a proposal that has lost its votes is none any more.
pub fn recount(committee: &Committee, resolution: &mut Resolution) {
    if resolution.state == OPEN && majority(committee, resolution) == NO_OUTCOME {
        (resolution.proposed, resolution.proposed_since) = (NO_OUTCOME, 0);
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

/// Whether the file may go. One that is not decided keeps for good what its members could still settle: a late opening, a late
/// proposal, and every period that may follow either, come before the time of giving up.
pub fn closable(committee: &Committee, resolution: &Resolution, now: u64) -> Result<(), OracleError> {
    if resolution.state != OPEN {
        return require(now >= resolution.decided_at.saturating_add(RETENTION_S), OracleError::TooYoung);
    }
    let begun = resolution.end_time.max(resolution.opened_at).max(resolution.proposed_since);
    let periods = committee.challenge_s as u64 + committee.size as u64 * committee.safety_s as u64;
    require(now >= begun.saturating_add(periods + ABANDON_S), OracleError::NotDecided)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oracle_reader::committee::{COMMITTEE, CONTRADICTED, RESOLUTION, SETTLED, SETTLED_ELSEWHERE};

    fn committee(size: u8, threshold: u8) -> Committee {
        Committee {
            discriminator: COMMITTEE,
            creator: [0xcc; 32],
            pnp_program: [0; 32],
            metadata_program: [0; 32],
            reward: 0,
            challenge_s: 100,
            safety_s: 50,
            index: 0,
            threshold,
            size,
            padding: [0; 4],
            members: core::array::from_fn(|seat| if seat < size as usize { [seat as u8 + 1; 32] } else { [0; 32] }),
            generations: [0; MAX_MEMBERS],
            padding_end: [0; 4],
        }
    }

    fn resolution() -> Resolution {
        let seat = Seat {
            evidence_hash: [0; 32],
            voted_at: 0,
            generation: 0,
            outcome: NO_OUTCOME,
            votes: 0,
            accepted: 0,
            flagged: 0,
        };
        Resolution {
            discriminator: RESOLUTION,
            committee: [0; 32],
            market: [0; 32],
            opener: [0; 32],
            spec_hash: [0; 32],
            opened_at: 0,
            end_time: 0,
            proposed_since: 0,
            not_before: 0,
            decided_at: 0,
            spec_len: 1,
            kind: 0,
            state: OPEN,
            proposed: NO_OUTCOME,
            winner: NO_OUTCOME,
            bump: 0,
            settler_bump: 0,
            seats: [seat; MAX_MEMBERS],
        }
    }

    fn vote(c: &Committee, r: &mut Resolution, seat: usize, outcome: u8, now: u64) -> Result<(), OracleError> {
        attest(c, r, seat, &Vote { outcome, evidence_hash: &[7; 32], now })
    }

    #[test]
    fn thresholds_lie_above_half() {
        for size in 0..=10u8 {
            for threshold in 0..=11u8 {
                let good = (1..=9).contains(&size) && threshold <= size && 2 * threshold > size;
                let mut c = committee(size.min(9), threshold);
                c.size = size;
                assert_eq!(valid(&c).is_ok(), good, "{threshold} of {size}");
            }
        }
    }

    #[test]
    fn members_are_different_and_no_zero_key() {
        let mut c = committee(3, 2);
        c.members[2] = c.members[0];
        assert_eq!(valid(&c), Err(OracleError::BadCommittee));
        c.members[2] = [0; 32];
        assert_eq!(valid(&c), Err(OracleError::BadCommittee));
    }

    #[test]
    fn a_proposal_runs_from_the_vote_that_completes_it() {
        let (c, mut r) = (committee(3, 2), resolution());
        vote(&c, &mut r, 0, YES, 10).unwrap();
        assert_eq!(due(&c, &r, 1_000), Err(OracleError::NotProposed));
        vote(&c, &mut r, 1, YES, 20).unwrap();
        vote(&c, &mut r, 2, YES, 30).unwrap();
        assert_eq!((r.proposed, r.proposed_since), (YES, 20));
        assert_eq!(due(&c, &r, 119), Err(OracleError::ChallengeRunning));
        assert_eq!(due(&c, &r, 120), Ok(YES));
    }

    #[test]
    fn a_broken_proposal_starts_anew() {
        let (c, mut r) = (committee(3, 2), resolution());
        vote(&c, &mut r, 0, YES, 10).unwrap();
        vote(&c, &mut r, 1, YES, 20).unwrap();
        vote(&c, &mut r, 1, NO, 30).unwrap();
        assert_eq!((r.proposed, r.proposed_since), (NO_OUTCOME, 0));
        vote(&c, &mut r, 2, NO, 40).unwrap();
        assert_eq!((r.proposed, r.proposed_since), (NO, 40));
        assert_eq!(vote(&c, &mut r, 1, NO, 50), Err(OracleError::VoteSpent));
    }

    #[test]
    fn a_turn_from_one_outcome_to_the_other_is_a_break() {
        let (c, mut r) = (committee(1, 1), resolution());
        vote(&c, &mut r, 0, YES, 10).unwrap();
        vote(&c, &mut r, 0, NO, 70).unwrap();
        assert_eq!((r.proposed, r.proposed_since), (NO, 70));
        assert_eq!(due(&c, &r, 110), Err(OracleError::ChallengeRunning));
    }

    #[test]
    fn a_leavers_vote_counts_no_longer_and_the_newcomer_starts_afresh() {
        let (mut c, mut r) = (committee(3, 2), resolution());
        vote(&c, &mut r, 0, YES, 10).unwrap();
        vote(&c, &mut r, 1, YES, 20).unwrap();
        flag(&c, &mut r, 0, 20).unwrap();
        accept(&c, &mut r, 0).unwrap();
        replace(&mut c, &[1; 32], &[9; 32]).unwrap();
        assert_eq!(seat_of(&c, &[1; 32]), Err(OracleError::NotAMember));
        assert_eq!(due(&c, &r, 1_000), Err(OracleError::NotProposed));
        let seat = seat_of(&c, &[9; 32]).unwrap();
        vote(&c, &mut r, seat, YES, 1_000).unwrap();
        assert_eq!(r.proposed_since, 1_000, "without a break means without this one");
        accept(&c, &mut r, seat).unwrap();
        flag(&c, &mut r, seat, 1_000).unwrap();
        assert_eq!(replace(&mut c, &[9; 32], &[2; 32]), Err(OracleError::MemberExists));
        assert_eq!(replace(&mut c, &[9; 32], &[0; 32]), Err(OracleError::BadCommittee));
    }

    #[test]
    fn counting_anew_clears_a_proposal_that_lost_its_votes_and_no_other() {
        let (mut c, mut r) = (committee(3, 2), resolution());
        for seat in 0..3 {
            vote(&c, &mut r, seat, YES, 10).unwrap();
        }
        replace(&mut c, &[1; 32], &[8; 32]).unwrap();
        recount(&c, &mut r);
        assert_eq!((r.proposed, r.proposed_since), (YES, 10), "two votes are left");
        replace(&mut c, &[2; 32], &[9; 32]).unwrap();
        let mut decided = Resolution { state: SETTLED, ..r };
        recount(&c, &mut decided);
        assert_eq!((decided.proposed, decided.proposed_since), (YES, 10), "what was decided stays");
        recount(&c, &mut r);
        assert_eq!((r.proposed, r.proposed_since), (NO_OUTCOME, 0));
    }

    #[test]
    fn a_file_goes_when_it_is_decided_and_old_or_given_up() {
        let (c, mut r) = (committee(3, 2), resolution());
        let longest = 100 + 3 * 50 + ABANDON_S;
        for (opened_at, end_time, proposed_since) in [(5_000, 10, 20), (10, 5_000, 20), (10, 20, 5_000)] {
            r = Resolution { opened_at, end_time, proposed_since, ..r };
            assert_eq!(closable(&c, &r, 5_000 + longest - 1), Err(OracleError::NotDecided));
            assert_eq!(closable(&c, &r, 5_000 + longest), Ok(()));
        }
        r.proposed_since = u64::MAX;
        assert_eq!(closable(&c, &r, u64::MAX - 1), Err(OracleError::NotDecided));
        for state in [SETTLED, SETTLED_ELSEWHERE, CONTRADICTED] {
            r = Resolution { state, decided_at: 7_000, ..r };
            assert_eq!(closable(&c, &r, 7_000 + RETENTION_S - 1), Err(OracleError::TooYoung));
            assert_eq!(closable(&c, &r, 7_000 + RETENTION_S), Ok(()));
        }
    }

    #[test]
    fn each_flag_holds_for_one_safety_period_and_is_spent() {
        let (c, mut r) = (committee(3, 2), resolution());
        vote(&c, &mut r, 0, YES, 0).unwrap();
        vote(&c, &mut r, 1, YES, 0).unwrap();
        flag(&c, &mut r, 2, 80).unwrap();
        flag(&c, &mut r, 1, 70).unwrap();
        assert_eq!(r.not_before, 130, "an earlier one does not shorten a later one");
        assert_eq!(flag(&c, &mut r, 2, 90), Err(OracleError::FlagSpent));
        assert_eq!(due(&c, &r, 129), Err(OracleError::FlagRunning));
        assert_eq!(due(&c, &r, 130), Ok(YES));
    }

    #[test]
    fn nothing_happens_before_the_end_or_after_the_decision() {
        let (c, mut r) = (committee(1, 1), resolution());
        r.end_time = 500;
        vote(&c, &mut r, 0, YES, 0).unwrap();
        assert_eq!(due(&c, &r, 499), Err(OracleError::MarketNotEnded));
        assert_eq!(due(&c, &r, 500), Ok(YES));
        r.state = SETTLED;
        assert_eq!(due(&c, &r, 500), Err(OracleError::AlreadyDecided));
        assert_eq!(vote(&c, &mut r, 0, NO, 500), Err(OracleError::AlreadyDecided));
        assert_eq!(flag(&c, &mut r, 0, 500), Err(OracleError::AlreadyDecided));
        assert_eq!(accept(&c, &mut r, 0), Err(OracleError::AlreadyDecided));
    }
}
