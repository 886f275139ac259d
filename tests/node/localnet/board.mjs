// Reads a board with @solana/web3.js alone and prints what it says: node board.mjs RPC_URL ADDRESS
import { Connection, PublicKey } from "@solana/web3.js";

const [, , url, address] = process.argv;
const account = await new Connection(url, "confirmed").getAccountInfo(new PublicKey(address));
const { data } = account;
if (data.toString("latin1", 0, 8) !== "board\0\0\u0001") throw new Error("no board");
const key = (at) => new PublicKey(data.subarray(at, at + 32)).toBase58();
console.log(JSON.stringify({
  owner: account.owner.toBase58(),
  authority: key(8),
  publisher: key(72),
  capacity: data.readUInt32LE(136),
  length: data.readUInt32LE(140),
  name: data.toString("utf8", 176, 192).replace(/\0+$/, ""),
}));
