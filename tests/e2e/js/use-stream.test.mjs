// The hook that chat front ends are built on, without a browser.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Window } from "happy-dom";

// React looks for a page when it is loaded.
const window = new Window();
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: false });
globalThis.navigator ??= window.navigator;
const { createElement, useEffect } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useStream } = await import("@langchain/langgraph-sdk/react");
const { apiUrl, client, said, WEATHER, WEATHER_ANSWER } = await import("./asking.mjs");

let shown;
let root;

beforeEach(() => {
  window.sessionStorage.clear();
  root = createRoot(window.document.createElement("div"));
});

afterEach(() => root.unmount());

/** Show a component that uses the hook; `shown` is what it last put on the page. */
function show(assistantId, options = {}) {
  function Chat() {
    const stream = useStream({ apiUrl, assistantId, fetchStateHistory: true, ...options });
    // The hook asks the server for messages once they have been read.
    stream.messages.length;
    // What React renders it may throw away, and the hook has effects of its own: a message sent
    // before they have run is aborted by them. No human is that quick.
    useEffect(() => {
      shown = stream;
    });
    return null;
  }
  shown = undefined;
  root.render(createElement(Chat));
  return until(() => shown?.submit && !shown.isThreadLoading);
}

async function until(isSo, milliseconds = 10_000) {
  const deadline = Date.now() + milliseconds;
  while (!isSo()) {
    const { messages, isLoading, error } = shown ?? {};
    const seen = JSON.stringify({ messages, isLoading, error });
    assert.ok(Date.now() < deadline, `not so in time: ${isSo}; seen: ${seen}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const done = () => until(() => !shown.isLoading);
const lastSaid = () => shown.messages.at(-1)?.content;

test("a message arrives token by token", async () => {
  const lengths = new Set();
  let threadId;
  await show("tokens", { onThreadId: (id) => (threadId = id) });

  shown.submit({ ...said("go"), count: 30, delay_seconds: 0.02 });
  await until(() => {
    if (shown.messages.length === 2) lengths.add(lastSaid().length);
    return shown.messages.length === 2 && !shown.isLoading;
  });

  assert.ok(lengths.size > 5, `seen at ${[...lengths]} characters`);
  assert.equal(lastSaid().split(" ").length, 31);
  assert.equal((await client.threads.get(threadId)).status, "idle");
});

test("an agent asks and is answered", async () => {
  await show("react_agent_hitl");
  shown.submit(said(WEATHER));
  await until(() => shown.interrupt);
  await done();
  assert.equal(shown.interrupt.value[0].action_request.action, "weather");

  shown.submit(undefined, { command: { resume: [{ type: "accept" }] } });
  await until(() => lastSaid() === WEATHER_ANSWER);
  await done();

  assert.deepEqual(shown.messages.map((each) => each.type), ["human", "ai", "tool", "ai"]);
  assert.equal(shown.interrupt, undefined);
});

test("stop cancels the run", async () => {
  let run;
  await show("tokens", { onCreated: (created) => (run = created) });
  shown.submit({ ...said("go"), delay_seconds: 0.05 });
  await until(() => shown.messages.length > 1);

  await shown.stop();

  await client.runs.join(run.thread_id, run.run_id);
  assert.equal((await client.runs.get(run.thread_id, run.run_id)).status, "interrupted");
  assert.equal(shown.isLoading, false);
});

test("a page that is opened again rejoins its run", async () => {
  let threadId;
  const options = { reconnectOnMount: true, onThreadId: (id) => (threadId = id) };
  await show("tokens", options);
  shown.submit({ ...said("go"), count: 40, delay_seconds: 0.02 });
  await until(() => shown.messages.length > 1);
  root.unmount();

  root = createRoot(window.document.createElement("div"));
  await show("tokens", { ...options, threadId });
  await until(() => shown.messages.length > 1 && !shown.isLoading);

  assert.equal(lastSaid().split(" ").length, 41);
  assert.equal((await client.runs.list(threadId))[0].status, "success");
});

test("an edited message starts a branch", async () => {
  await show("echo");
  shown.submit(said("first"));
  await until(() => shown.messages.length === 2);
  await done();

  const [message] = shown.messages;
  const checkpoint = shown.getMessagesMetadata(message).firstSeenState.parent_checkpoint;
  shown.submit(said("edited"), { checkpoint });
  await until(() => lastSaid() === "edited");
  await done();

  assert.deepEqual(shown.messages.map((each) => each.content), ["edited", "edited"]);
  assert.equal(shown.getMessagesMetadata(shown.messages[0]).branchOptions.length, 2);
});

test("the error of a graph is shown", async () => {
  await show("boom");
  shown.submit(said("x"));
  await until(() => shown.error);

  assert.match(String(shown.error), /kaput/);
});
