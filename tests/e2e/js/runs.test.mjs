import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { all, client, lastText, newThread, said, tokens, WEATHER, WEATHER_ANSWER } from "./asking.mjs";

let thread;
beforeEach(async () => {
  thread = await newThread();
});

test("an agent streams its tokens", async () => {
  let created;
  const parts = await all(
    client.runs.stream(thread, "react_agent", {
      input: said(WEATHER),
      streamMode: ["messages-tuple", "values", "updates"],
      onRunCreated: (run) => (created = run),
    }),
  );

  assert.deepEqual(created, { run_id: parts[0].data.run_id, thread_id: thread });
  const words = tokens(parts).map((chunk) => chunk.content);
  assert.ok(words.length > 5);
  assert.equal(words.join(""), WEATHER_ANSWER);
  const updates = parts.filter((part) => part.event === "updates");
  assert.deepEqual(updates.map((part) => Object.keys(part.data)[0]), ["agent", "tools", "agent"]);
  assert.equal(lastText(parts.findLast((part) => part.event === "values").data), WEATHER_ANSWER);
});

test("subgraphs stream under their names", async () => {
  const parts = await all(
    client.runs.stream(thread, "parent", {
      input: said("x"),
      streamMode: "updates",
      streamSubgraphs: true,
    }),
  );

  assert.ok(parts.some((part) => part.event.startsWith("updates|sub:")));
});

test("a stateless run streams", async () => {
  let created;
  const parts = await all(
    client.runs.stream(null, "react_agent", {
      input: said(WEATHER),
      streamMode: "messages-tuple",
      onRunCreated: (run) => (created = run),
    }),
  );

  assert.equal(created.run_id, parts[0].data.run_id);
  assert.equal(tokens(parts).map((chunk) => chunk.content).join(""), WEATHER_ANSWER);
});

test("an agent asks, and goes on when it is answered", async () => {
  const asked = await all(
    client.runs.stream(thread, "react_agent_hitl", { input: said(WEATHER), streamMode: "updates" }),
  );
  const [question] = asked.at(-1).data.__interrupt__;
  assert.equal(question.value[0].action_request.action, "weather");
  assert.equal((await client.threads.get(thread)).status, "interrupted");

  const answered = await client.runs.wait(thread, "react_agent_hitl", {
    command: { resume: [{ type: "accept" }] },
  });

  assert.equal(lastText(answered), WEATHER_ANSWER);
});

test("a run is joined late from its start", async () => {
  const run = await client.runs.create(thread, "react_agent", {
    input: said(WEATHER),
    streamMode: ["messages-tuple"],
  });
  const values = await client.runs.join(thread, run.run_id);

  const parts = await all(client.runs.joinStream(thread, run.run_id, { lastEventId: "-1" }));

  assert.equal(lastText(values), WEATHER_ANSWER);
  assert.equal(tokens(parts).map((chunk) => chunk.content).join(""), WEATHER_ANSWER);
});

test("a joined stream has the modes asked for", async () => {
  const run = await client.runs.create(thread, "react_agent", {
    input: said(WEATHER),
    streamMode: ["messages-tuple", "updates", "values"],
  });

  const parts = await all(
    client.runs.joinStream(thread, run.run_id, { lastEventId: "-1", streamMode: ["updates", "values"] }),
  );

  assert.deepEqual(new Set(parts.map((part) => part.event)), new Set(["metadata", "updates", "values"]));
});

test("a run is cancelled", async () => {
  const run = await client.runs.create(thread, "sleeper", { input: { seconds: 30 } });

  await client.runs.cancel(thread, run.run_id, true);

  assert.equal((await client.runs.get(thread, run.run_id)).status, "interrupted");
});

test("a client that leaves cancels its run", async () => {
  const leaving = new AbortController();
  const stream = client.runs.stream(thread, "tokens", {
    input: { delay_seconds: 0.05 },
    streamMode: "messages-tuple",
    onDisconnect: "cancel",
    signal: leaving.signal,
  });
  for await (const part of stream) if (part.event === "messages") leaving.abort();

  const [run] = await client.runs.list(thread);
  await client.runs.join(thread, run.run_id);
  assert.equal((await client.runs.get(thread, run.run_id)).status, "interrupted");
});

test("runs are listed and deleted", async () => {
  await client.runs.wait(thread, "echo", { input: said("a") });
  await client.runs.wait(thread, "echo", { input: said("b") });
  const runs = await client.runs.list(thread, { status: "success", select: ["run_id"] });
  assert.deepEqual(runs.map(Object.keys), [["run_id"], ["run_id"]]);

  await client.runs.delete(thread, runs[0].run_id);

  assert.deepEqual(await client.runs.list(thread, { select: ["run_id"] }), [runs[1]]);
});

test("the error of a graph is raised", async () => {
  await assert.rejects(client.runs.wait(thread, "boom", { input: said("x") }), /ValueError: kaput/);
  const parts = await all(client.runs.stream(thread, "boom", { input: said("x") }));
  assert.deepEqual(parts.at(-1).data, { error: "ValueError", message: "kaput" });
});

test("tracing elsewhere is no matter", async () => {
  const values = await client.runs.wait(thread, "echo", {
    input: said("x"),
    _langsmithTracer: { projectName: "p", exampleId: "e" },
  });

  assert.equal(lastText(values), "x");
});

test("a busy thread refuses a second run", async () => {
  const run = await client.runs.create(thread, "sleeper", { input: { seconds: 30 } });

  const second = client.runs.create(thread, "sleeper", { input: {}, multitaskStrategy: "reject" });

  await assert.rejects(second, { status: 409 });
  await client.runs.cancel(thread, run.run_id, true);
});
