"""`relayer committee`: the judges of markets. What a command runs is imported when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relayer.cli.addresses import address_of
from relayer.cli.desk import Desk, reads
from relayer.cli.docket import OfCase
from relayer.cli.printing import Rows, sol
from relayer.cli.signing import Facts, Nothing, Request, Transactions, signs
from relayer.domain.errors import PermanentError, UsageError

if TYPE_CHECKING:
    from solders.instruction import Instruction
    from solders.pubkey import Pubkey

    from relayer.chain.programs.committee import Committee
    from relayer.chain.signer import Signer

committee = typer.Typer(help="Make and show committees, who decide markets together.", no_args_is_help=True)

AddressArgument = Annotated[str, typer.Argument(metavar="COMMITTEE", help="The committee's address.")]


@dataclass(frozen=True)
class Rules:
    """What a committee's members agree on for good."""

    member: Annotated[list[str], typer.Option(metavar="ADDR", help="A member's address. Repeatable, 1 to 9.")]
    threshold: Annotated[int, typer.Option(help="Votes that decide; above half of the members.")]
    challenge_s: Annotated[
        int, typer.Option(min=0, max=0xFFFF_FFFF, help="Seconds between the deciding vote and settlement.")
    ]
    safety_s: Annotated[
        int, typer.Option(min=0, max=0xFFFF_FFFF, help="Seconds that a member's flag puts settlement off.")
    ]
    reward: Annotated[int, typer.Option(min=0, help="Lamports for whoever settles, out of the deposit.")] = 0

    def rows(self) -> Rows:
        periods = f"challenge {self.challenge_s} s, safety {self.safety_s} s"
        return [
            ("members", ", ".join(self.member)),
            ("rules", f"{self.threshold} of {len(self.member)} votes decide, {periods}, reward {sol(self.reward)}"),
        ]


@committee.command()
@signs
async def init(
    desk: Desk,
    rules: Rules,
    index: Annotated[int, typer.Option(min=0, max=0xFFFF, help="Number among the creator's committees.")] = 0,
    pnp: Annotated[
        str | None, typer.Option(metavar="ADDR", help="PNP program it settles on; the file's, or PNP's on mainnet.")
    ] = None,
    generic: Annotated[
        bool, typer.Option("--generic", help="Settle nowhere: its resolutions are the answers.")
    ] = False,
    creator: Annotated[
        Path | None, typer.Option(metavar="KEY.json", help="Pays the rent; the file's keys.authority if left out.")
    ] = None,
) -> Request | Nothing:
    """Make a committee. Its rules never change; its members can only be replaced, by a threshold of them.

    Example: relayer committee init --member <address> --threshold 1 --challenge-s 3600 --safety-s 3600 -c relayer.toml
    """
    from relayer.chain.programs.committee import committee_address
    from relayer.chain.resolutions import COMMITTEE_LEN

    if generic and pnp:
        raise UsageError("A generic committee settles on no PNP program: give --generic or --pnp, not both.")
    making = desk.key("--creator", creator, "authority")
    address = committee_address(desk.program, making.pubkey, index)
    owner = None if generic else address_of(pnp or desk.cluster.pnp_program)
    step = _making(desk, making.pubkey, index, rules, owner)
    await _refuse_making(desk, address, owner)
    rows = [
        ("committee", str(address)),
        *rules.rows(),
        ("settles on", str(owner) if owner else "nothing (generic)"),
        ("rent", f"{await desk.rent(COMMITTEE_LEN)} from the creator, for ever: a committee is never closed"),
    ]
    return Request(rows, {"creator": making}, Transactions([[step]], [making], "committee"), _facts(desk, address))


def _making(desk: Desk, creator: Pubkey, index: int, rules: Rules, pnp: Pubkey | None) -> Instruction:
    """Raises UsageError for rules that the program would refuse."""
    from relayer.chain.programs.committee import init_committee

    members = [address_of(text) for text in rules.member]
    try:
        return init_committee(
            desk.program,
            creator,
            index=index,
            members=members,
            threshold=rules.threshold,
            challenge_s=rules.challenge_s,
            safety_s=rules.safety_s,
            reward=rules.reward,
            pnp_program=pnp,
            metadata_program=address_of(desk.cluster.metadata_program),
        )
    except ValueError as error:
        raise UsageError(f"The committee cannot be so: {error}.") from None


