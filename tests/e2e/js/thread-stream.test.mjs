// A thread followed from run to run.
import assert from "node:assert/strict";
import { test } from "node:test";

import { client, newThread } from "./asking.mjs";

/** What is told up to the end of a run; the stream itself never ends. */
async function untilDone(thread, options) {
  const leaving = new AbortController();
  const seen = [];
  const parts = client.threads.joinStream(thread, { ...options, signal: leaving.signal });
  for await (const part of parts) {
    seen.push(part);
    if (part.data.status === "run_done") break;
  }
  leaving.abort();
  return seen;
}

test("a thread's stream tells every event of its runs", async () => {
  const thread = await newThread();
  await client.runs.wait(thread, "writer", { input: { count: 2 } });

  const seen = await untilDone(thread, { lastEventId: "-" });

  assert.equal(seen[0].event, "metadata");
  assert.ok(seen.length > 3);
  assert.ok(seen.every((part) => part.id));
});

test("a thread's stream is narrowed to its lifecycle", async () => {
  const thread = await newThread();
  await client.runs.wait(thread, "writer", { input: { count: 2 } });

  const seen = await untilDone(thread, { lastEventId: "-", streamMode: ["lifecycle"] });

  assert.deepEqual(
    seen.map((part) => part.event),
    ["metadata", "metadata"],
  );
});
