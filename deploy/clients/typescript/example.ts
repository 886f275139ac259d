// The price of one market, as the median of several publishers' boards:
// node build/example.js http://127.0.0.1:8899 PROGRAM kalshi:KXHIGHNY-25DEC21-B46.5 AUTHORITY...
import { type Address, createSolanaRpc, getProgramDerivedAddress, type Rpc, type SolanaRpcApi } from "@solana/kit";

import { boardSeeds, idsSeeds } from "./oracle.js";
import { type Account, find, type Median, medianOf, type Source } from "./reader.js";

const MAX_AGE_MS = 30_000;
const SYSTEM_PROGRAM = "11111111111111111111111111111111" as Address;
const CLOCK = "SysvarC1ock11111111111111111111111111111111" as Address;
const UNIX_TIMESTAMP = 32; // its place in the Clock

/** What stands at the addresses, of one moment. Where nothing does, there is an empty account of the system's. */
async function fetchAll(rpc: Rpc<SolanaRpcApi>, addresses: Address[]): Promise<Account[]> {
  const { value } = await rpc.getMultipleAccounts(addresses, { encoding: "base64", commitment: "confirmed" }).send();
  return addresses.map((address, at) => ({
    address,
    owner: value[at]?.owner ?? SYSTEM_PROGRAM,
    data: new Uint8Array(Buffer.from(value[at]?.data[0] ?? "", "base64")),
  }));
}

/** Once, to be kept: where the authority's first board carries the market. Throws Refused. */
async function locate(rpc: Rpc<SolanaRpcApi>, programAddress: Address, authority: Address, market: string): Promise<Source> {
  const [address] = await getProgramDerivedAddress({ programAddress, seeds: boardSeeds(authority, 0) });
  const [idsAddress] = await getProgramDerivedAddress({ programAddress, seeds: idsSeeds(address) });
  const [board, ids] = await fetchAll(rpc, [address, idsAddress]);
  const id = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(market));
  return { authority, board: address, ...find(board!, ids!, programAddress, new Uint8Array(id)) };
}

/** Every time: rather none than one that no majority stands for. Throws Refused. */
async function price(rpc: Rpc<SolanaRpcApi>, program: Address, sources: Source[]): Promise<Median> {
  const [clock, ...boards] = await fetchAll(rpc, [CLOCK, ...sources.map((source) => source.board)]);
  const seconds = new DataView(clock!.data.buffer).getBigInt64(UNIX_TIMESTAMP, true);
  const terms = { program, nowMs: Number(seconds) * 1000, maxAgeMs: MAX_AGE_MS };
  return medianOf(sources, boards, terms, Math.floor(sources.length / 2) + 1);
}

const [url, program, market, ...authorities] = process.argv.slice(2) as [string, Address, string, ...Address[]];
const rpc = createSolanaRpc(url);
const sources = await Promise.all(authorities.map((authority) => locate(rpc, program, authority, market)));
const { twiceMid, voices } = await price(rpc, program, sources);
console.log(`${(twiceMid / 2 / 100).toFixed(3)} cents, by ${voices} of ${sources.length}`);
