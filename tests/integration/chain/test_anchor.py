"""The tape's head on a board of a local cluster, and `relayer tape verify` against what the board carries."""

from __future__ import annotations

import json
from pathlib import Path

from relayer.services.anchor import Anchor
from relayer.tape.entries import Kind
from relayer.tape.recorder import Recorder
from relayer.tape.settings import TapeSettings
from tests.integration.chain.conftest import Cluster
from tests.integration.chain.test_board import MARKETS, gateway
from tests.integration.tape.test_record import relayer


async def recorded(directory: Path, *texts: str) -> str:
    """The head of a tape that goes on with these entries."""
    recorder = Recorder(directory, TapeSettings())
    for text in texts:
        recorder.record(Kind.FRAME, text, venue="kalshi", connection="ws1")
        await recorder.sync()
    head = recorder.head.hash
    await recorder.aclose()
    return head


def configured(folder: Path, cluster: Cluster, authority: str) -> str:
    file = folder / "relayer.toml"
    file.write_text(f"""
[kalshi]
environment = "production"
[cluster]
rpc_urls = ["{cluster.url}"]
oracle_program = "{cluster.oracle_program}"
[keys]
[board]
authority = "{authority}"
""")
    return str(file)


async def test_the_tape_is_held_against_what_the_board_carries(cluster: Cluster, tmp_path: Path) -> None:
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority)
    await board.open(MARKETS[:2])
    config = configured(tmp_path, cluster, authority.address)
    heads = [await recorded(tmp_path / "tape", "a", "b")]
    status, _, said = await relayer("verify", str(tmp_path / "tape"), "-c", config)
    assert status == 1
    assert f"Board {board.address} carries no tape's head" in said

    anchor = Anchor(head=lambda: heads[-1], board=board, interval_s=3600, metrics=cluster.metrics)
    before = cluster.metrics.total("relayer_transactions_total")
    assert await anchor.anchor_or_say_why()
    sent = cluster.metrics.total("relayer_transactions_total")
    assert await anchor.anchor_or_say_why()
    assert before < sent == cluster.metrics.total("relayer_transactions_total"), "an unchanged head costs nothing"
    assert await board.anchored() == heads[0]

    heads.append(await recorded(tmp_path / "tape", "c"))
    status, out, _ = await relayer("verify", str(tmp_path / "tape"), "-c", config, "--json")
    told = json.loads(out)
    assert (status, told["contains"], told["head"]) == (0, heads[0], heads[1])
    assert f"It contains {heads[0]}." in (await relayer("verify", str(tmp_path / "tape"), "-c", config))[1]

    await recorded(tmp_path / "rewritten", "a", "B", "c")
    status, _, said = await relayer("verify", str(tmp_path / "rewritten"), "-c", config)
    assert status == 1
    assert f"does not contain the hash {heads[0][:16]}" in said


async def test_another_s_board_is_not_anchored_to(cluster: Cluster) -> None:
    publisher, authority = cluster.funded(), cluster.funded()
    await gateway(cluster, publisher=publisher, authority=authority).open(MARKETS[:1])
    stranger = gateway(cluster, publisher=cluster.funded(), authority=None, owner=authority)
    anchor = Anchor(head=lambda: "ab" * 32, board=stranger, interval_s=3600, metrics=cluster.metrics)
    assert not await anchor.anchor_or_say_why()
    assert await stranger.anchored() == "00" * 32
