import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { client, lastText, newThread, said } from "./asking.mjs";

test("assistants are found, drawn and described", async () => {
  const [assistant] = await client.assistants.search({ graphId: "react_agent" });

  assert.equal(assistant.metadata.created_by, "system");
  assert.deepEqual(await client.assistants.get(assistant.assistant_id), assistant);
  const drawn = await client.assistants.getGraph(assistant.assistant_id, { xray: true });
  assert.ok(drawn.nodes.some((node) => node.id === "tools"));
  const schemas = await client.assistants.getSchemas(assistant.assistant_id);
  assert.ok(schemas.input_schema.properties.messages);
  assert.ok(schemas.context_schema.properties.system_prompt);
});

test("an assistant is created, updated, counted and deleted", async () => {
  const metadata = { mark: randomUUID() };
  const made = await client.assistants.create({ graphId: "echo", name: "Parrot", metadata });
  const updated = await client.assistants.update(made.assistant_id, { name: "Cockatoo" });

  assert.deepEqual([updated.name, updated.version, updated.graph_id], ["Cockatoo", 2, "echo"]);
  assert.equal(await client.assistants.count({ metadata }), 1);
  const found = await client.assistants.search({ metadata, includePagination: true });
  assert.deepEqual([found.assistants, found.next], [[updated], null]);

  await client.assistants.delete(made.assistant_id);
  await assert.rejects(client.assistants.get(made.assistant_id), { status: 404 });
});

test("threads are searched and counted", async () => {
  const metadata = { mark: randomUUID() };
  const made = await client.threads.create({ metadata, graphId: "echo" });

  const found = await client.threads.search({ metadata, status: "idle", sortBy: "created_at" });
  const slim = await client.threads.search({ metadata, select: ["thread_id"] });

  assert.deepEqual(found, [made]);
  assert.deepEqual(slim, [{ thread_id: made.thread_id }]);
  assert.equal(await client.threads.count({ metadata }), 1);
  const updated = await client.threads.update(made.thread_id, { metadata: { more: 1 } });
  assert.deepEqual(updated.metadata, { ...metadata, graph_id: "echo", more: 1 });
  await client.threads.delete(made.thread_id);
  await assert.rejects(client.threads.get(made.thread_id), { status: 404 });
});

test("an id is taken once", async () => {
  const threadId = randomUUID();
  const made = await client.threads.create({ threadId });

  assert.deepEqual(await client.threads.create({ threadId, ifExists: "do_nothing" }), made);
  await assert.rejects(client.threads.create({ threadId }), { status: 409 });
});

test("a thread's state is read, updated and forked", async () => {
  const thread = await newThread();
  await client.runs.wait(thread, "echo", { input: said("one") });
  const first = await client.threads.getState(thread);
  await client.threads.updateState(thread, { values: said("two"), asNode: "echo" });

  const history = await client.threads.getHistory(thread, { limit: 2 });
  assert.deepEqual(history.map((state) => lastText(state.values)), ["two", "one"]);
  assert.deepEqual(history[0].parent_checkpoint, first.checkpoint);
  const past = await client.threads.getState(thread, first.checkpoint.checkpoint_id);
  assert.deepEqual(past.values, first.values);
  const forked = await client.runs.wait(thread, "echo", {
    input: said("other"),
    checkpoint: first.checkpoint,
  });
  assert.deepEqual(forked.messages.map((message) => message.content), ["one", "one", "other", "other"]);
});

test("the store keeps, finds and forgets", async () => {
  const namespace = ["js", randomUUID()];
  await client.store.putItem(namespace, "k", { n: 1 });

  const item = await client.store.getItem(namespace, "k");
  assert.deepEqual([item.namespace, item.value], [namespace, { n: 1 }]);
  assert.ok(item.createdAt);
  const { items } = await client.store.searchItems(namespace, { filter: { n: 1 } });
  assert.deepEqual(items.map((each) => each.key), ["k"]);
  const { namespaces } = await client.store.listNamespaces({ prefix: namespace });
  assert.deepEqual(namespaces, [namespace]);

  await client.store.deleteItem(namespace, "k");
  assert.deepEqual((await client.store.searchItems(namespace)).items, []);
});

test("a thread is made with a history, copied, extracted from and pruned", async () => {
  const update = (values, asNode) => ({ updates: [{ values, asNode }] });
  const one = { messages: [{ role: "user", content: "one" }] };
  const yes = { messages: [{ role: "assistant", content: "yes" }] };
  const made = await client.threads.create({
    graphId: "echo",
    ttl: 90,
    supersteps: [update(one, "__input__"), update(one, "__start__"), update(yes, "echo")],
  });
  const copy = await client.threads.copy(made.thread_id);
  const ids = [made.thread_id, copy.thread_id];

  const found = await client.threads.search({
    ids,
    select: ["thread_id"],
    extract: { last: "values.messages[-1].content" },
  });

  assert.deepEqual(copy.values, made.values);
  assert.deepEqual(found.map((thread) => thread.extracted), [{ last: "yes" }, { last: "yes" }]);
  assert.deepEqual(await client.threads.prune(ids, { strategy: "keep_latest" }), { pruned_count: 2 });
  assert.equal((await client.threads.getHistory(made.thread_id)).length, 1);
  assert.deepEqual(await client.threads.prune(ids), { pruned_count: 2 });
  await assert.rejects(client.threads.get(made.thread_id), { status: 404 });
});
