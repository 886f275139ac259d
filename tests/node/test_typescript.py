"""The TypeScript client, compiled strictly, against the Python client: same values, bytes and accounts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.domain.board import FeedUpdate
from relayer.domain.verdicts import Outcome
from tests.node import npm
from tests.svm.chain import Chain
from tests.svm.court import CHALLENGE_S, EVIDENCE, REWARD, SAFETY_S, SPEC, Court
from tests.svm.rig import NOW_MS, STATE, Rig, make_rig
from tests.svm.test_idl import BUILT, IDL, ON_PNP, A, B, C, P

pytestmark = pytest.mark.node
FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "clients" / "typescript"
Json = dict[str, Any]


def u64(value: int) -> Json:
    return {"u64": str(value)}


def metas(made: Instruction, *, after: int = 0) -> list[Json]:
    """Accounts with kit's roles: 1 is writable, 2 signs, 3 is both."""
    return [{"address": str(one.pubkey), "role": one.is_writable + 2 * one.is_signer} for one in made.accounts[after:]]


def shown(made: Instruction) -> Json:
    return {"programAddress": str(made.program_id), "accounts": metas(made), "data": {"hex": made.data.hex()}}


# Accounts and arguments out of which the TypeScript client has to make what `BUILT` holds.
BOARD = boards.board_address(P, A, 1)
OF_AUTHORITY = {"authority": A, "board": B}
WITH_IDS = {**OF_AUTHORITY, "ids": boards.ids_address(P, B)}
OF_PUBLISHER = {"publisher": A, "board": B}
RESOLUTION = committees.resolution_address(P, B, ON_PNP.address)
OF_MEMBER = {"member": A, "committee": B, "resolution": RESOLUTION}
CREATOR = Pubkey.from_string(ON_PNP.market.creator)
ON_MARKET = {"market": C, "extension": ON_PNP.extension}
SETTLER = Pubkey.from_string(ON_PNP.market.oracle)
SETTLING = {"settler": SETTLER, **ON_MARKET, "globalConfig": pnp.global_config_address(B), "pnpProgram": B}
MAKING = {"index": 1, "threshold": 1, "challengeS": 1, "safetyS": 1, "reward": u64(0), "members": [B]}
REPLACING = metas(BUILT["replace_member"], after=1)
GIVEN: dict[str, tuple[Json, Json]] = {
    "init_board": (
        {"authority": A, "board": BOARD, "ids": boards.ids_address(P, BOARD)},
        {"index": 1, "capacity": 2, "publisher": B, "name": b"x".ljust(16, b"\0")},
    ),
    "list_feeds": (WITH_IDS, {"feeds": [{"index": 0, "id": bytes(32)}]}),
    "publish": (OF_PUBLISHER, {"epoch": 1, "baseMs": u64(10**12), "entries": []}),
    "retire_feed": (OF_AUTHORITY, {"indices": [1]}),
    "propose_authority": (OF_AUTHORITY, {"proposed": C}),
    "accept_authority": ({"proposed": A, "board": B}, {}),
    "set_publisher": (OF_AUTHORITY, {"publisher": C}),
    "anchor": (OF_PUBLISHER, {"head": bytes(32)}),
    "close_board": (WITH_IDS, {}),
    "init_committee": (
        {"creator": A, "committee": committees.committee_address(P, A, 1)},
        {**MAKING, "pnpProgram": C, "metadataProgram": pnp.METADATA_PROGRAM},
    ),
    "replace_member": (
        {"committee": A, "members": REPLACING[:1], "files": REPLACING[1:]},
        {"leaver": B, "newcomer": C},
    ),
    "open": (
        {"opener": A, "committee": B, "resolution": RESOLUTION, "onPnp": ON_MARKET},
        {"deposit": u64(1), "market": C, "spec": b"spec"},
    ),
    "accept": (OF_MEMBER, {}),
    "activate": (
        {
            **OF_MEMBER,
            "pnpProgram": B,
            "settler": SETTLER,
            "pnpAccounts": metas(BUILT["activate"], after=5),
        },
        {"advance": u64(0)},
    ),
    "attest": (OF_MEMBER, {"outcome": 1, "evidenceHash": bytes(32)}),
    "flag": (OF_MEMBER, {"reason": bytes(32)}),
    "settle": ({"caller": A, "committee": B, "resolution": RESOLUTION, "onPnp": SETTLING}, {}),
    "close_resolution": (
        {"resolution": RESOLUTION, "committee": B, "market": C, "opener": A, "creator": CREATOR},
        {},
    ),
}


