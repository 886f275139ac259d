"""Subscriptions: who wants to hear of what, and the notifications when a block reaches a commitment level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from solders.pubkey import Pubkey
from solders.signature import Signature

from relayer.localnet import params
from relayer.localnet.accounts import EMPTY
from relayer.localnet.bank import Localnet, Record
from relayer.localnet.chain import Block, Commitment
from relayer.localnet.encoding import AccountEncoder, parse_filters, wrapped
from relayer.localnet.errors import invalid_params, method_not_found
from relayer.localnet.methods import arguments
from relayer.localnet.params import Config

Tell = Callable[[Block], list[Any]]
"""The notification results that a block, having reached the subscription's level, gives rise to."""


@dataclass(frozen=True)
class Subscription:
    kind: str
    commitment: Commitment
    tell: Tell
    once: bool = False


class Subscriptions:
    """Those of one connection. `send` takes the bytes of a frame and must not block."""

    def __init__(self, node: Localnet, send: Callable[[bytes], None], new_id: Callable[[], int]) -> None:
        self._node, self._send, self._new_id = node, send, new_id
        self._active: dict[int, Subscription] = {}

    def call(self, name: str, parameters: Any) -> Any:
        """Subscribe or unsubscribe; the id or true. Raises RpcError."""
        kind, verb = name.removesuffix("Unsubscribe"), name.removesuffix("Subscribe")
        if verb != name and verb in _SUBSCRIBERS:
            required, total, subscribe = _SUBSCRIBERS[verb]
            subscription = subscribe(self._node, *arguments(parameters, required, total))
            number = self._new_id()
            self._active[number] = subscription
            return number
        if kind != name and kind in _SUBSCRIBERS:
            (number,) = arguments(parameters, 1, 1)
            if self._active.pop(params.unsigned(number), None) is None:
                raise invalid_params("Invalid subscription id.")
            return True
        raise method_not_found()

    def block_closed(self) -> None:
        """Send what the newest block, and those that it confirms and finalizes, give rise to."""
        reached = {level: self._node.chain.reached(level) for level in Commitment}
        for number, subscription in list(self._active.items()):
            block = reached[subscription.commitment]
            results = [] if block is None else subscription.tell(block)
            for result in results:
                self._notify(number, subscription.kind, result)
            if results and subscription.once:
                del self._active[number]

    def _notify(self, number: int, kind: str, result: Any) -> None:
        body = {"result": result, "subscription": number}
        self._send(msgspec.json.encode({"jsonrpc": "2.0", "method": f"{kind}Notification", "params": body}))


def _account(node: Localnet, address: Any, config: Any = None) -> Subscription:
    asked, key = Config(config), params.pubkey(address)
    encode = AccountEncoder(asked, default="binary")

    def tell(block: Block) -> list[Any]:
        if key not in node.accounts.written_in(block.slot):
            return []
        return [wrapped(block, encode.or_text(node.accounts.at(key, block.slot) or EMPTY))]

    return Subscription("account", asked.commitment(), tell)


def _program(node: Localnet, program: Any, config: Any = None) -> Subscription:
    asked, owner = Config(config), params.pubkey(program)
    encode, matches = AccountEncoder(asked, default="binary"), parse_filters(asked.get("filters"))

    def tell(block: Block) -> list[Any]:
        found = []
        for key in node.accounts.written_in(block.slot):
            account = node.accounts.at(key, block.slot)
            if account is not None and account.owner == owner and matches(account):
                found.append(wrapped(block, {"pubkey": str(key), "account": encode.or_text(account)}))
        return found

    return Subscription("program", asked.commitment(), tell)


def _logs(node: Localnet, which: Any, config: Any = None) -> Subscription:
    mentioned = _mentioned(which)

    def tell(block: Block) -> list[Any]:
        records = [node.records[signature] for signature in block.signatures]
        return [wrapped(block, _log_value(one)) for one in records if mentioned is None or mentioned in one.keys.all]

    return Subscription("logs", Config(config).commitment(), tell)


def _mentioned(which: Any) -> Pubkey | None:
    if which in ("all", "allWithVotes"):
        return None
    mentions = which.get("mentions") if isinstance(which, dict) else None
    if not isinstance(mentions, list):
        raise invalid_params("Invalid params: expected `all`, `allWithVotes` or an object with `mentions`.")
    if len(mentions) != 1:
        raise invalid_params("Invalid Request: Only 1 address supported")
    return params.pubkey(mentions[0])


def _log_value(record: Record) -> dict[str, Any]:
    return {"signature": str(record.signed.signature), "err": record.outcome.err, "logs": list(record.outcome.logs)}


def _signature(node: Localnet, text: Any, config: Any = None) -> Subscription:
    """Fires once, for a block that reaches the level after the subscription; what is already there is not replayed."""
    signature: Signature = params.signature(text)

    def tell(block: Block) -> list[Any]:
        if signature not in block.signatures:
            return []
        return [wrapped(block, {"err": node.records[signature].outcome.err})]

    return Subscription("signature", Config(config).commitment(), tell, once=True)


def _slot(node: Localnet) -> Subscription:
    def tell(block: Block) -> list[Any]:
        return [{"parent": block.parent_slot, "root": node.chain.at(Commitment.FINALIZED).slot, "slot": block.slot}]

    return Subscription("slot", Commitment.PROCESSED, tell)


def _root(node: Localnet) -> Subscription:
    return Subscription("root", Commitment.FINALIZED, lambda block: [block.slot])


_SUBSCRIBERS: dict[str, tuple[int, int, Callable[..., Subscription]]] = {
    "account": (1, 2, _account),
    "program": (1, 2, _program),
    "logs": (1, 2, _logs),
    "signature": (1, 2, _signature),
    "slot": (0, 0, _slot),
    "root": (0, 0, _root),
}
