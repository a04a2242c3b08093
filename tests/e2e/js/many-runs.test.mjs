// Batches, cancelling many, and strict resume.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { client, lastText, newThread, said } from "./asking.mjs";

let thread;
beforeEach(async () => {
  thread = await newThread();
});

test("a batch is created in order, each option obeyed", async () => {
  const words = ["a", "b"];

  const runs = await client.runs.createBatch(
    words.map((word) => ({ assistantId: "echo", input: said(word), onCompletion: "keep" })),
  );

  for (const [index, run] of runs.entries()) {
    assert.equal(lastText(await client.runs.join(run.thread_id, run.run_id)), words[index]);
  }
});

test("a bad run of a batch is named", async () => {
  await assert.rejects(
    client.runs.createBatch([{ assistantId: "echo" }, { assistantId: "nonesuch" }]),
    /item 1: /,
  );
});

test("many runs are cancelled", async () => {
  const runs = [];
  for (let index = 0; index < 2; index += 1) {
    runs.push(await client.runs.create(thread, "sleeper", { input: { seconds: 30 } }));
  }
  const runIds = runs.map((run) => run.run_id);

  await client.runs.cancelMany({ threadId: thread, runIds });

  for (const runId of runIds) {
    await client.runs.join(thread, runId);
    assert.equal((await client.runs.get(thread, runId)).status, "interrupted");
  }
  await assert.rejects(client.runs.cancelMany({ threadId: thread, runIds }), /No runs found/);
});

test("an answer that nobody asked for is refused", async () => {
  await client.runs.wait(thread, "ask", { input: said("x") });
  const command = { resume: { ["0".repeat(32)]: "x" } };

  await assert.rejects(
    client.runs.wait(thread, "ask", { command, strictResume: true }),
    /UnknownInterruptError/,
  );

  assert.equal((await client.threads.get(thread)).status, "interrupted");
});

test("runs are listed by status, with the fields asked for", async () => {
  await client.runs.wait(thread, "echo", { input: said("x") });

  const runs = await client.runs.list(thread, { status: "success", select: ["run_id", "status"] });

  assert.deepEqual(runs.map((run) => Object.keys(run).sort()), [["run_id", "status"]]);
  assert.deepEqual(await client.runs.list(thread, { status: "error" }), []);
});