def as_json(job: Json) -> str:
    """Bytes as {hex}, keys as text."""
    return json.dumps(job, default=lambda one: {"hex": one.hex()} if isinstance(one, bytes) else str(one))


async def client(
    tmp_path: Path, *calls: tuple[str, Sequence[Any]], program: Pubkey = P, attest: tuple[Json, Json] = GIVEN["attest"]
) -> Json:
    """Results of the client's functions in their order; an error is its text."""
    await npm.installed(FOLDER)
    await npm.run(FOLDER, "npx", "--no-install", "tsc")
    accounts, args = attest
    job = {
        "program": program,
        "attest": {"accounts": accounts, "args": args},
        "calls": [{"name": name, "args": given} for name, given in calls],
    }
    path = tmp_path / "job.json"
    path.write_text(as_json(job))
    answer: Json = json.loads(await npm.run(FOLDER, "node", "build/check.js", str(path)))
    return answer


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


def slots(rig: Rig) -> list[Json]:
    """The board's slots as the Python client reads them, in the other client's words."""
    made = []
    for slot in rig.read().slots:
        state = slot.state
        assert state is not None
        prices = {"bid": state.bid, "ask": state.ask, "last": state.last}
        more = {"status": int(state.status), "size": state.size_bits, "asOfMs": u64(state.as_of_ms)}
        made.append({**prices, **more, "updates": slot.updates, "generation": slot.generation})
    return made


async def test_a_board_is_decoded_as_python_does(tmp_path: Path) -> None:
    chain = Chain()
    rig = make_rig(chain)
    chain.ok(rig.publish(FeedUpdate(2, STATE)), rig.publisher)
    chain.ok(boards.anchor(chain.oracle, rig.publisher.pubkey(), rig.board, EVIDENCE), rig.publisher)
    address = boards.ids_address(chain.oracle, rig.board)
    data, ids = chain.data(rig.board), chain.data(address)
    answer = await client(
        tmp_path,
        ("decodeBoard", [data]),
        ("decodeIds", [ids, 4]),
        ("boardSeeds", [rig.authority.pubkey(), 0]),
        ("idsSeeds", [rig.board]),
        program=chain.oracle,
    )
    board, feeds, *addresses = answer["results"]
    header = rig.read().header
    assert board == {
        "authority": str(header.authority),
        "pendingAuthority": str(Pubkey.default()),
        "publisher": str(header.publisher),
        "epoch": header.epoch,
        "flags": 0,
        "updates": u64(1),
        "slot": u64(header.slot),
        "lastPublishMs": u64(NOW_MS),
        "capacity": 8,
        "length": 4,
        "tapeHead": {"hex": EVIDENCE.hex()},
        "name": {"hex": b"test".ljust(16, b"\0").hex()},
        "slots": slots(rig),
    }
    listed = boards.decode_ids(ids, 4)
    assert feeds["feeds"] == [{"id": {"hex": one.feed_id.hex()}, "generation": one.generation} for one in listed]
    assert addresses == [str(rig.board), str(address)]


