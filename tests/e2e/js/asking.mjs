// Short words for the suites: the client, what a human says, and what comes back.
import { Client } from "@langchain/langgraph-sdk";

export const apiUrl = process.env.AEGRA_URL;
export const client = new Client({ apiUrl, apiKey: null });

export const WEATHER = "What is the weather in Paris?";
export const WEATHER_ANSWER = "The weather tool says: It is 8 °C and windy in Paris.";

export const said = (content) => ({ messages: [{ type: "human", content }] });

export const lastText = (values) => values.messages.at(-1).content;

export async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

export const tokens = (parts) =>
  parts
    .filter((part) => part.event === "messages")
    .map((part) => part.data[0])
    .filter((chunk) => chunk.type === "AIMessageChunk" && chunk.content);

export async function newThread() {
  return (await client.threads.create()).thread_id;
}
