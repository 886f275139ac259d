"""`relayer resolution` about markets of PNP, from opening to close: texts are compared, every step has its time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from relayer.chain.programs import committee as committees
from relayer.chain.programs.committee import ABANDON_S, RETENTION_S
from relayer.chain.signer import Signer, write_keypair
from relayer.cli.main import app
from relayer.cli.printing import sol
from relayer.conditions.question import question
from relayer.domain.errors import PermanentError
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.fakes.specs import document, spec
from tests.integration.chain.conftest import SOL, START_MS, Cluster, new_key
from tests.integration.chain.exchange import BUFFER_S, END_S, Exchange

REWARD = 5_000
CHALLENGE_S = 60
LIE = "Will it rain tomorrow?"


@dataclass
class Court:
    """A committee of one on the stand-in, and the words that name it on the command line."""

    cluster: Cluster
    exchange: Exchange
    folder: Path
    member: Signer
    address: str

    async def market(self, kind: PnpKind = PnpKind.V2, *, asks: str | None = None) -> str:
        """A market that names the settler of this committee and the test's spec; honest unless it asks something."""
        settler = committees.settler_address(
            self.cluster.oracle_program,
            committees.committee_address(self.cluster.oracle_program, self.member.pubkey, 0),
            bytes.fromhex(spec().hash),
        )
        return await self.exchange.create(kind, settler, question=asks or question(spec()))

    def words(self, act: str, market: str, *more: str, key: str = "--member") -> list[str]:
        where = ["--rpc", self.cluster.url, "--program", str(self.cluster.oracle_program)]
        signing = [] if act == "show" else [key, str(self.folder / "member.json"), "--yes"]
        return ["resolution", act, self.address, market, *more, *signing, *where, "--json"]

    async def done(self, *words: str, **options: Any) -> Any:
        result = await self._invoked(*words, **options)
        assert result.exception is None, result.stderr
        return {**json.loads(result.stdout), "shown": result.stderr}

    async def refused(self, *words: str, **options: Any) -> str:
        """What a command says that fails."""
        result = await self._invoked(*words, **options)
        assert isinstance(result.exception, PermanentError)
        assert result.stdout == ""
        return str(result.exception)

    async def _invoked(self, *words: str, **options: Any) -> Any:
        """In a thread of its own, since the cluster is served by this one."""
        return await asyncio.to_thread(CliRunner().invoke, app, self.words(*words, **options))

    async def open(self, market: str, *, deposit: int = 100_000_000) -> Any:
        file = self.folder / "spec.json"
        file.write_text(json.dumps(document()))
        return await self.done("open", market, "--spec", str(file), "--deposit", str(deposit), key="--opener")


@pytest.fixture
async def court(cluster: Cluster, tmp_path: Path) -> Court:
    member = write_keypair(tmp_path / "member.json")
    cluster.node.airdrop(member.pubkey, 10 * SOL)
    made = committees.init_committee(
        cluster.oracle_program,
        member.pubkey,
        index=0,
        members=[member.pubkey],
        threshold=1,
        challenge_s=CHALLENGE_S,
        safety_s=60,
        reward=REWARD,
        pnp_program=cluster.pnp_program,
    )
    await cluster.sender(member).run([made], [], purpose="committee")
    exchange = Exchange(cluster)
    await exchange.set_up()
    address = committees.committee_address(cluster.oracle_program, member.pubkey, 0)
    return Court(cluster, exchange, tmp_path, member, str(address))


