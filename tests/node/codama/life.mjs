// A board and a question, from nothing but the Codama IDL and kit: node life.mjs RPC_URL WS_URL IDL PROGRAM SPEC
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createProgramClient } from "@codama/dynamic-client";
import { getNodeCodec } from "@codama/dynamic-codecs";
import {
  address, airdropFactory, appendTransactionMessageInstructions, assertIsTransactionWithBlockhashLifetime,
  createSolanaRpc, createSolanaRpcSubscriptions, createTransactionMessage, generateKeyPairSigner, getAddressDecoder, lamports, pipe,
  sendAndConfirmTransactionFactory, setTransactionMessageFeePayerSigner, setTransactionMessageLifetimeUsingBlockhash,
  signTransactionMessageWithSigners,
} from "@solana/kit";

const [, , rpcUrl, wsUrl, idl, program, spec] = process.argv;
const rpc = createSolanaRpc(rpcUrl);
const rpcSubscriptions = createSolanaRpcSubscriptions(wsUrl);
const confirm = sendAndConfirmTransactionFactory({ rpc, rpcSubscriptions });
const timeout = () => ({ abortSignal: AbortSignal.timeout(20_000) });
const { methods, pdas, root } = createProgramClient(readFileSync(idl, "utf8"), { programId: program });
const me = await generateKeyPairSigner(); // authority, publisher, creator, member: all in one here

async function send(call) {
  const { value: latest } = await rpc.getLatestBlockhash({ commitment: "confirmed" }).send();
  const transaction = await signTransactionMessageWithSigners(pipe(
    createTransactionMessage({ version: 0 }),
    (message) => setTransactionMessageFeePayerSigner(me, message),
    (message) => setTransactionMessageLifetimeUsingBlockhash(latest, message),
    (message) => appendTransactionMessageInstructions([call], message),
  ));
  assertIsTransactionWithBlockhashLifetime(transaction);
  await confirm(transaction, { commitment: "confirmed", ...timeout() });
}

async function decoded(kind, at) {
  const { value } = await rpc.getAccountInfo(at, { commitment: "confirmed", encoding: "base64" }).send();
  const node = root.program.accounts.find(({ name }) => name === kind);
  const codec = getNodeCodec([root, root.program, node], { bytesEncoding: "base16" });
  return { address: at, ...codec.decode(Buffer.from(value.data[0], "base64")) };
}

const sha256 = (text) => createHash("sha256").update(text).digest();
await airdropFactory({ rpc, rpcSubscriptions })({
  commitment: "confirmed", lamports: lamports(5_000_000_000n), recipientAddress: me.address, ...timeout(),
});

const [board] = await pdas.board({ authority: me.address, index: 0 });
const [ids] = await pdas.ids({ board });
const name = Buffer.from("codama".padEnd(16, "\0"));
await send(await methods.initBoard({ index: 0, capacity: 4, publisher: me.address, name })
  .accounts({ authority: me.address }).instruction());
await send(await methods.listFeeds({ feeds: ["a", "b"].map((feed, index) => ({ index, id: sha256(feed) })) })
  .accounts({ authority: me.address, board, ids }).instruction());
const prices = { bid: 6900, ask: 7100, last: 7000, status: 2, size: 9 };
const entries = [{ ...prices, index: 1, age: 0 }, { ...prices, bid: 100, index: 0, age: 100 }];
await send(await methods.publish({ count: entries.length, epoch: 1, baseMs: BigInt(Date.now()), entries })
  .accounts({ publisher: me.address, board }).instruction());

const [committee] = await pdas.committee({ creator: me.address, index: 0 });
const rules = { index: 0, threshold: 1, challengeS: 60, safetyS: 60, reward: 0n };
const generic = { pnpProgram: address("1".repeat(32)), metadataProgram: program, members: [me.address] };
await send(await methods.initCommittee({ ...rules, ...generic }).accounts({ creator: me.address }).instruction());
const market = getAddressDecoder().decode(sha256(spec)); // a generic question's market is its spec's hash
const [resolution] = await pdas.resolution({ committee, market });
await send(await methods.open({ deposit: 1_000n, market, spec: Buffer.from(spec) })
  .accounts({ opener: me.address, committee, market: null, extension: null }).instruction());
await send(await methods.attest({ outcome: 2, evidenceHash: sha256("evidence") })
  .accounts({ member: me.address, committee, resolution }).instruction());

const found = [await decoded("board", board), await decoded("ids", ids), await decoded("resolution", resolution)];
console.log(JSON.stringify(found, (_, value) => (typeof value === "bigint" ? value.toString() : value)));
process.exit(0);
