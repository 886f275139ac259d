// Anchor's standard coder over the two IDLs: decode what the file names, build what it asks for, print the results.
import { readFileSync } from "node:fs";
import { BorshCoder } from "@coral-xyz/anchor";
import BN from "bn.js";

/** JSON holds a u64 as {u64}. */
const revive = (_, value) => (typeof value?.u64 === "string" ? new BN(value.u64) : value);
const job = JSON.parse(readFileSync(process.argv[2], "utf8"), revive);
const plain = (value) => {
  if (value === null || typeof value !== "object") return value;
  if (value.toBase58) return value.toBase58();
  if (value.toArray) return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
};
const coders = Object.fromEntries(Object.entries(job.idls).map(([name, idl]) => [name, new BorshCoder(idl)]));
console.log(
  JSON.stringify({
    accounts: job.accounts.map(({ idl, type, data }) =>
      plain(coders[idl].accounts.decode(type, Buffer.from(data, "base64"))),
    ),
    events: job.events.map(({ idl, data }) => plain(coders[idl].events.decode(data))),
    // What follows behind the arguments is encoded element by element.
    instructions: job.instructions.map(({ idl, name, args, element, tail }) => {
      const elements = (tail ?? []).map((one) => coders[idl].types.encode(element, one));
      return Buffer.concat([coders[idl].instruction.encode(name, args), ...elements]).toString("hex");
    }),
  }),
);
