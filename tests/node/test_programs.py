"""The standard Anchor coder for Node over our IDL and PNP's own: accounts, events and instructions."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.domain.board import FeedUpdate
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.node import npm
from tests.svm.chain import PROGRAMS, Chain, Sent
from tests.svm.court import EVIDENCE, Court, docket
from tests.svm.exchange import BUFFER_S, END_S, QUESTION, UNIT, Exchange
from tests.svm.rig import NOW_MS, STATE, make_rig

pytestmark = pytest.mark.node
FOLDER = npm.HERE / "programs"
IDLS = {
    "oracle": json.loads((PROGRAMS / "oracle.json").read_text()),
    "pnp": json.loads((npm.HERE.parent / "payloads" / "pnp" / "idl.json").read_text()),
}


async def code(
    tmp_path: Path,
    *,
    accounts: Sequence[tuple[str, str, bytes]] = (),
    events: Sequence[tuple[str, str]] = (),
    instructions: Sequence[dict[str, Any]] = (),
) -> dict[str, list[Any]]:
    """The coder's answer for accounts (IDL, type, bytes), events (IDL, base64) and instructions: `idl`, `name`, `args`,
    and of a tail `element`, its elements' type, and `tail`.
    """
    await npm.installed(FOLDER)
    job = tmp_path / "job.json"
    job.write_text(
        json.dumps(
            {
                "idls": IDLS,
                "accounts": [
                    {"idl": idl, "type": kind, "data": base64.b64encode(data).decode()} for idl, kind, data in accounts
                ],
                "events": [{"idl": idl, "data": data} for idl, data in events],
                "instructions": instructions,
            }
        )
    )
    answer: dict[str, list[Any]] = json.loads(await npm.run(FOLDER, "node", "coder.mjs", str(job)))
    return answer


def event_of(sent: Sent) -> str:
    (line,) = (log for log in sent.logs if log.startswith("Program data: "))
    return line.removeprefix("Program data: ")


async def test_a_board_is_decoded_and_an_attest_built(tmp_path: Path) -> None:
    chain = Chain()
    rig = make_rig(chain)
    published = chain.ok(rig.publish(FeedUpdate(0, STATE)), rig.publisher)
    data = chain.data(rig.board)
    made = await code(
        tmp_path,
        accounts=[("oracle", "Board", data)],
        events=[("oracle", event_of(published))],
        instructions=[
            {"idl": "oracle", "name": "attest", "args": {"outcome": 1, "evidence_hash": list(EVIDENCE)}},
        ],
    )
    (board,), (event,), (attest,) = made["accounts"], made["events"], made["instructions"]
    assert board["authority"] == str(rig.authority.pubkey())
    assert board["publisher"] == str(rig.publisher.pubkey())
    assert (board["capacity"], board["length"], board["updates"]) == (8, 4, "1")
    assert event["name"] == "Published"
    assert (event["data"]["board"], event["data"]["written"]) == (str(rig.board), 1)
    ours = committees.attest(
        chain.oracle, rig.authority.pubkey(), rig.board, rig.board, outcome=Outcome.YES, evidence_hash=EVIDENCE
    )
    assert attest == ours.data.hex()


async def test_tails_are_built_of_the_idls_elements(tmp_path: Path) -> None:
    key = Pubkey.default()
    batch = {"version": 0, "count": 2, "epoch": 7, "reserved": {"u64": "0"}, "base_ms": {"u64": str(NOW_MS)}}
    prices = {"bid": STATE.bid, "ask": STATE.ask, "last": STATE.last, "status": int(STATE.status)}
    entries = [{**prices, "size": STATE.size_bits, "index": index, "age": 0} for index in (258, 1)]
    listed = [(258, b"a" * 32), (1, b"b" * 32)]
    made = await code(
        tmp_path,
        instructions=[
            {"idl": "oracle", "name": "publish", "args": batch, "element": "Entry", "tail": entries},
            {
                "idl": "oracle",
                "name": "list_feeds",
                "args": {},
                "element": "Listing",
                "tail": [{"index": index, "id": list(feed)} for index, feed in listed],
            },
        ],
    )
    updates = [FeedUpdate(258, STATE), FeedUpdate(1, STATE)]
    published = boards.publish(key, key, key, epoch=7, base_ms=NOW_MS, updates=updates)
    assert made["instructions"] == [published.data.hex(), boards.list_feeds(key, key, key, listed).data.hex()]


async def test_committees_and_resolutions_are_decoded(tmp_path: Path) -> None:
    chain = Chain()
    exchange = Exchange(chain)
    court = Court(chain, pnp_program=exchange.id)
    subject = docket(court, exchange, PnpKind.V3)
    court.open(subject)
    attested = court.attest(court.members[1], subject, Outcome.NO)
    made = await code(
        tmp_path,
        accounts=[
            ("oracle", "Committee", chain.data(court.address)),
            ("oracle", "Resolution", chain.data(court.resolution_address(subject))),
        ],
        events=[("oracle", event_of(attested))],
    )
    committee, resolution = made["accounts"]
    assert (committee["threshold"], committee["size"], committee["challenge_s"]) == (3, 5, 600)
    assert committee["members"][4] == str(court.members[4].pubkey())
    assert (resolution["market"], resolution["kind"], resolution["end_time"]) == (str(subject.address), 3, str(END_S))
    assert (resolution["seats"][1]["outcome"], resolution["seats"][1]["votes"]) == (2, 1)
    (event,) = made["events"]
    assert (event["name"], event["data"]["member"]) == ("Attested", str(court.members[1].pubkey()))


async def test_the_stand_in_speaks_pnps_own_interface(tmp_path: Path) -> None:
    chain = Chain()
    exchange = Exchange(chain)
    oracle = chain.funded()
    v2 = exchange.create(PnpKind.V2, oracle.pubkey())
    created_v2 = exchange.created
    v3 = exchange.create(PnpKind.V3, oracle.pubkey())
    created_v3 = exchange.created
    assert created_v2 is not None
    assert created_v3 is not None
    market = exchange.market(v2, PnpKind.V2)
    activated = chain.ok(pnp.set_market_resolvable_v2(exchange.id, oracle.pubkey(), market), oracle)
    chain.set_time(END_S)
    settled = chain.ok(pnp.settle_market_v2(exchange.id, oracle.pubkey(), market, Outcome.YES), oracle)
    made = await code(
        tmp_path,
        accounts=[
            ("pnp", "GlobalConfig", chain.data(pnp.global_config_address(exchange.id))),
            ("pnp", "Market", chain.data(v2)),
            ("pnp", "MarketExtension", chain.data(pnp.extension_address(exchange.id, PnpKind.V2, 0))),
            ("pnp", "MarketV3", chain.data(v3)),
            ("pnp", "MarketV3Extension", chain.data(pnp.extension_address(exchange.id, PnpKind.V3, 1))),
        ],
        events=[("pnp", event_of(sent)) for sent in (created_v2, created_v3, activated, settled)],
    )
    config, amm, extension, p2p, p2p_extension = made["accounts"]
    assert (config["global_id"], config["buffer_period"]) == ("2", str(BUFFER_S))
    assert (amm["question"], amm["resolved"], amm["winning_token_id"]) == (QUESTION, True, {"Yes": {}})
    assert amm["yes_token_supply_minted"] == amm["creator_yes_locked"] == str(10 * UNIT)
    assert amm["yes_token_mint"] == str(pnp.mint_address(exchange.id, PnpKind.V2, 0, Outcome.YES))
    assert (p2p["question"], p2p["yes_pot_reserve"], p2p["max_pot_ratio"]) == (QUESTION, str(10 * UNIT), 10_000)
    assert extension["oracle"] == p2p_extension["oracle"] == str(oracle.pubkey())
    amm_made, p2p_made, active, done = made["events"]
    assert (amm_made["name"], amm_made["data"]["oracle"]) == ("MarketV2CreatedEvent", str(oracle.pubkey()))
    assert (p2p_made["name"], p2p_made["data"]["creator_side_amount"]) == ("MarketV3CreatedEvent", str(10 * UNIT))
    assert (active["name"], active["data"]["tokens_created"]) == ("MarketV2ResolvableUpdated", True)
    assert done == {
        "name": "SettleMarketV2Event",
        "data": {"market": str(v2), "market_id": "0", "yes_winner": True},
    }