async def test_a_vote_is_built_and_read_as_python_does(tmp_path: Path) -> None:
    chain = Chain()
    court, market = Court(chain), Pubkey(hashlib.sha256(SPEC).digest())
    member = court.members[1]
    assert court.open(market).error is None
    vote = committees.attest(
        chain.oracle, member.pubkey(), court.address, market, outcome=Outcome.NO, evidence_hash=EVIDENCE
    )
    chain.ok(vote, member)
    read = court.resolution(market)
    address = court.resolution_address(market)
    answer = await client(
        tmp_path,
        ("decodeCommittee", [chain.data(court.address)]),
        ("decodeResolution", [chain.data(address)]),
        ("committeeSeeds", [court.creator.pubkey(), 0]),
        ("resolutionSeeds", [court.address, market]),
        ("settlerSeeds", [court.address, read.spec_hash]),
        program=chain.oracle,
        attest=(
            {"member": member.pubkey(), "committee": court.address, "resolution": address},
            {"outcome": 2, "evidenceHash": EVIDENCE},
        ),
    )
    assert answer["attest"] == shown(vote)
    committee, resolution, *addresses = answer["results"]
    assert addresses == [str(court.address), str(address), str(court.settler())]
    assert committee["members"][:5] == [str(one.pubkey()) for one in court.members]
    assert (committee["creator"], committee["pnpProgram"]) == (str(court.creator.pubkey()), str(Pubkey.default()))
    assert (committee["challengeS"], committee["safetyS"], committee["reward"]) == (CHALLENGE_S, SAFETY_S, u64(REWARD))
    assert (committee["threshold"], committee["size"], committee["generations"]) == (3, 5, [0] * 9)
    assert (resolution["market"], resolution["opener"]) == (str(market), str(court.creator.pubkey()))
    assert (resolution["spec"], resolution["specLen"]) == ({"hex": SPEC.hex()}, len(SPEC))
    assert (resolution["openedAt"], resolution["state"], resolution["proposed"]) == (u64(read.opened_at), 0, 0)
    assert resolution["seats"][1] == {
        "evidenceHash": {"hex": EVIDENCE.hex()},
        "votedAt": u64(read.seats[1].voted_at),
        "generation": 0,
        "outcome": 2,
        "votes": 1,
        "accepted": int(read.seats[1].accepted),
        "flagged": 0,
    }


async def test_every_instruction_is_built_as_python_does(tmp_path: Path) -> None:
    updates = [FeedUpdate(2, STATE), FeedUpdate(300, STATE)]
    prices = {"bid": STATE.bid, "ask": STATE.ask, "last": STATE.last}
    entries = [
        {**prices, "status": int(STATE.status), "size": STATE.size_bits, "index": one.index, "age": 25}
        for one in updates
    ]
    question = Pubkey(hashlib.sha256(SPEC).digest())
    resolution = committees.resolution_address(P, B, question)
    answer = await client(
        tmp_path,
        *((camel(name), [P, *given]) for name, given in GIVEN.items()),
        ("publish", [P, OF_PUBLISHER, {"epoch": 7, "baseMs": u64(NOW_MS + 250), "entries": entries}]),
        (
            "open",
            [
                P,
                {"opener": A, "committee": B, "resolution": resolution},
                {"deposit": u64(2**64 - 1), "market": question, "spec": SPEC},
            ],
        ),
    )
    *made, published, opened = answer["results"]
    assert dict(zip(GIVEN, made, strict=True)) == {name: shown(one) for name, one in BUILT.items()}
    assert published == shown(boards.publish(P, A, B, epoch=7, base_ms=NOW_MS + 250, updates=updates))
    assert opened == shown(committees.open_resolution(P, A, B, question, spec=SPEC, deposit=2**64 - 1))


async def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    rig = make_rig(Chain())
    data = rig.chain.data(rig.board)
    answer = await client(
        tmp_path,
        ("decodeCommittee", [data]),
        ("decodeBoard", [b""]),
        ("decodeBoard", [data[:200]]),
        ("attest", [P, OF_MEMBER, {"outcome": 256, "evidenceHash": EVIDENCE}]),
        ("attest", [P, OF_MEMBER, {"outcome": 1, "evidenceHash": b"short"}]),
        ("idsSeeds", ["0" * 32]),
        ("idsSeeds", [str(A)[:-1]]),
        ("idsSeeds", ["1" * 33]),
    )
    assert answer["results"] == [
        "TypeError: The account is no Committee of this program version, or was closed; check its address.",
        "TypeError: The account is no Board of this program version, or was closed; check its address.",
        "RangeError: The data ends at byte 200; read the whole account.",
        "RangeError: 256 does not fit an unsigned integer of 1 bytes.",
        "RangeError: 5 bytes stand where 32 belong.",
        *(
            f"RangeError: {text} is not an address: it must be 32 bytes in base58."
            for text in ("0" * 32, str(A)[:-1], "1" * 33)
        ),
    ]


async def test_errors_have_the_numbers_of_the_idl(tmp_path: Path) -> None:
    answer = await client(tmp_path)
    assert answer["errors"] == {str(one["code"]): {"name": one["name"], "message": one["msg"]} for one in IDL["errors"]}
