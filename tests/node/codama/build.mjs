// Codama's own client over our IDL: builds the instructions that a file names: node build.mjs IDL JOB
import { readFileSync } from "node:fs";
import { createProgramClient } from "@codama/dynamic-client";

/** JSON holds bytes as {hex} and a u64 as {u64}. */
function revive(_, value) {
  if (typeof value?.hex === "string") return Uint8Array.from(Buffer.from(value.hex, "hex"));
  return typeof value?.u64 === "string" ? BigInt(value.u64) : value;
}

const [, , idl, path] = process.argv;
const { program, calls } = JSON.parse(readFileSync(path, "utf8"), revive);
const client = createProgramClient(readFileSync(idl, "utf8"), { programId: program });
const built = await Promise.all(
  calls.map(({ name, accounts, args }) => client.methods[name](args).accounts(accounts).instruction()),
);
console.log(JSON.stringify(built.map(({ programAddress, accounts, data }) => (
  { programAddress, accounts, data: { hex: Buffer.from(data).toString("hex") } }
))));
