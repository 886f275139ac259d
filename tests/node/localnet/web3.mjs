// @solana/web3.js, unmodified, against a running cluster: node web3.mjs RPC_URL WS_URL [expiry]
import assert from "node:assert/strict";
import {
  AddressLookupTableProgram, Connection, Keypair, LAMPORTS_PER_SOL, PublicKey, SendTransactionError, SystemProgram,
  SYSVAR_CLOCK_PUBKEY, Transaction, TransactionExpiredBlockheightExceededError, TransactionMessage,
  VersionedTransaction, sendAndConfirmTransaction,
} from "@solana/web3.js";
import bs58 from "bs58";

const [, , rpcUrl, wsUrl, withExpiry] = process.argv;
const connection = new Connection(rpcUrl, { commitment: "confirmed", wsEndpoint: wsUrl });
const payer = Keypair.generate();
const transfer = (to, lamports = 1_000_000) =>
  SystemProgram.transfer({ fromPubkey: payer.publicKey, toPubkey: to, lamports });

async function until(holds) {
  for (let tries = 0; tries < 500; tries++) {
    const value = await holds();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it did not come to pass");
}

async function airdrop() {
  const signature = await connection.requestAirdrop(payer.publicKey, 10 * LAMPORTS_PER_SOL);
  const latest = await connection.getLatestBlockhash();
  const { value } = await connection.confirmTransaction({ signature, ...latest }, "confirmed");
  assert.equal(value.err, null);
  assert.equal(await connection.getBalance(payer.publicKey), 10 * LAMPORTS_PER_SOL);
}

async function legacyTransfer() {
  const to = Keypair.generate().publicKey;
  const signature = await sendAndConfirmTransaction(connection, new Transaction().add(transfer(to)), [payer]);
  assert.equal((await connection.getAccountInfo(to)).lamports, 1_000_000);
  const found = await connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 });
  assert.equal(found.meta.fee, 5_000);
  assert.equal(found.version, "legacy");
  const parsed = await connection.getParsedTransaction(signature, { maxSupportedTransactionVersion: 0 });
  assert.ok(parsed.transaction.message.accountKeys[0].signer);
  assert.deepEqual((await connection.getSignaturesForAddress(to)).map((one) => one.signature), [signature]);
  const { value } = await connection.getSignatureStatuses([signature]);
  assert.ok(["confirmed", "finalized"].includes(value[0].confirmationStatus));
  const block = await connection.getBlock(found.slot, { maxSupportedTransactionVersion: 0 });
  assert.ok(block.transactions.some((one) => one.transaction.signatures[0] === signature));
}

async function versioned(instructions, tables = []) {
  const { blockhash, lastValidBlockHeight } = await connection.getLatestBlockhash();
  const message = new TransactionMessage({ payerKey: payer.publicKey, recentBlockhash: blockhash, instructions });
  const transaction = new VersionedTransaction(message.compileToV0Message(tables));
  transaction.sign([payer]);
  return { transaction, blockhash, lastValidBlockHeight };
}

async function sendVersioned(instructions, tables) {
  const { transaction, ...lifetime } = await versioned(instructions, tables);
  const signature = await connection.sendTransaction(transaction);
  const { value } = await connection.confirmTransaction({ signature, ...lifetime });
  assert.equal(value.err, null);
  return signature;
}

async function lookupTable() {
  const recentSlot = await connection.getSlot("confirmed");
  const to = Keypair.generate().publicKey;
  const [create, table] = AddressLookupTableProgram.createLookupTable({
    authority: payer.publicKey, payer: payer.publicKey, recentSlot,
  });
  const extend = AddressLookupTableProgram.extendLookupTable({
    lookupTable: table, authority: payer.publicKey, payer: payer.publicKey, addresses: [to],
  });
  await sendVersioned([create, extend]);
  const extended = await connection.getSlot();
  await until(async () => (await connection.getSlot()) > extended);
  const { value } = await connection.getAddressLookupTable(table);
  assert.deepEqual(value.state.addresses.map(String), [String(to)]);
  const signature = await sendVersioned([transfer(to)], [value]);
  const found = await connection.getTransaction(signature, { maxSupportedTransactionVersion: 0 });
  assert.deepEqual(found.meta.loadedAddresses.writable.map(String), [String(to)]);
  assert.equal(await connection.getBalance(to), 1_000_000);
}

async function failures() {
  const { transaction } = await versioned([transfer(Keypair.generate().publicKey, 1e15)]);
  const { value } = await connection.simulateTransaction(transaction);
  assert.deepEqual(value.err, { InstructionError: [0, { Custom: 1 }] });
  await assert.rejects(connection.sendTransaction(transaction), (error) => {
    assert.ok(error instanceof SendTransactionError);
    assert.match(error.message, /custom program error: 0x1/);
    assert.ok(error.logs.length > 0);
    return true;
  });
}

async function expiry() {
  const { transaction, ...lifetime } = await versioned([transfer(Keypair.generate().publicKey)]);
  const signature = await sendVersioned([transfer(payer.publicKey)]);
  await until(async () => (await connection.getBlockHeight()) > lifetime.lastValidBlockHeight);
  assert.equal((await connection.isBlockhashValid(lifetime.blockhash)).value, false);
  await assert.rejects(connection.sendTransaction(transaction), /Blockhash not found/);
  const never = bs58.encode(transaction.signatures[0]);
  await assert.rejects(
    connection.confirmTransaction({ signature: never, ...lifetime }), TransactionExpiredBlockheightExceededError,
  );
  assert.equal((await connection.getSignatureStatus(signature)).value.err, null);
}

async function subscriptions() {
  const to = Keypair.generate().publicKey;
  const heard = { account: 0, logs: 0, slots: 0, program: 0 };
  const ids = [
    connection.onAccountChange(to, (account) => { heard.account = account.lamports; }),
    connection.onLogs(to, () => heard.logs++),
    connection.onProgramAccountChange(SystemProgram.programId, ({ accountId }) => {
      if (accountId.equals(to)) heard.program++;
    }),
  ];
  const slots = connection.onSlotChange(() => heard.slots++);
  await until(() => heard.slots);
  await sendVersioned([transfer(to, 2_000_000)]);
  await until(() => heard.account === 2_000_000 && heard.logs && heard.program);
  await connection.removeAccountChangeListener(ids[0]);
  await connection.removeOnLogsListener(ids[1]);
  await connection.removeProgramAccountChangeListener(ids[2]);
  await connection.removeSlotChangeListener(slots);
}

async function facts() {
  assert.ok((await connection.getVersion())["solana-core"]);
  assert.ok((await connection.getEpochInfo()).slotsInEpoch > 0);
  assert.ok((await connection.getGenesisHash()).length > 30);
  assert.ok((await connection.getMinimumBalanceForRentExemption(0)) > 0);
  assert.ok((await connection.getBlockTime(await connection.getSlot())) > 0);
  assert.equal((await connection.getMultipleAccountsInfo([payer.publicKey, SYSVAR_CLOCK_PUBKEY])).length, 2);
  assert.ok(Array.isArray(await connection.getRecentPrioritizationFees()));
  const { transaction } = await versioned([transfer(payer.publicKey)]);
  assert.equal((await connection.getFeeForMessage(transaction.message)).value, 5_000);
}

const steps = [airdrop, legacyTransfer, lookupTable, failures, subscriptions, facts];
if (withExpiry) steps.push(expiry); // lasts 150 blocks
for (const step of steps) await step();
console.log("ok");
process.exit(0);