@pytest.mark.parametrize("kind", list(PnpKind))
async def test_a_market_from_its_opening_to_its_close(court: Court, kind: PnpKind) -> None:
    rpc, market = court.cluster.rpc(), await court.market(kind)
    assert (await court.done("show", market))["state"] == "not opened"
    opened = await court.open(market)
    assert (opened["state"], opened["same_question"], opened["tradeable"]) == ("open", True, False)
    assert "from the opener, for activation and a reward of 0.000005 SOL" in opened["shown"]
    assert "WARNING" not in opened["shown"]

    accepted = await court.done("accept", market)
    assert "the same, to the byte" in accepted["shown"]
    activated = await court.done("activate", market)
    assert activated["tradeable"] is True
    free = "advance         none: activating a P2P market costs nothing" in activated["shown"]
    assert free is (kind is PnpKind.V3)
    assert "0.1 SOL to pay the member back" in activated["shown"]
    assert "is tradeable already" in (await court.done("activate", market))["shown"]

    assert "has not decided" in await court.refused("settle", market, key="--caller")
    vote = ("attest", market, "--outcome", "no", "--evidence-hash", "ab" * 32)
    assert (await court.done(*vote))["proposed"] == "no"
    early = await court.refused("settle", market, key="--caller")
    assert f"may be settled from 2026-02-02T03:40:00Z, in {END_S - START_MS // 1000} s: wait till then." in early
    assert "may be closed from" in await court.refused("close", market, key="--payer")
    court.cluster.set_time_ms(END_S * 1000)
    settled = await court.done("settle", market, key="--caller")
    assert (settled["state"], settled["winner"], settled["market_winner"]) == ("settled", "no", "no")
    assert "is settled as no at" in await court.refused("accept", market)

    assert "may be closed from" in await court.refused("close", market, key="--payer")
    court.cluster.set_time_ms((END_S + RETENTION_S) * 1000)
    before = await rpc.balance(court.member.address)
    closed = await court.done("close", market, key="--payer")
    assert closed["state"] == "not opened"
    rent = await rpc.minimum_balance(616 + len(spec().canonical))
    assert await rpc.balance(court.member.address) == before + rent - 5_000


async def test_a_market_that_asks_something_else_is_not_served_by_mistake(court: Court) -> None:
    market = await court.market(asks=LIE)
    opened = await court.open(market)
    assert f"WARNING: the market asks '{LIE}', which is not the text of this spec." in opened["shown"]
    assert opened["same_question"] is False
    for act in (
        ["accept", market],
        ["activate", market],
        ["attest", market, "--outcome", "yes", "--evidence-hash", "ab" * 32],
    ):
        refused = await court.refused(*act)
        assert f"Market and spec differ: the market asks '{LIE}', but what decides it is '" in refused
        assert f"{question(spec())}'. Nothing was signed." in refused
        known = await court.done(*act, "--despite-question")
        assert f"WARNING: the market asks '{LIE}', but what decides it is '{question(spec())}'." in known["shown"]
    flagged = await court.done("flag", market, "--reason", "it asks something else")
    assert f"WARNING: the market asks '{LIE}'" in flagged["shown"]


async def test_one_byte_is_a_difference_and_control_characters_are_shown(court: Court) -> None:
    market = await court.market(asks=question(spec()) + "\x1b[2J")
    opened = await court.open(market)
    assert "\x1b" not in opened["shown"]
    assert "which is not the text of this spec" in opened["shown"]
    assert "Market and spec differ" in await court.refused("accept", market)


async def test_a_file_is_opened_for_the_spec_that_the_market_names(court: Court) -> None:
    market = await court.market()
    other = court.folder / "other.json"
    other.write_text(json.dumps(document(kind="timing")))
    assert "and not" in await court.refused("open", market, "--spec", str(other), key="--opener")
    await court.open(market)
    file = str(court.folder / "spec.json")
    assert "has its file, opened" in await court.refused("open", market, "--spec", file, key="--opener")


async def test_a_market_is_activated_while_pnp_lets_it_be(court: Court) -> None:
    market = await court.market()
    await court.open(market)
    court.cluster.set_time_ms(START_MS + BUFFER_S * 1000 + 10_000)
    assert "be activated until 2026-02-02T02:5" in await court.refused("activate", market)


