// What tests/node asks of the client: call its functions by name with the arguments of a job file, print what they give.
import { readFileSync } from "node:fs";
import { type Address, getProgramDerivedAddress, type Instruction } from "@solana/kit";

import * as oracle from "./oracle.js";
import * as reader from "./reader.js";

interface Job {
  program: Address;
  attest: { accounts: Parameters<typeof oracle.attest>[1]; args: Parameters<typeof oracle.attest>[2] };
  calls: { name: string; args: unknown[] }[];
}

/** JSON holds bytes as {hex} and a u64 as {u64}. */
function revive(_: string, value: { hex?: unknown; u64?: unknown } | null): unknown {
  if (typeof value?.hex === "string") return Uint8Array.from(Buffer.from(value.hex, "hex"));
  return typeof value?.u64 === "string" ? BigInt(value.u64) : value;
}

function plain(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  return typeof value === "bigint" ? { u64: value.toString() } : value;
}

async function call(programAddress: Address, name: string, args: unknown[]): Promise<unknown> {
  const act = ({ ...oracle, ...reader } as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
  try {
    const made = act!(...args);
    if (!name.endsWith("Seeds")) return made;
    return (await getProgramDerivedAddress({ programAddress, seeds: made as Uint8Array[] }))[0];
  } catch (error) {
    return error instanceof reader.Refused ? { refusal: error.reason, message: error.message } : String(error);
  }
}

const { program, attest, calls }: Job = JSON.parse(readFileSync(process.argv[2]!, "utf8"), revive);
// Typed as kit's own: the compiler is the test.
const vote: Instruction = oracle.attest(program, attest.accounts, attest.args);
const results = await Promise.all(calls.map(({ name, args }) => call(program, name, args)));
console.log(JSON.stringify({ attest: vote, results, errors: oracle.ERRORS }, plain));
