from __future__ import annotations

import hashlib

import pytest
from solders.pubkey import Pubkey

from relayer.chain.programs import committee
from relayer.domain.errors import PermanentError

PROGRAM, KEY = (Pubkey(bytes([n]) * 32) for n in (1, 2))


@pytest.mark.parametrize(("size", "threshold"), [(0, 1), (10, 6), (4, 2), (3, 1), (3, 4), (1, 0)])
def test_committees_that_the_program_would_refuse_are_refused_before(size: int, threshold: int) -> None:
    members = [Pubkey(bytes([n + 1]) * 32) for n in range(size)]
    with pytest.raises(ValueError, match=r"committee has 1 to 9|not above half"):
        committee.init_committee(PROGRAM, KEY, index=0, members=members, threshold=threshold, challenge_s=1, safety_s=1)


def test_members_are_different() -> None:
    with pytest.raises(ValueError, match="different members"):
        committee.init_committee(PROGRAM, KEY, index=0, members=[KEY, KEY], threshold=2, challenge_s=1, safety_s=1)


@pytest.mark.parametrize("spec", [b"", b"x" * 641])
def test_specs_have_bounds(spec: bytes) -> None:
    with pytest.raises(ValueError, match="outside 1 to 640"):
        committee.open_resolution(PROGRAM, KEY, KEY, KEY, spec=spec, deposit=0)


def test_a_flags_reason_is_short() -> None:
    with pytest.raises(ValueError, match="longer than 32 bytes"):
        committee.flag(PROGRAM, KEY, KEY, KEY, reason=b"x" * 33)


def test_other_accounts_are_refused_in_a_sentence() -> None:
    with pytest.raises(PermanentError, match="not a committee of this program version"):
        committee.decode_committee(bytes(456))
    with pytest.raises(PermanentError, match="not a resolution of this program version"):
        committee.decode_resolution(bytes(700))
    wrong_hash = b"resolv\0\x01" + bytes(168) + b"\x02\0" + bytes(6) + bytes(432) + b"{}"
    with pytest.raises(PermanentError, match="does not fit its hash"):
        committee.decode_resolution(wrong_hash)


def test_accounts_with_values_that_no_program_here_writes_are_refused() -> None:
    with pytest.raises(PermanentError, match="claims 255 members"):
        committee.decode_committee(b"commit\0\x01" + b"\xff" * 500)
    spec_hash = hashlib.sha256(b"").digest()
    odd_kind = b"resolv\0\x01" + bytes(96) + spec_hash + bytes(40) + b"\0\0" + b"\x09" + bytes(5) + bytes(432)
    with pytest.raises(PermanentError, match=r"what this program version does not know \(9\)"):
        committee.decode_resolution(odd_kind)
