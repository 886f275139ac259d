/**
 * Reads prices off boards and answers off resolutions, as strictly as the Rust crate in `deploy/program/reader`.
 *
 * An account is believed only for what it can prove: its owner, its address, its authority, the age of its price.
 * Fetching accounts (all in one call, so that they are of one moment) and the cluster's time are the caller's business.
 */
import type { Address } from "@solana/kit";

import { type Board, decodeBoard, decodeIds, decodeResolution, type Resolution, type Slot } from "./oracle.js";

export const MAX_SOURCES = 16;

/** Why there is no price. Checked in this order; the first that applies is told. */
export type Refusal =
  | "WrongBoard"
  | "WrongOwner"
  | "NotABoard"
  | "WrongAuthority"
  | "BadIndex"
  | "Gone"
  | "NoPrice"
  | "Stale"
  | "NotTrading"
  | "OneSided"
  | "TooManySources"
  | "NoQuorum"
  | "Unlisted";

/** Why there is no answer, likewise. */
export type Unanswered =
  | "WrongOwner"
  | "NotAResolution"
  | "WrongCommittee"
  | "WrongMarket"
  | "WrongSpec"
  | "Undecided"
  | "Contradicted";

/** No price, or no answer, from the accounts as they are now. */
export class Refused extends Error {
  readonly reason: Refusal | Unanswered;

  constructor(what: string, reason: Refusal | Unanswered) {
    super(`${what}: ${reason}.`);
    this.name = "Refused";
    this.reason = reason;
  }
}

/** An account as an RPC node hands it over. */
export interface Account {
  readonly address: Address;
  readonly owner: Address;
  readonly data: Uint8Array;
}

/** On what terms a price is believed: `program` is the oracle program, `nowMs` the cluster's time. */
export interface Terms {
  readonly program: Address;
  readonly nowMs: number;
  readonly maxAgeMs: number;
}

/**
 * One publisher's word on one market. The index means something on this one board alone; the generation is that of the
 * slot when the reader found its market there: a slot given to another market is another source.
 */
export interface Source {
  readonly authority: Address;
  readonly board: Address;
  readonly index: number;
  readonly generation: number;
}

/** Bid plus ask, in centi-cents, of an even number of voices the lower of the middle two; authorities that had a price. */
export interface Median {
  readonly twiceMid: number;
  readonly voices: number;
}

/** What was asked, and of whom: a market's name alone is not the question, the SHA-256 of the spec is. */
export interface Question {
  readonly committee: Address;
  readonly market: Address;
  readonly specHash: Uint8Array;
}

const ACTIVE = 2;
const RETIRED = 9;
const PRICE_MAX = 10_000;
const [SETTLED, SETTLED_ELSEWHERE, CONTRADICTED] = [1, 2, 3];
const [YES, NO] = [1, 2];

/** The slot, whatever its age and status. Throws Refused. */
export function slot(source: Source, account: Account, program: Address): Slot {
  const refuse = refusing(source);
  if (account.address !== source.board) throw refuse("WrongBoard");
  const board = boardOf(account, program);
  if (board.authority !== source.authority) throw refuse("WrongAuthority");
  const found = board.slots[source.index];
  if (found === undefined) throw refuse("BadIndex");
  if (found.status === RETIRED || found.generation !== source.generation) throw refuse("Gone");
  return found;
}

/** The slot of a market that trades, for which its publisher vouches within the age asked for. Throws Refused. */
export function price(source: Source, account: Account, terms: Terms): Slot {
  const refuse = refusing(source);
  const found = slot(source, account, terms.program);
  if (found.asOfMs === 0n) throw refuse("NoPrice");
  // Not `>=`: without a number to compare with nothing is fresh.
  if (!(Number(found.asOfMs) >= terms.nowMs - terms.maxAgeMs)) throw refuse("Stale");
  if (found.status !== ACTIVE) throw refuse("NotTrading");
  return found;
}

/** Bid plus ask of such a slot: twice the middle, in centi-cents. Throws Refused. */
export function twiceMid(source: Source, account: Account, terms: Terms): number {
  return bothSides(source, price(source, account, terms));
}

/**
 * The median over the sources whose boards are among `accounts` and have a price.
 *
 * Nothing else counts and nothing else refuses. Of one authority's several boards the newest price counts, of equally
 * new ones the lower. With at most f dishonest authorities a quorum of 2 f + 1 keeps the median between honest prices,
 * whatever accounts are passed. Throws Refused below `quorum` authorities and above `MAX_SOURCES` sources.
 */
