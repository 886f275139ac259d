/** Little-endian bytes and base58 for the generated client. Which field is where, `oracle.ts` knows. */
import type { AccountMeta, Address } from "@solana/kit";

/** What every builder returns; an `Instruction` of @solana/kit. */
export interface BuiltInstruction {
  readonly programAddress: Address;
  readonly accounts: readonly AccountMeta[];
  readonly data: Uint8Array;
}

/** `AccountRole` of @solana/kit by value, so that the client runs without it. */
export const Role = { readonly: 0, writable: 1, signer: 2, writableSigner: 3 } as const;

const KEY_LEN = 32;
const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

export function toBase58(key: Uint8Array): Address {
  const first = key.findIndex((byte) => byte !== 0);
  const zeros = first < 0 ? key.length : first;
  let value = key.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let digits = "";
  for (; value > 0n; value /= 58n) digits = ALPHABET.charAt(Number(value % 58n)) + digits;
  return ("1".repeat(zeros) + digits) as Address;
}

/** Throws for anything but the base58 of 32 bytes. */
export function fromBase58(address: Address): Uint8Array {
  const digits = [...address].map((letter) => ALPHABET.indexOf(letter));
  let value = digits.reduce((sum, digit) => sum * 58n + BigInt(digit), 0n);
  const key = new Uint8Array(KEY_LEN);
  for (let at = KEY_LEN - 1; at >= 0; at -= 1, value /= 256n) key[at] = Number(value & 255n);
  if (digits.includes(-1) || value !== 0n || toBase58(key) !== address) {
    throw new RangeError(`${address} is not an address: it must be 32 bytes in base58.`);
  }
  return key;
}

/** Reads fields one after the other; throws a RangeError at the end of the bytes. */
export class Reader {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A Reader behind the discriminator. Throws for an account of another kind. */
  static of(kind: string, discriminator: readonly number[], data: Uint8Array): Reader {
    if (discriminator.some((byte, at) => data[at] !== byte)) {
      throw new TypeError(`The account is no ${kind} of this program version, or was closed; check its address.`);
    }
    const reader = new Reader(data);
    reader.skip(discriminator.length);
    return reader;
  }

  u8 = (): number => this.#view.getUint8(this.#pass(1));
  u16 = (): number => this.#view.getUint16(this.#pass(2), true);
  u32 = (): number => this.#view.getUint32(this.#pass(4), true);
  u64 = (): bigint => this.#view.getBigUint64(this.#pass(8), true);
  pubkey = (): Address => toBase58(this.bytes(KEY_LEN));

  /** A copy. */
  bytes(count: number): Uint8Array {
    const start = this.#view.byteOffset + this.#pass(count);
    return new Uint8Array(this.#view.buffer.slice(start, start + count) as ArrayBuffer);
  }

  array<T>(count: number, read: (reader: Reader) => T): T[] {
    return Array.from({ length: count }, () => read(this));
  }

  skip(count: number): void {
    this.#pass(count);
  }

  #pass(count: number): number {
    const at = this.#at;
    if (at + count > this.#view.byteLength) {
      throw new RangeError(`The data ends at byte ${this.#view.byteLength}; read the whole account.`);
    }
    this.#at += count;
    return at;
  }
}

/** Collects fields; throws a RangeError for a value that does not fit its field. */
export class Writer {
  readonly #bytes: number[] = [];

  u8 = (value: number): this => this.#integer(BigInt(value), 1);
  u16 = (value: number): this => this.#integer(BigInt(value), 2);
  u32 = (value: number): this => this.#integer(BigInt(value), 4);
  u64 = (value: bigint): this => this.#integer(value, 8);
  pubkey = (value: Address): this => this.rest(fromBase58(value));

  bytes(value: Uint8Array, count: number): this {
    if (value.length !== count) throw new RangeError(`${value.length} bytes stand where ${count} belong.`);
    return this.rest(value);
  }

  rest(value: Uint8Array): this {
    this.#bytes.push(...value);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #integer(value: bigint, length: number): this {
    if (BigInt.asUintN(8 * length, value) !== value) {
      throw new RangeError(`${value} does not fit an unsigned integer of ${length} bytes.`);
    }
    for (let at = 0; at < length; at += 1) this.#bytes.push(Number((value >> BigInt(8 * at)) & 255n));
    return this;
  }
}
