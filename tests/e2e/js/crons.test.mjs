import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { client, newThread, said } from "./asking.mjs";

test("a cron is created, changed, found and deleted", async () => {
  const metadata = { mark: randomUUID() };
  const made = await client.crons.create("echo", {
    schedule: "0 9 * * *",
    timezone: "Asia/Kolkata",
    endTime: "2099-01-01T00:00:00Z",
    enabled: true,
    onRunCompleted: "keep",
    input: said("hi"),
    metadata,
    streamMode: ["values"],
  });

  assert.equal(made.next_run_date.slice(10), "T03:30:00+00:00");
  assert.deepEqual([made.on_run_completed, made.enabled], ["keep", true]);
  assert.equal(made.end_time, "2099-01-01T00:00:00+00:00");

  const changed = await client.crons.update(made.cron_id, { enabled: false, endTime: null });
  assert.deepEqual([changed.enabled, changed.end_time], [false, null]);

  const found = await client.crons.search({ metadata, enabled: false, sortBy: "next_run_date" });
  assert.deepEqual(found, [changed]);
  assert.equal(await client.crons.count({ metadata }), 1);

  await client.crons.delete(made.cron_id);
  assert.equal(await client.crons.count({ metadata }), 0);
});

test("a cron of a thread keeps the thread", async () => {
  const thread = await newThread();
  const made = await client.crons.createForThread(thread, "echo", {
    schedule: "*/5 * * * *",
    input: said("hi"),
    multitaskStrategy: "reject",
  });

  assert.deepEqual([made.thread_id, made.on_run_completed], [thread, null]);
  await client.crons.delete(made.cron_id);
});

test("what is wrong with a cron is told", async () => {
  await assert.rejects(client.crons.create("echo", { schedule: "never" }), { status: 422 });
  await assert.rejects(client.crons.delete(randomUUID()), { status: 404 });
});