export function medianOf(
  sources: readonly Source[],
  accounts: readonly Account[],
  terms: Terms,
  quorum: number,
): Median {
  if (sources.length > MAX_SOURCES) throw new Refused("The median", "TooManySources");
  const voices = new Map<Address, Voice>();
  for (const source of sources) {
    for (const account of accounts) {
      const voice = heard(source, account, terms);
      const other = voices.get(source.authority);
      if (voice !== undefined && (other === undefined || outranks(voice, other))) voices.set(source.authority, voice);
    }
  }
  const prices = [...voices.values()].map((voice) => voice.twiceMid).sort((a, b) => a - b);
  const middle = prices[Math.floor((prices.length - 1) / 2)];
  if (middle === undefined || !(prices.length >= quorum)) throw new Refused("The median", "NoQuorum");
  return { twiceMid: middle, voices: prices.length };
}

/**
 * Index and generation of the slot that carries a feed now; of several the one of the newest price, then the first.
 * `id` is the SHA-256 of `venue:market`, `ids` the account at the address of `idsSeeds(board.address)`. Throws Refused.
 */
export function find(
  board: Account,
  ids: Account,
  program: Address,
  id: Uint8Array,
): { index: number; generation: number } {
  const { slots } = boardOf(board, program);
  if (ids.owner !== program) throw new Refused(`Account ${ids.address}`, "WrongOwner");
  const { feeds } = decoded(ids, "NotABoard", (data) => decodeIds(data, slots.length));
  const live = slots
    .map((one, index) => ({ index, generation: one.generation, asOfMs: one.asOfMs, status: one.status }))
    .filter(({ index, status }) => status !== RETIRED && same(feeds[index]!.id, id))
    .sort((a, b) => Number(b.asOfMs - a.asOfMs) || a.index - b.index);
  if (live[0] === undefined) throw new Refused(`Board ${board.address}`, "Unlisted");
  const { index, generation } = live[0];
  return { index, generation };
}

/** The committee's answer to exactly this question: whether it is yes. Throws Refused. */
export function answer(account: Account, program: Address, question: Question): boolean {
  const what = `Resolution ${account.address}`;
  if (account.owner !== program) throw new Refused(what, "WrongOwner");
  const found: Resolution = decoded(account, "NotAResolution", decodeResolution);
  if (found.committee !== question.committee) throw new Refused(what, "WrongCommittee");
  if (found.market !== question.market) throw new Refused(what, "WrongMarket");
  if (!same(found.specHash, question.specHash)) throw new Refused(what, "WrongSpec");
  if (found.state === CONTRADICTED) throw new Refused(what, "Contradicted");
  const decided = found.state === SETTLED || found.state === SETTLED_ELSEWHERE;
  if (!decided || (found.winner !== YES && found.winner !== NO)) throw new Refused(what, "Undecided");
  return found.winner === YES;
}

/** What one authority says. */
interface Voice {
  readonly asOfMs: bigint;
  readonly twiceMid: number;
}

function heard(source: Source, account: Account, terms: Terms): Voice | undefined {
  try {
    const found = price(source, account, terms);
    return { asOfMs: found.asOfMs, twiceMid: bothSides(source, found) };
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

function bothSides(source: Source, { bid, ask }: Slot): number {
  if (bid === 0 || ask >= PRICE_MAX) throw refusing(source)("OneSided");
  return bid + ask;
}

function outranks(voice: Voice, other: Voice): boolean {
  return voice.asOfMs === other.asOfMs ? voice.twiceMid < other.twiceMid : voice.asOfMs > other.asOfMs;
}

function refusing(source: Source): (reason: Refusal) => Refused {
  return (reason) => new Refused(`Board ${source.board}, slot ${source.index}`, reason);
}

function boardOf(account: Account, program: Address): Board {
  if (account.owner !== program) throw new Refused(`Account ${account.address}`, "WrongOwner");
  return decoded(account, "NotABoard", decodeBoard);
}

/** What the generated decoders throw says the same: these bytes are nothing of that kind. */
function decoded<T>(account: Account, reason: Refusal | Unanswered, decode: (data: Uint8Array) => T): T {
  try {
    return decode(account.data);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new Refused(`Account ${account.address}`, reason);
    }
    throw error;
  }
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
