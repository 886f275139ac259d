"""The WebSocket commands and error codes of Kalshi's AsyncAPI document, as far as the sandbox serves them."""

from __future__ import annotations

import msgspec

ERRORS = {
    1: "Unable to process message",
    2: "Params required",
    3: "Channels required",
    4: "Subscription IDs required",
    5: "Unknown command",
    7: "Unknown subscription ID",
    8: "Unknown channel name",
    10: "Channel error",
    11: "Invalid parameter",
    12: "Exactly one subscription ID is required",
    13: "Unsupported action",
    14: "Market Ticker required",
    15: "Action required",
    25: "Subscription buffer overflow",
}
CHANNELS = ("orderbook_delta", "ticker", "trade", "market_lifecycle_v2")
ACTIONS = ("add_markets", "delete_markets", "get_snapshot")


class RefusedError(Exception):
    """A command to be answered by an error frame with this code."""

    def __init__(self, code: int, command_id: int = 0) -> None:
        super().__init__(ERRORS[code])
        self.code, self.command_id = code, command_id


class Params(msgspec.Struct):
    """All parameters of all commands; which ones a command needs, the methods say."""

    channels: list[str] = []
    market_ticker: str | None = None
    market_tickers: list[str] | None = None
    sid: int | None = None
    sids: list[int] | None = None
    action: str = ""
    use_yes_price: bool | None = None
    send_initial_snapshot: bool = False
    skip_ticker_ack: bool = False

    def named_channels(self) -> list[str]:
        if not self.channels:
            raise RefusedError(3)
        if any(channel not in CHANNELS for channel in self.channels):
            raise RefusedError(8)
        return self.channels

    def tickers(self) -> list[str]:
        """The markets named, in order; [] for none."""
        if self.market_ticker is not None and self.market_tickers is not None:
            raise RefusedError(11)
        return [self.market_ticker] if self.market_ticker is not None else list(self.market_tickers or [])

    def needed_tickers(self) -> list[str]:
        tickers = self.tickers()
        if not tickers:
            raise RefusedError(14)
        return tickers

    def one_sid(self) -> int:
        sids = [*([] if self.sid is None else [self.sid]), *(self.sids or [])]
        if len(sids) != 1:
            raise RefusedError(12)
        return sids[0]

    def known_action(self) -> str:
        if not self.action:
            raise RefusedError(15)
        if self.action not in ACTIONS:
            raise RefusedError(13)
        return self.action


class Command(msgspec.Struct):
    cmd: str = ""
    id: int = 0
    params: Params | None = None

    def needed_params(self) -> Params:
        if self.params is None:
            raise RefusedError(2)
        return self.params


class _Id(msgspec.Struct):
    id: int = 0


_COMMAND = msgspec.json.Decoder(Command)
_ID = msgspec.json.Decoder(_Id)


def read_command(text: str) -> Command:
    """Raises RefusedError: code 1 for what is no JSON object, 11 for a parameter of the wrong type."""
    try:
        return _COMMAND.decode(text)
    except msgspec.ValidationError:
        raise RefusedError(11, _id_of(text)) from None
    except msgspec.DecodeError:
        raise RefusedError(1) from None


def _id_of(text: str) -> int:
    try:
        return _ID.decode(text).id
    except msgspec.DecodeError:
        return 0
