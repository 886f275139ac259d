// @solana/kit, unmodified, against a running cluster: node kit.mjs RPC_URL WS_URL
import assert from "node:assert/strict";
import {
  airdropFactory, appendTransactionMessageInstructions, assertIsTransactionWithBlockhashLifetime,
  createSolanaRpc, createSolanaRpcSubscriptions, createTransactionMessage, generateKeyPairSigner,
  getBase64EncodedWireTransaction, getSignatureFromTransaction, isSolanaError, lamports, pipe,
  sendAndConfirmTransactionFactory, setTransactionMessageFeePayerSigner, setTransactionMessageLifetimeUsingBlockhash,
  signTransactionMessageWithSigners, SOLANA_ERROR__JSON_RPC__SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE,
} from "@solana/kit";
import { getTransferSolInstruction } from "@solana-program/system";

const [, , rpcUrl, wsUrl] = process.argv;
const rpc = createSolanaRpc(rpcUrl);
const rpcSubscriptions = createSolanaRpcSubscriptions(wsUrl);
const sendAndConfirm = sendAndConfirmTransactionFactory({ rpc, rpcSubscriptions });
const payer = await generateKeyPairSigner();
const timeout = () => ({ abortSignal: AbortSignal.timeout(20_000) });

async function signed(to, amount) {
  const { value: latest } = await rpc.getLatestBlockhash({ commitment: "confirmed" }).send();
  const message = pipe(
    createTransactionMessage({ version: 0 }),
    (m) => setTransactionMessageFeePayerSigner(payer, m),
    (m) => setTransactionMessageLifetimeUsingBlockhash(latest, m),
    (m) => appendTransactionMessageInstructions(
      [getTransferSolInstruction({ source: payer, destination: to, amount: lamports(amount) })], m,
    ),
  );
  const transaction = await signTransactionMessageWithSigners(message);
  assertIsTransactionWithBlockhashLifetime(transaction);
  return transaction;
}

async function airdrop() {
  await airdropFactory({ rpc, rpcSubscriptions })({
    commitment: "confirmed", lamports: lamports(5_000_000_000n), recipientAddress: payer.address, ...timeout(),
  });
  assert.equal((await rpc.getBalance(payer.address, { commitment: "confirmed" }).send()).value, 5_000_000_000n);
}

async function transfer() {
  const to = (await generateKeyPairSigner()).address;
  const transaction = await signed(to, 1_000_000n);
  await sendAndConfirm(transaction, { commitment: "confirmed", ...timeout() });
  const { value } = await rpc.getAccountInfo(to, { commitment: "confirmed", encoding: "base64" }).send();
  assert.equal(value.lamports, 1_000_000n);
  const signature = getSignatureFromTransaction(transaction);
  const found = await rpc
    .getTransaction(signature, { commitment: "confirmed", encoding: "json", maxSupportedTransactionVersion: 0 }).send();
  assert.equal(found.meta.fee, 5_000n);
  const simulation = await rpc.simulateTransaction(getBase64EncodedWireTransaction(transaction), {
    commitment: "confirmed", encoding: "base64", replaceRecentBlockhash: true,
  }).send();
  assert.equal(simulation.value.err, null);
}

async function finalized() {
  const to = (await generateKeyPairSigner()).address;
  await sendAndConfirm(await signed(to, 3_000_000n), { commitment: "finalized", ...timeout() });
  assert.equal((await rpc.getBalance(to).send()).value, 3_000_000n);
}

async function failure() {
  const transaction = await signed((await generateKeyPairSigner()).address, 10n ** 15n);
  await assert.rejects(
    rpc.sendTransaction(getBase64EncodedWireTransaction(transaction), {
      encoding: "base64", preflightCommitment: "confirmed",
    }).send(),
    (error) => isSolanaError(error, SOLANA_ERROR__JSON_RPC__SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE),
  );
}

async function subscription() {
  const to = (await generateKeyPairSigner()).address;
  const abort = new AbortController();
  const notices = await rpcSubscriptions
    .accountNotifications(to, { commitment: "confirmed", encoding: "base64" }).subscribe({ abortSignal: abort.signal });
  const sent = sendAndConfirm(await signed(to, 2_000_000n), { commitment: "confirmed", ...timeout() });
  for await (const { value } of notices) {
    assert.equal(value.lamports, 2_000_000n);
    break;
  }
  abort.abort();
  await sent;
}

for (const step of [airdrop, transfer, failure, subscription, finalized]) await step();
console.log("ok");
process.exit(0);
