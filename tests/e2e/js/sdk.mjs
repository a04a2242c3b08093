// What the SDK offers, and what it sends, as JSON: `node sdk.mjs methods`, or `node sdk.mjs requests` with calls on stdin.
// Names are written as the Python SDK writes them: getState as get_state.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Client } from "@langchain/langgraph-sdk";
import ts from "typescript";

const CLIENTS = ["assistants", "threads", "runs", "crons", "store"];
// Arguments that are an object of arguments.
const BAGS = ["options", "payload", "query"];
const OF_EVERY_REQUEST = ["accept", "cache-control", "content-type"];
// Enough of an answer for each method to go on with.
const ANSWER = JSON.stringify({ items: [], namespaces: [] });

const snake = (name) => name.replace(/^_/, "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Return `[[method, signatures], …]`, each signature a list of arguments: `{name, isRequired, inside?}`. */
function declared() {
  const main = createRequire(import.meta.url).resolve("@langchain/langgraph-sdk/client");
  const file = join(dirname(main), "client", "index.d.ts");
  const program = ts.createProgram([file], { skipLibCheck: true, noEmit: true, strict: true });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
  const client = checker.getDeclaredTypeOfSymbol(exported.find((each) => each.name === "Client"));

  const typeOf = (symbol) => checker.getTypeOfSymbolAtLocation(symbol, source);
  const isOptional = (symbol) =>
    Boolean(symbol.flags & ts.SymbolFlags.Optional) || Boolean(symbol.valueDeclaration?.questionToken);
  const members = (symbol) =>
    [typeOf(symbol).getNonNullableType()]
      .flatMap((type) => (type.isUnion() ? type.types : [type]))
      .filter((type) => type.symbol?.name !== "AbortSignal")
      .flatMap((type) => checker.getPropertiesOfType(type))
      .map((each) => ({ name: each.name, isRequired: !isOptional(each) }));
  const argument = (symbol) => ({
    name: symbol.name,
    isRequired: !isOptional(symbol),
    ...(BAGS.includes(symbol.name) && { inside: members(symbol) }),
  });

  return CLIENTS.flatMap((name) => {
    const type = typeOf(client.getProperty(name));
    return checker
      .getPropertiesOfType(type)
      .map((method) => [method.name, typeOf(method).getCallSignatures()])
      .filter(([method, signatures]) => signatures.length && isOwn(name, method))
      .map(([method, signatures]) => [
        `${name}.${method}`,
        signatures.map((signature) => signature.getParameters().map(argument)),
      ]);
  });
}

const client = new Client({
  apiUrl: "http://server",
  apiKey: null,
  callerOptions: { fetch: answered, maxRetries: 0 },
});

/** Tell the methods of a client from what all clients have within. */
function isOwn(name, method) {
  return Object.hasOwn(Object.getPrototypeOf(client[name]), method);
}

/** Return `{method: {parameter: isRequired}}`; what only some signatures require is not required. */
function methods() {
  return Object.fromEntries(
    declared().map(([method, signatures]) => {
      const flat = signatures.map((each) => each.flatMap((argument) => argument.inside ?? argument));
      const names = new Set(flat.flat().map((each) => each.name));
      const isRequired = (name) =>
        flat.every((each) => each.some((argument) => argument.name === name && argument.isRequired));
      return [snake(method), Object.fromEntries([...names].map((name) => [snake(name), isRequired(name)]))];
    }),
  );
}

let sent;

async function answered(url, init) {
  const { method, headers, body } = new Request(url, init);
  const { pathname, searchParams } = new URL(url);
  const isStream = pathname.endsWith("/stream");
  sent ??= {
    verb: method,
    path: decodeURIComponent(pathname),
    query: Object.fromEntries([...searchParams.keys()].map((key) => [key, searchParams.getAll(key)])),
    headers: Object.fromEntries([...headers].filter(([name]) => !OF_EVERY_REQUEST.includes(name))),
    body: body && JSON.parse(init.body),
  };
  const type = isStream ? "text/event-stream" : "application/json";
  return new Response(isStream ? "event: end\ndata: null\n\n" : ANSWER, { headers: { "content-type": type } });
}

async function requests(calls) {
  const signatures = Object.fromEntries(declared().map(([method, found]) => [snake(method), [method, found.at(-1)]]));
  const found = [];
  for (const { method, arguments: given } of calls) {
    const [name, signature] = signatures[method];
    sent = undefined;
    await called(name, signature.map((each) => valueOf(each, given)));
    found.push(sent);
  }
  return found;
}

function valueOf({ name, inside }, given) {
  if (name === "onRunCreated") return () => {};
  if (!inside) return given[snake(name)];
  const names = inside.map((each) => each.name).filter((each) => snake(each) in given);
  return Object.fromEntries(names.map((each) => [each, valueOf({ name: each }, given)]));
}

async function called(name, values) {
  const [group, method] = name.split(".");
  const answer = client[group][method](...values);
  if (!answer[Symbol.asyncIterator]) return answer;
  for await (const _ of answer);
}

const [what] = process.argv.slice(2);
const told = what === "methods" ? methods() : await requests(JSON.parse(readFileSync(0, "utf8")));
process.stdout.write(JSON.stringify(told));
