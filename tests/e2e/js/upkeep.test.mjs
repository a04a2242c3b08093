// Versions, copies, batches: what few clients call, and each must find.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { client, lastText, newThread, said } from "./asking.mjs";

async function spoken() {
  const thread = await newThread();
  await client.runs.wait(thread, "echo", { input: said("one") });
  await client.runs.wait(thread, "echo", { input: said("two") });
  return thread;
}

test("an older version is made the latest", async () => {
  const made = await client.assistants.create({ graphId: "context", context: { tone: "warm" } });
  await client.assistants.update(made.assistant_id, { context: { tone: "cold" } });

  const versions = await client.assistants.getVersions(made.assistant_id);
  const page = await client.assistants.getVersions(made.assistant_id, { limit: 1, offset: 1 });
  const latest = await client.assistants.setLatest(made.assistant_id, 1);

  assert.deepEqual(versions.map((each) => each.version), [2, 1]);
  assert.deepEqual(page, [versions[1]]);
  assert.deepEqual([latest.version, latest.context], [1, { tone: "warm" }]);
});

test("subgraphs are described", async () => {
  const found = await client.assistants.getSubgraphs("parent", { recurse: true });
  const named = await client.assistants.getSubgraphs("parent", { namespace: "sub" });

  assert.deepEqual([Object.keys(found), Object.keys(named)], [["sub"], ["sub"]]);
  assert.ok(found.sub.input_schema.properties.messages);
});

test("the threads of an assistant go with it", async () => {
  const made = await client.assistants.create({ graphId: "echo" });
  const thread = await newThread();
  await client.runs.wait(thread, made.assistant_id, { input: said("one") });

  await client.assistants.delete(made.assistant_id, { deleteThreads: true });

  await assert.rejects(client.threads.get(thread), { status: 404 });
});

test("a thread is copied and pruned", async () => {
  const thread = await spoken();
  const copy = await client.threads.copy(thread);

  const thinned = await client.threads.prune([thread], { strategy: "keep_latest" });
  const gone = await client.threads.prune([copy.thread_id]);

  assert.deepEqual([thinned, gone], [{ pruned_count: 1 }, { pruned_count: 1 }]);
  assert.equal(lastText(copy.values), "two");
  assert.equal((await client.threads.getHistory(thread)).length, 1);
  await assert.rejects(client.threads.get(copy.thread_id), { status: 404 });
});

test("a history is imported", async () => {
  const supersteps = ["one", "two"].map((word) => ({ updates: [{ values: said(word), asNode: "echo" }] }));

  const made = await client.threads.create({ graphId: "echo", supersteps });

  const history = await client.threads.getHistory(made.thread_id);
  assert.deepEqual(history.map((state) => lastText(state.values)), ["two", "one"]);
});

test("a thread is told when to go", async () => {
  const { thread_id: thread } = await client.threads.create({ ttl: 60 });

  const nothing = await client.threads.update(thread, { ttl: 90, returnMinimal: true });

  const { ttl } = await client.threads.get(thread, { include: ["ttl"] });
  assert.deepEqual([nothing, ttl.strategy, ttl.ttl_minutes], [undefined, "delete", 90]);
});

test("parts of a thread and of its state are read", async () => {
  const thread = await spoken();

  const [found] = await client.threads.search({
    ids: [thread],
    extract: { last: "values.messages[-1].content" },
    select: ["thread_id"],
  });
  const state = await client.threads.getState(thread, undefined, { select: ["next"] });
  const history = await client.threads.getHistory(thread, { select: ["next"], limit: 1 });

  assert.deepEqual(found, { thread_id: thread, extracted: { last: "two" } });
  assert.deepEqual([state, history], [{ next: [] }, [{ next: [] }]]);
});

test("a state is not patched", async () => {
  await assert.rejects(client.threads.patchState(await newThread(), { more: 1 }), { status: 405 });
});

test("a batch of runs is created", async () => {
  // The SDK sends the members of a payload as they are: in the server's spelling.
  const payloads = ["one", "two"].map((word) => ({
    assistantId: "echo",
    input: said(word),
    on_completion: "keep",
  }));

  const runs = await client.runs.createBatch(payloads);

  const values = await Promise.all(runs.map((run) => client.runs.join(run.thread_id, run.run_id)));
  assert.deepEqual(values.map(lastText), ["one", "two"]);
});

test("many runs are cancelled at once", async () => {
  const thread = await newThread();
  const input = { seconds: 30 };
  const runs = [];
  for (let i = 0; i < 2; i++) runs.push(await client.runs.create(thread, "sleeper", { input }));

  await client.runs.cancelMany({ threadId: thread, runIds: runs.map((run) => run.run_id) });

  await client.runs.join(thread, runs[0].run_id);
  const statuses = (await client.runs.list(thread)).map((run) => run.status);
  assert.deepEqual(statuses, ["interrupted", "interrupted"]);
});

test("items expire, and say what of them is indexed", async () => {
  const namespace = ["js", randomUUID()];
  await client.store.putItem(namespace, "k", { text: "tea" }, { ttl: 60, index: ["text"] });

  const item = await client.store.getItem(namespace, "k", { refreshTtl: true });
  const { items } = await client.store.searchItems(namespace, { query: "tea", refreshTtl: false });

  assert.deepEqual(item.value, { text: "tea" });
  assert.deepEqual(items.map((each) => each.key), ["k"]);
});
