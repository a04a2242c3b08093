// A thread followed from run to run.
import assert from "node:assert/strict";
import { test } from "node:test";

import { client, newThread } from "./asking.mjs";

test("a thread's stream tells every event of its runs", async () => {
  const thread = await newThread();
  await client.runs.wait(thread, "writer", { input: { count: 2 } });

  const seen = [];
  for await (const part of client.threads.joinStream(thread, { lastEventId: "-" })) {
    seen.push(part);
    if (part.data.status === "run_done") break;
  }

  assert.equal(seen[0].event, "metadata");
  assert.ok(seen.length > 3);
  assert.ok(seen.every((part) => part.id));
});

test("a thread's stream is narrowed to its lifecycle", async () => {
  const thread = await newThread();
  await client.runs.wait(thread, "writer", { input: { count: 2 } });

  const events = [];
  const options = { lastEventId: "-", streamMode: ["lifecycle"] };
  for await (const part of client.threads.joinStream(thread, options)) {
    events.push(part.event);
    if (part.data.status === "run_done") break;
  }

  assert.deepEqual(events, ["metadata", "metadata"]);
});