async def test_a_member_advances_nothing_to_a_metadata_program_of_the_committees_choice(court: Court) -> None:
    """Anyone may name members in a committee, and any program as its metadata program."""
    program, member, trap = court.cluster.oracle_program, court.member, new_key().pubkey
    made = committees.init_committee(
        program,
        member.pubkey,
        index=1,
        members=[member.pubkey],
        threshold=1,
        challenge_s=CHALLENGE_S,
        safety_s=60,
        pnp_program=court.cluster.pnp_program,
        metadata_program=trap,
    )
    await court.cluster.sender(member).run([made], [], purpose="committee")
    address = committees.committee_address(program, member.pubkey, 1)
    settler = committees.settler_address(program, address, bytes.fromhex(spec().hash))
    market = await court.exchange.create(PnpKind.V2, settler, question=question(spec()))
    trapped = replace(court, address=str(address))
    await trapped.open(market)
    before = await court.cluster.rpc().balance(member.address)
    refused = await trapped.refused("activate", market)
    assert f"names {trap} as its metadata program" in refused
    assert "take another committee" in refused
    assert await court.cluster.rpc().balance(member.address) == before


async def test_what_is_not_activated_is_not_settled(court: Court) -> None:
    market = await court.market()
    await court.open(market)
    await court.done("attest", market, "--outcome", "no", "--evidence-hash", "ab" * 32)
    court.cluster.set_time_ms(END_S * 1000)
    assert "is not tradeable: run `relayer resolution activate` first" in await court.refused(
        "settle", market, key="--caller"
    )


async def test_without_a_deposit_there_is_no_reward(court: Court) -> None:
    market = await court.market(PnpKind.V3)
    await court.open(market, deposit=0)
    await court.done("activate", market)
    await court.done("attest", market, "--outcome", "no", "--evidence-hash", "ab" * 32)
    court.cluster.set_time_ms(END_S * 1000)
    assert "none: the deposit is used up" in (await court.done("settle", market, key="--caller"))["shown"]


async def test_a_creator_without_an_account_is_helped_to_take_the_rest_of_a_deposit(court: Court) -> None:
    rpc, market = court.cluster.rpc(), await court.market(PnpKind.V3)
    await court.open(market, deposit=REWARD + 10)
    await court.done("activate", market)
    await court.done("attest", market, "--outcome", "no", "--evidence-hash", "ab" * 32)
    court.cluster.set_time_ms(END_S * 1000)
    await court.done("settle", market, key="--caller")
    await court.exchange.spend_all()
    court.cluster.set_time_ms((END_S + RETENTION_S) * 1000)
    closed = await court.done("close", market, key="--payer")
    least = await rpc.minimum_balance(0)
    assert f"0.00000001 SOL to the market's creator {court.exchange.creator}" in closed["shown"]
    assert f"{sol(least - 10)} from the payer to the creator, whose address cannot hold less" in closed["shown"]
    assert await rpc.balance(court.exchange.creator) == least


async def test_what_everybody_gave_up_can_be_closed_too(court: Court) -> None:
    market = await court.market()
    await court.open(market)
    court.cluster.set_time_ms((END_S + CHALLENGE_S + 60 + ABANDON_S - 10) * 1000)
    assert "may be closed from" in await court.refused("close", market, key="--payer")
    court.cluster.set_time_ms((END_S + CHALLENGE_S + 60 + ABANDON_S) * 1000)
    assert "0.1 SOL to the market's creator" in (await court.done("close", market, key="--payer"))["shown"]


async def test_a_market_that_somebody_else_has_settled(court: Court) -> None:
    market = await court.market()
    await court.open(market)
    await court.done("activate", market)
    court.cluster.set_time_ms(END_S * 1000)
    await court.exchange.settle(market, Outcome.YES)
    said = f"omebody else has settled market {market}, as YES"
    assert f"S{said}: `relayer resolution attest` says whether that is right." in await court.refused("accept", market)
    vote = await court.done("attest", market, "--outcome", "no", "--evidence-hash", "ab" * 32)
    assert f"WARNING: s{said}, while the committee has not." in vote["shown"]
    court.cluster.set_time_ms((END_S + CHALLENGE_S) * 1000)
    settled = await court.done("settle", market, key="--caller")
    assert (settled["state"], settled["winner"], settled["market_winner"]) == ("contradicted", "no", "yes")
    assert "is contradicted as no at" in (await court.done("settle", market, key="--caller"))["shown"]
