"""`relayer resolution`: one market's file before its committee. What a command runs is imported when it runs."""

from __future__ import annotations

import asyncio
import hashlib
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
    cluster,
    key,
    reading,
    sol,
)
from relayer.cli.addresses import ProgramOption, address_of
from relayer.cli.docket import Case, Docket, Options, act_on, file_facts, subject_key
from relayer.cli.steps import report
from relayer.domain.errors import PermanentError, UsageError
from relayer.domain.verdicts import Outcome

if TYPE_CHECKING:
    from solders.instruction import Instruction

resolution = typer.Typer(
    help="Open, vote on, show and settle the files of a committee's markets.", no_args_is_help=True
)

CommitteeArgument = Annotated[str, typer.Argument(metavar="COMMITTEE", help="The committee's address.")]
MarketArgument = Annotated[
    str,
    typer.Argument(
        metavar="MARKET", help="The PNP market's address; before a generic committee venue:ticker or a key."
    ),
]
MemberOption = Annotated[
    Path | None,
    typer.Option("--member", metavar="KEY.json", help="A member's key; the file's keys.oracle if left out."),
]


@resolution.command()
def show(
    committee: CommitteeArgument,
    market: MarketArgument,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what has been decided about a market, by whom, and when it may be settled.

    Example: relayer resolution show <committee> <market> --config relayer.toml
    """
    settings = cluster(config, rpc, program=program)
    case = Case(address_of(settings.oracle_program), address_of(committee), subject_key(market))

    async def run() -> dict[str, Any]:
        async with reading(settings) as client:
            return file_facts(case, await case.read(client))

    report(asyncio.run(run()), as_json=as_json)


@resolution.command("open")
def open_file(
    committee: CommitteeArgument,
    market: MarketArgument,
    spec: Annotated[Path, typer.Option(metavar="FILE.json", help="The spec that the market asks.")],
    deposit: Annotated[int, typer.Option(min=0, help="Lamports for activation and the settler's reward.")] = 0,
    opener: Annotated[
        Path | None, typer.Option(metavar="KEY.json", help="Pays rent and deposit; the payer if left out.")
    ] = None,
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put a market's spec on chain, for its committee to decide. Once a market; anyone may.

    Example: relayer resolution open <committee> <market> --spec spec.json --deposit 100000000 --config relayer.toml
    """
    from relayer.chain.programs.committee import open_resolution
    from relayer.conditions.parse import parse_spec
    from relayer.conditions.question import question

    parsed = parse_spec(_read(spec))
    opening = key("--opener", opener, config, "payer")

    def act_of(docket: Docket) -> tuple[Instruction, list[tuple[str, str]]]:
        case = docket.case
        step = open_resolution(
            case.program, opening.pubkey, case.committee, docket.subject, spec=parsed.canonical, deposit=deposit
        )
        what = [("open", question(parsed)), ("spec", parsed.hash), ("deposit", sol(deposit))]
        return step, [*what, ("settler", str(case.settler(parsed.hash)))]

    act_on(committee, market, opening, act_of, Options(payer, program, config, rpc, yes, dry_run, as_json))


@resolution.command()
def accept(
    committee: CommitteeArgument,
    market: MarketArgument,
    member: MemberOption = None,
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say as a member that you serve this market; traders look for it.

    Example: relayer resolution accept <committee> <market> --config relayer.toml
    """
    from relayer.chain.programs import committee as programs

    serving = key("--member", member, config, "oracle")

    def act_of(docket: Docket) -> tuple[Instruction, list[tuple[str, str]]]:
        step = programs.accept(docket.case.program, serving.pubkey, docket.case.committee, docket.subject)
        return step, [("accept", docket.question())]

    act_on(committee, market, serving, act_of, Options(payer, program, config, rpc, yes, dry_run, as_json))


@resolution.command()
def attest(
    committee: CommitteeArgument,
    market: MarketArgument,
    outcome: Annotated[Outcome, typer.Option(help="Your vote.")],
    evidence: Annotated[Path | None, typer.Option(metavar="FILE", help="Its SHA-256 goes on chain.")] = None,
    evidence_hash: Annotated[str | None, typer.Option(metavar="HEX", help="The SHA-256 instead of a file.")] = None,
    member: MemberOption = None,
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Vote as a member. A vote may be changed once.

    Example: relayer resolution attest <committee> <market> --outcome yes --evidence bundle.zip --config relayer.toml
    """
    from relayer.chain.programs import committee as programs

    proof = _evidence(evidence, evidence_hash)
    voting = key("--member", member, config, "oracle")

    def act_of(docket: Docket) -> tuple[Instruction, list[tuple[str, str]]]:
        case = docket.case
        step = programs.attest(
            case.program, voting.pubkey, case.committee, docket.subject, outcome=outcome, evidence_hash=proof
        )
        return step, [("question", docket.question()), ("vote", outcome.upper()), ("evidence", proof.hex())]

    act_on(committee, market, voting, act_of, Options(payer, program, config, rpc, yes, dry_run, as_json))


@resolution.command()
def flag(
    committee: CommitteeArgument,
    market: MarketArgument,
    reason: Annotated[str, typer.Option(help="For the event; at most 32 bytes.")],
    member: MemberOption = None,
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put settlement off by the safety period, once a member, so that all can look again.

    Example: relayer resolution flag <committee> <market> --reason "feed disputed" --config relayer.toml
    """
    from relayer.chain.programs import committee as programs

    if len(reason.encode()) > 32:
        raise UsageError("The reason is longer than 32 bytes: shorten it.")
    flagging = key("--member", member, config, "oracle")

    def act_of(docket: Docket) -> tuple[Instruction, list[tuple[str, str]]]:
        case = docket.case
        step = programs.flag(case.program, flagging.pubkey, case.committee, docket.subject, reason=reason.encode())
        return step, [("flag", f"{reason} (no settlement for {docket.committee.safety_s} s)")]

    act_on(committee, market, flagging, act_of, Options(payer, program, config, rpc, yes, dry_run, as_json))


@resolution.command()
def settle(
    committee: CommitteeArgument,
    market: MarketArgument,
    caller: Annotated[
        Path | None, typer.Option(metavar="KEY.json", help="Gets the reward; the payer if left out.")
    ] = None,
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Carry out what the committee has decided; anyone may, and gets the reward if the deposit has it.

    Example: relayer resolution settle <committee> <market> --config relayer.toml
    """
    from relayer.chain.programs import committee as programs

    calling = key("--caller", caller, config, "payer")

    def act_of(docket: Docket) -> tuple[Instruction, list[tuple[str, str]]]:
        if docket.resolution is None or docket.resolution.proposed is None:
            raise PermanentError(f"The committee has not decided {market} yet: see `relayer resolution show`.")
        step = programs.settle(docket.case.program, calling.pubkey, docket.case.committee, docket.subject)
        reward = sol(docket.committee.reward)
        return step, [
            ("question", docket.question()),
            ("settle as", docket.resolution.proposed.upper()),
            ("reward", reward),
        ]

    act_on(committee, market, calling, act_of, Options(payer, program, config, rpc, yes, dry_run, as_json))


def _evidence(file: Path | None, digest: str | None) -> bytes:
    if (file is None) == (digest is None):
        raise UsageError("What proves the vote? Give --evidence with a file or --evidence-hash, and not both.")
    if digest is None:
        assert file is not None
        return hashlib.sha256(_read(file)).digest()
    try:
        proof = bytes.fromhex(digest)
    except ValueError:
        proof = b""
    if len(proof) != 32:
        raise UsageError(f"--evidence-hash {digest!r} is not a SHA-256: give 64 hexadecimal digits.")
    return proof


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): check the path.") from error
