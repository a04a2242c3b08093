// Streams that break or fall silent, and are opened again where Location says.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "@langchain/langgraph-sdk";

import { all, apiUrl, newThread } from "./asking.mjs";

/** A client that counts its requests, and whose first stream breaks after so many bytes. */
function breaking(bytes) {
  const asked = [];
  const fetching = async (url, init) => {
    asked.push(init.method ?? "GET");
    const response = await fetch(url, init);
    const isFirst = asked.length === 1 && bytes !== undefined;
    return isFirst ? new Response(response.body.pipeThrough(cut(bytes)), response) : response;
  };
  return [new Client({ apiUrl, apiKey: null, callerOptions: { fetch: fetching } }), asked];
}

function cut(bytes) {
  let left = bytes;
  return new TransformStream({
    async transform(chunk, controller) {
      controller.enqueue(chunk.subarray(0, left));
      left -= chunk.length;
      if (left >= 0) return;
      // An error overtakes what has not been read yet.
      await new Promise((resolve) => setTimeout(resolve, 100));
      controller.error(new TypeError("terminated"));
    },
  });
}

test("a broken stream goes on where it was", async () => {
  const [client, asked] = breaking(300);
  const thread = await newThread();

  const parts = await all(
    client.runs.stream(thread, "writer", {
      input: { count: 8 },
      streamMode: "custom",
      streamResumable: true,
    }),
  );

  const written = parts.filter((part) => part.event === "custom").map((part) => part.data.n);
  assert.deepEqual(written, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(asked.slice(0, 2), ["POST", "GET"]);
});

test("a silent stream is opened again", async () => {
  const [client, asked] = breaking();
  const thread = await newThread();

  const parts = await all(
    client.runs.stream(thread, "sleeper", {
      input: { seconds: 3 },
      streamMode: "values",
      streamResumable: true,
      streamIdleReconnect: 500,
    }),
  );

  assert.equal(parts.at(-1).data.done, true);
  assert.ok(asked.length > 1, `asked ${asked}`);
});
