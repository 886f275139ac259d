"""`relayer committee`: the judges of markets. What a command runs is imported when it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relayer.cli.acting import (
    ConfigOption,
    DryRunOption,
    JsonOption,
    PayerOption,
    RpcOption,
    YesOption,
    acting,
    cluster,
    key,
    reading,
    sol,
)
from relayer.cli.addresses import ProgramOption, address_of
from relayer.cli.steps import carry_out, payer_or, report
from relayer.domain.errors import UsageError

if TYPE_CHECKING:
    from solders.pubkey import Pubkey

    from relayer.chain.programs.committee import Committee

committee = typer.Typer(help="Make and show committees, who decide markets together.", no_args_is_help=True)

AddressArgument = Annotated[str, typer.Argument(metavar="COMMITTEE", help="The committee's address.")]


@committee.command()
def init(
    member: Annotated[list[str], typer.Option(metavar="ADDR", help="A member's address. Repeatable, 1 to 9.")],
    threshold: Annotated[int, typer.Option(help="Votes that decide; above half of the members.")],
    challenge_s: Annotated[
        int, typer.Option(min=0, max=0xFFFF_FFFF, help="Seconds between the deciding vote and settlement.")
    ],
    safety_s: Annotated[
        int, typer.Option(min=0, max=0xFFFF_FFFF, help="Seconds that a member's flag puts settlement off.")
    ],
    reward: Annotated[int, typer.Option(min=0, help="Lamports for whoever settles, out of the deposit.")] = 0,
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
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a committee. Its rules never change; its members can only be replaced, by a threshold of them.

    Example: relayer committee init --member <address> --threshold 1 --challenge-s 3600 --safety-s 3600 -c relayer.toml
    """
    from relayer.chain.programs.committee import committee_address, init_committee

    if generic and pnp:
        raise UsageError("A generic committee settles on no PNP program: give --generic or --pnp, not both.")
    settings = cluster(config, rpc, program=program)
    oracle, owner = address_of(settings.oracle_program), None if generic else address_of(pnp or settings.pnp_program)
    making = key("--creator", creator, config, "authority")
    members = [address_of(text) for text in member]
    address = committee_address(oracle, making.pubkey, index)
    try:
        step = init_committee(
            oracle,
            making.pubkey,
            index=index,
            members=members,
            threshold=threshold,
            challenge_s=challenge_s,
            safety_s=safety_s,
            reward=reward,
            pnp_program=owner,
            metadata_program=address_of(settings.metadata_program),
        )
    except ValueError as error:
        raise UsageError(f"The committee cannot be so: {error}.") from None
    what = [
        ("committee", str(address)),
        ("members", ", ".join(map(str, members))),
        ("rules", f"{threshold} votes decide, challenge {challenge_s} s, safety {safety_s} s, reward {sol(reward)}"),
        ("settles on", str(owner) if owner else "nothing (generic)"),
    ]

    async def run() -> list[str]:
        async with acting(settings, payer_or(making, payer, config)) as act:
            return await carry_out(act, [[step]], [making], what=what, purpose="committee", yes=yes, dry_run=dry_run)

    report({"committee": str(address), "signatures": asyncio.run(run())}, as_json=as_json)


@committee.command()
def show(
    address: AddressArgument,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a committee's members and rules.

    Example: relayer committee show <address> --config relayer.toml
    """
    from relayer.chain.resolutions import read_committee

    settings = cluster(config, rpc, program=program)
    where = address_of(address)

    async def run() -> Committee:
        async with reading(settings) as client:
            return await read_committee(client, address_of(settings.oracle_program), where)

    report(committee_facts(where, asyncio.run(run())), as_json=as_json)


@committee.command()
def replace_member(
    address: AddressArgument,
    leaver: Annotated[str, typer.Option(metavar="ADDR", help="The member who goes; its votes count no longer.")],
    newcomer: Annotated[str, typer.Option(metavar="ADDR", help="Who takes the seat.")],
    signer: Annotated[
        list[Path], typer.Option(metavar="KEY.json", help="A member's key. Repeatable, as many as the threshold.")
    ],
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give a member's seat to another key; a threshold of members sign.

    Example: relayer committee replace-member <address> --leaver <address> --newcomer <address> --signer member.json
    """
    from relayer.chain.programs.committee import replace_member as replacing
    from relayer.chain.resolutions import read_committee

    settings = cluster(config, rpc, program=program)
    oracle, where = address_of(settings.oracle_program), address_of(address)
    members = [key("--signer", path, None, "member") for path in signer]
    step = replacing(
        oracle,
        where,
        leaver=address_of(leaver),
        newcomer=address_of(newcomer),
        signers=[member.pubkey for member in members],
    )
    what = [("committee", address), ("seat", f"from {leaver} to {newcomer}")]

    async def run() -> dict[str, Any]:
        async with acting(settings, payer_or(members[0], payer, config)) as act:
            done = await carry_out(act, [[step]], members, what=what, purpose="committee", yes=yes, dry_run=dry_run)
            return {**committee_facts(where, await read_committee(act.rpc, oracle, where)), "signatures": done}

    report(asyncio.run(run()), as_json=as_json)


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
        "creator": str(shown.creator),
        "index": shown.index,
    }
