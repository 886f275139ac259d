"""`relayer resolution`: one market's file before its committee. What a command runs is imported when it runs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from relayer.cli.addresses import address_of, digest_of
from relayer.cli.desk import Desk, reads
from relayer.cli.docket import OfCase
from relayer.cli.printing import sol
from relayer.cli.signing import Nothing, Request, signs
from relayer.cli.sitting import OfMember, OfServant
from relayer.domain.errors import PermanentError, UsageError
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome

resolution = typer.Typer(
    help="Open, vote on, show, settle and close the files of a committee's markets.", no_args_is_help=True
)


@resolution.command()
@reads
async def show(desk: Desk, case: OfCase) -> None:
    """Show what has been decided about a market, by whom, and when it may be settled.

    Example: relayer resolution show <committee> <market> --config relayer.toml
    """
    desk.report(await (await case.opened(desk)).facts())


@resolution.command("open")
@signs
async def open_file(
    desk: Desk,
    case: OfCase,
    spec: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="The spec that the market asks; left out where MARKET is its file."),
    ] = None,
    deposit: Annotated[int, typer.Option(min=0, help="Lamports for activation and the settler's reward.")] = 0,
    opener: Annotated[
        Path | None, typer.Option(metavar="KEY.json", help="Pays rent and deposit; the payer if left out.")
    ] = None,
) -> Request | Nothing:
    """Put a market's spec on chain, for its committee to decide. Once a market; anyone may.

    Example: relayer resolution open <committee> <market> --spec spec.json --deposit 100000000 --config relayer.toml
    """
    from relayer.chain.programs.committee import open_resolution
    from relayer.chain.resolutions import resolution_len
    from relayer.cli.judging import load_spec
    from relayer.conditions.question import question

    parsed = load_spec(spec or Path(case.market))
    opening = desk.key("--opener", opener, "opener") if opener else desk.payer()
    docket = await case.opened(desk)
    docket.refuse_opening(parsed.hash)
    step = open_resolution(
        desk.program, opening.pubkey, docket.address, docket.subject, spec=parsed.canonical, deposit=deposit
    )
    rows = [
        ("open", question(parsed)),
        ("spec hash", parsed.hash),
        ("rent", f"{await desk.rent(resolution_len(parsed.canonical))} from the opener"),
        ("deposit", f"{sol(deposit)} from the opener, for activation and a reward of {sol(docket.committee.reward)}"),
    ]
    warnings = []
    if docket.on_pnp is None:
        warnings.append("a generic resolution is the answer itself: its rent and deposit stay there for ever.")
    elif docket.question() != question(parsed):
        warnings.append(f"the market asks {docket.question()!r}, which is not the text of this spec.")
    return docket.request({"opener": opening}, [step], rows, warnings)


@resolution.command()
@signs
async def accept(desk: Desk, case: OfServant) -> Request | Nothing:
    """Say as a member that you serve this market; traders look for it.

    Example: relayer resolution accept <committee> <market> --config relayer.toml
    """
    from relayer.chain.programs.committee import accept as accepting

    sitting = await case.seated(desk)
    docket, member = sitting.docket, sitting.member
    if sitting.seat and sitting.seat.accepted:
        return Nothing(f"{member.address} serves this market already.", docket.facts)
    docket.refuse_settled()
    step = accepting(desk.program, member.pubkey, docket.address, docket.subject)
    return sitting.request(step, [("accept", "this member serves the market")])


@resolution.command()
@signs
async def activate(desk: Desk, case: OfServant) -> Request | Nothing:
    """Make a PNP market tradeable, for good. The member advances the cost; the deposit pays it back as far as it goes.

    Example: relayer resolution activate <committee> <market> --config relayer.toml
    """
    from relayer.chain.programs.committee import ACTIVATION_ADVANCE
    from relayer.chain.programs.committee import activate as activating
    from relayer.chain.resolutions import deposit_of

    sitting = await case.seated(desk)
    docket, subject = sitting.docket, sitting.docket.activatable()
    if subject.market.resolvable:
        return Nothing(f"market {case.market} is tradeable already.", docket.facts)
    docket.refuse_settled()
    docket.refuse_foreign_metadata()
    await docket.refuse_late_activation()
    step = activating(
        desk.program,
        sitting.member.pubkey,
        docket.address,
        subject,
        metadata_program=docket.committee.metadata_program,
        advance=ACTIVATION_ADVANCE,
    )
    advance = f"at most {sol(ACTIVATION_ADVANCE)} from the member; what PNP does not take comes back at once"
    rows = [
        ("activate", "the market becomes tradeable, which cannot be taken back"),
        ("advance", advance if subject.market.kind is PnpKind.V2 else "none: activating a P2P market costs nothing"),
        ("deposit", f"{sol(await deposit_of(desk.rpc, desk.program, docket.file()))} to pay the member back"),
    ]
    return sitting.request(step, rows)


@resolution.command()
@signs
async def attest(
    desk: Desk,
    case: OfServant,
    outcome: Annotated[Outcome, typer.Option(help="Your vote.")],
    evidence: Annotated[Path | None, typer.Option(metavar="FILE", help="Its SHA-256 goes on chain.")] = None,
    evidence_hash: Annotated[str | None, typer.Option(metavar="HEX", help="The SHA-256 instead of a file.")] = None,
) -> Request | Nothing:
    """Vote as a member, once; the vote may be changed once.

    Example: relayer resolution attest <committee> <market> --outcome yes --evidence bundle.json --config relayer.toml
    """
    from relayer.chain.programs.committee import attest as attesting

    proof = _evidence(evidence, evidence_hash)
    sitting = await case.seated(desk)
    docket, member, seat, warnings = sitting.docket, sitting.member, sitting.seat, []
    if seat and seat.outcome:
        if (seat.outcome, seat.evidence_hash) == (outcome, proof):
            return Nothing(f"{member.address} has voted {outcome.upper()} with this evidence already.", docket.facts)
        if seat.votes > 1:
            raise PermanentError(f"{member.address} has voted and changed the vote: {seat.outcome.upper()} stays.")
        warnings.append(f"{member.address} has voted {seat.outcome.upper()}: this is the one change of it.")
    step = attesting(desk.program, member.pubkey, docket.address, docket.subject, outcome=outcome, evidence_hash=proof)
    return sitting.request(step, [("vote", outcome.upper()), ("evidence", proof.hex())], warnings)


@resolution.command()
@signs
async def flag(
    desk: Desk, case: OfMember, reason: Annotated[str, typer.Option(help="For the event; at most 32 bytes.")]
) -> Request | Nothing:
    """Put settlement off by the safety period, once a member, so that all can look again.

    Example: relayer resolution flag <committee> <market> --reason "feed disputed" --config relayer.toml
    """
    from relayer.chain.programs.committee import flag as flagging

    if len(reason.encode()) > 32:
        raise UsageError("The reason is longer than 32 bytes: shorten it.")
    sitting = await case.seated(desk)
    docket, member = sitting.docket, sitting.member
    if sitting.seat and sitting.seat.flagged:
        raise PermanentError(f"{member.address} has flagged this market, and may only once: another member can.")
    step = flagging(desk.program, member.pubkey, docket.address, docket.subject, reason=reason.encode())
    return sitting.request(step, [("flag", f"{reason} (no settlement for {docket.committee.safety_s} s)")])


@resolution.command()
@signs
async def settle(
    desk: Desk,
    case: OfCase,
    caller: Annotated[
        Path | None, typer.Option(metavar="KEY.json", help="Gets the reward; the payer if left out.")
    ] = None,
) -> Request | Nothing:
    """Carry out what the committee has decided; anyone may, and gets the reward if the deposit has it.

    Example: relayer resolution settle <committee> <market> --config relayer.toml
    """
    from relayer.chain.programs.committee import settle as settling
    from relayer.chain.resolutions import deposit_of

    calling = desk.key("--caller", caller, "caller") if caller else desk.payer()
    docket = await case.opened(desk)
    file = docket.file()
    if file.state:
        return Nothing(f"the file of market {case.market} is {docket.ending()}.", docket.facts)
    outcome = await docket.due()
    paid = await deposit_of(desk.rpc, desk.program, file) >= docket.committee.reward
    reward = sol(docket.committee.reward) if paid else "none: the deposit is used up"
    step = settling(desk.program, calling.pubkey, docket.address, docket.subject)
    return docket.request({"caller": calling}, [step], [("settle as", outcome.upper()), ("reward", reward)])


@resolution.command()
@signs
async def close(desk: Desk, case: OfCase) -> Request | Nothing:
    """Close a file 30 days after it was decided, or long after everybody gave it up; anyone may.

    The rent goes to its opener, what is left of the deposit to the market's creator.

    Example: relayer resolution close <committee> <market> --config relayer.toml
    """
    from solders.system_program import TransferParams, transfer

    from relayer.chain.programs.committee import close_resolution
    from relayer.chain.resolutions import deposit_of, lacking, resolution_len

    docket = await case.opened(desk, gone=True)
    file = docket.file()
    await docket.refuse_closing()
    closing = close_resolution(desk.program, docket.address, docket.subject, opener=file.opener)
    deposit = await deposit_of(desk.rpc, desk.program, file)
    rows = [("rent back", f"{await desk.rent(resolution_len(file.spec))} to the opener {file.opener}")]
    if docket.on_pnp is None:
        return docket.request({}, [closing], [*rows, ("deposit", f"{sol(deposit)} to the opener: the market is gone")])
    creator = docket.on_pnp.market.creator
    rows.append(("deposit", f"{sol(deposit)} to the market's creator {creator}"))
    added = await lacking(desk.rpc, creator, deposit)
    if not added:
        return docket.request({}, [closing], rows)
    rows.append(("added", f"{sol(added)} from the payer to the creator, whose address cannot hold less"))
    gift = TransferParams(from_pubkey=desk.payer().pubkey, to_pubkey=address_of(creator), lamports=added)
    return docket.request({}, [transfer(gift), closing], rows)


def _evidence(file: Path | None, digest: str | None) -> bytes:
    if digest is not None and file is None:
        return digest_of("--evidence-hash", digest)
    if file is None or digest is not None:
        raise UsageError("What proves the vote? Give --evidence with a file or --evidence-hash, and not both.")
    return hashlib.sha256(_read(file)).digest()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): check the path.") from error
