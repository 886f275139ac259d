"""A committee's market on PNP, from its opening to the winner that PNP shows, through the sender and the readers."""

from __future__ import annotations

import hashlib

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.programs import committee as committees
from relayer.chain.programs.committee import OnPnp, ResolutionState
from relayer.chain.resolutions import read_committee, read_resolution, read_subject
from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.integration.chain.conftest import Cluster, new_key
from tests.integration.chain.exchange import END_S, Exchange

SPEC = b'{"kind":"outcome"}'


async def sign(cluster: Cluster, signer: Signer, instruction: Instruction) -> None:
    await cluster.sender(signer).run([instruction], [], purpose="committee")


@pytest.mark.parametrize("kind", list(PnpKind))
async def test_a_committee_of_one_settles_its_market(cluster: Cluster, kind: PnpKind) -> None:
    program, member = cluster.oracle_program, cluster.funded()
    exchange = Exchange(cluster)
    await exchange.set_up()
    address = committees.committee_address(program, member.pubkey, 0)
    made = committees.init_committee(
        program,
        member.pubkey,
        index=0,
        members=[member.pubkey],
        threshold=1,
        challenge_s=60,
        safety_s=60,
        pnp_program=exchange.id,
    )
    await sign(cluster, member, made)
    committee = await read_committee(cluster.rpc(), program, address)
    settler = committees.settler_address(program, address, hashlib.sha256(SPEC).digest())
    market = await exchange.create(kind, settler)
    subject = await read_subject(cluster.rpc(), committee, Pubkey.from_string(market))
    assert isinstance(subject, OnPnp)
    assert (subject.market.address, subject.market.oracle) == (market, str(settler))
    assert await read_resolution(cluster.rpc(), program, address, subject) is None

    us = member.pubkey
    await sign(cluster, member, committees.open_resolution(program, us, address, subject, spec=SPEC, deposit=0))
    metadata, advance = committee.metadata_program, committees.ACTIVATION_ADVANCE
    activation = committees.activate(program, us, address, subject, metadata_program=metadata, advance=advance)
    await sign(cluster, member, activation)
    vote = committees.attest(program, us, address, subject, outcome=Outcome.NO, evidence_hash=bytes(32))
    await sign(cluster, member, vote)
    with pytest.raises(PermanentError, match="refuses the committee transaction: instruction 4"):
        await sign(cluster, member, committees.settle(program, us, address, subject))
    cluster.set_time_ms(END_S * 1000)
    await sign(cluster, member, committees.settle(program, us, address, subject))
    resolution = await read_resolution(cluster.rpc(), program, address, subject)
    assert resolution
    assert (resolution.state, resolution.winner) == (ResolutionState.SETTLED, Outcome.NO)
    settled = await read_subject(cluster.rpc(), committee, Pubkey.from_string(market))
    assert isinstance(settled, OnPnp)
    assert (settled.market.resolved, settled.market.winner) == (True, Outcome.NO)


async def test_what_is_not_there_is_named(cluster: Cluster) -> None:
    rpc, program, member = cluster.rpc(), cluster.oracle_program, cluster.funded()
    nobody = new_key().pubkey
    with pytest.raises(PermanentError, match=f"There is no committee {nobody} on this cluster"):
        await read_committee(rpc, program, nobody)
    with pytest.raises(PermanentError, match=f"There is no committee {member.address} on this cluster"):
        await read_committee(rpc, program, member.pubkey)  # lamports alone are nothing
    with pytest.raises(PermanentError, match=f"Account {program} is held by program BPFLoaderUpgradeab1e"):
        await read_committee(rpc, program, program)
    rules = {"index": 0, "members": [member.pubkey], "threshold": 1, "challenge_s": 0, "safety_s": 0}
    made = committees.init_committee(program, member.pubkey, pnp_program=cluster.pnp_program, **rules)  # type: ignore[arg-type]
    await sign(cluster, member, made)
    committee = await read_committee(rpc, program, committees.committee_address(program, member.pubkey, 0))
    with pytest.raises(PermanentError, match=f"There is no PNP market {nobody}"):
        await read_subject(rpc, committee, nobody)