async def _refuse_making(desk: Desk, address: Pubkey, pnp: Pubkey | None) -> None:
    """Raises PermanentError for a committee that is there, and for one that could never settle."""
    from relayer.chain.resolutions import find_committee

    if await find_committee(desk.rpc, desk.program, address):
        raise PermanentError(
            f"Committee {address} is there, and its rules never change. Nothing was signed: see "
            f"`relayer committee show {address}`, or make another under another --index."
        )
    if pnp and await desk.rpc.account(str(pnp)) is None:
        raise PermanentError(
            f"There is no PNP program {pnp} on this cluster, and a committee never changes its own: name it with "
            "--pnp, or give --generic."
        )


@committee.command()
@reads
async def show(desk: Desk, address: AddressArgument) -> None:
    """Show a committee's members and rules.

    Example: relayer committee show <address> --config relayer.toml
    """
    from relayer.chain.resolutions import read_committee

    where = address_of(address)
    desk.report(committee_facts(where, await read_committee(desk.rpc, desk.program, where)))


@committee.command()
@signs
async def replace_member(
    desk: Desk,
    address: AddressArgument,
    leaver: Annotated[str, typer.Option(metavar="ADDR", help="The member who goes; its votes count no longer.")],
    newcomer: Annotated[str, typer.Option(metavar="ADDR", help="Who takes the seat.")],
    signer: Annotated[
        list[Path], typer.Option(metavar="KEY.json", help="A member's key. Repeatable, as many as the threshold.")
    ],
    market: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MARKET",
            help="One with a file, whose votes are counted anew at once; named as in `relayer resolution`. Repeatable.",
        ),
    ] = None,
) -> Request | Nothing:
    """Give a member's seat to another key; a threshold of members sign.

    Example: relayer committee replace-member <address> --leaver <address> --newcomer <address> --signer member.json
    """
    from relayer.chain.programs.committee import replace_member as replacing
    from relayer.chain.resolutions import read_committee

    where, old, new = address_of(address), address_of(leaver), address_of(newcomer)
    keys = list({key.address: key for key in (desk.key("--signer", path, "member") for path in signer)}.values())
    _refuse_replacement(await read_committee(desk.rpc, desk.program, where), old, new, keys)
    files = await _files(desk, address, market or ())
    try:
        step = replacing(
            desk.program, where, leaver=old, newcomer=new, signers=[key.pubkey for key in keys], files=files
        )
    except ValueError as error:
        raise UsageError(f"Too many markets at once: {error}.") from None
    rows = [("committee", address), ("seat", f"from {leaver} to {newcomer}")]
    signers = {f"member {place}": key for place, key in enumerate(keys, 1)}
    return Request(rows, signers, Transactions([[step]], keys, "committee"), _facts(desk, where))


async def _files(desk: Desk, committee: str, markets: Sequence[str]) -> list[Pubkey]:
    """Addresses of the markets' files, each once. Raises PermanentError for a market that has none."""
    from relayer.chain.programs.committee import resolution_address
    from relayer.chain.resolutions import read_resolution

    where, named = address_of(committee), {OfCase(committee, market).key: market for market in markets}
    for key, market in named.items():
        if await read_resolution(desk.rpc, desk.program, where, key) is None:
            raise PermanentError(f"Market {market} has no file before this committee: leave out this --market.")
    return [resolution_address(desk.program, where, key) for key in named]


def _refuse_replacement(shown: Committee, leaver: Pubkey, newcomer: Pubkey, signers: Sequence[Signer]) -> None:
    names = ", ".join(map(str, shown.members))
    if newcomer in shown.members:
        raise PermanentError(f"{newcomer} is a member already: name another --newcomer.")
    for role, key in [("--leaver", leaver), *(("--signer", signer.pubkey) for signer in signers)]:
        if key not in shown.members:
            raise PermanentError(f"{role} {key} is not a member: the members are {names}.")
    if len({signer.address for signer in signers}) < shown.threshold:
        raise PermanentError(
            f"{shown.threshold} members must sign: give --signer with the key file of each, of {names}."
        )


def _facts(desk: Desk, address: Pubkey) -> Facts:
    from relayer.chain.resolutions import find_committee

    async def facts() -> dict[str, Any]:
        shown = await find_committee(desk.rpc, desk.program, address)  # none after a dry run of its making
        return committee_facts(address, shown) if shown else {"committee": str(address)}

    return facts


def committee_facts(address: Pubkey, shown: Committee) -> dict[str, Any]:
    """A committee's facts for people and scripts."""
    return {
        "committee": str(address),
        "members": [str(member) for member in shown.members],
        "threshold": shown.threshold,
        "challenge_s": shown.challenge_s,
        "safety_s": shown.safety_s,
        "reward": shown.reward,
        "pnp_program": str(shown.pnp_program) if shown.pnp_program else None,
        "metadata_program": str(shown.metadata_program),
        "creator": str(shown.creator),
        "index": shown.index,
    }
