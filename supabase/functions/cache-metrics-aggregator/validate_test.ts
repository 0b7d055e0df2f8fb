import assert from "node:assert/strict";
import { MOST_METRICS, readBatch, Refused, type Row } from "./validate.ts";

const NOW = 1_790_000_000;
const GOOD = { operation_type: "hit", implementation_type: "new", timestamp: NOW };

function only(item: unknown): Row {
  const { rows, rejections } = readBatch({ metrics: [item] }, NOW);
  assert.deepEqual(rejections, []);
  return rows[0]!;
}

function refusal(item: unknown): [string, string] {
  const { rows, rejections } = readBatch({ metrics: [item] }, NOW);
  assert.deepEqual(rows, []);
  return [rejections[0]!.field, rejections[0]!.reason];
}

Deno.test("a metric is read whole", () => {
  const whole = {
    ...GOOD,
    event_id: "e1",
    response_time_ms: 1.25,
    cache_size: 7,
    similarity: 0.9,
    error_type: "Timeout",
    error_message: "two\nlines",
    metadata: { deep: [1, { a: null }] },
  };
  assert.deepEqual(only(whole), whole);
});

Deno.test("what is left out is null, and unknown fields are skipped", () => {
  const row = only({ ...GOOD, colour: "red", cache_key: "thread:42" });
  assert.equal(row.event_id, null);
  assert.deepEqual(row.metadata, {});
  assert.ok(!("colour" in row));
  assert.ok(!("cache_key" in row), "cache keys name conversations");
});

Deno.test("a bad metric is named by its place, and its neighbours are taken", () => {
  const { rows, rejections } = readBatch({ metrics: [GOOD, { ...GOOD, operation_type: "look" }, GOOD, 7] }, NOW);
  assert.equal(rows.length, 2);
  assert.deepEqual(rejections.map(({ index, field, reason }) => [index, field, reason]), [
    [1, "operation_type", "unknown_value"],
    [3, "", "wrong_type"],
  ]);
});

const WRONG: [string, Record<string, unknown>, string, string][] = [
  ["no operation", { operation_type: undefined }, "operation_type", "missing_field"],
  ["an operation that is none", { operation_type: "HIT" }, "operation_type", "unknown_value"],
  ["no implementation", { implementation_type: null }, "implementation_type", "missing_field"],
  ["an empty implementation", { implementation_type: "" }, "implementation_type", "out_of_range"],
  ["a long implementation", { implementation_type: "x".repeat(129) }, "implementation_type", "out_of_range"],
  ["a line break in a label", { implementation_type: "a\nb" }, "implementation_type", "out_of_range"],
  ["half a character in a label", { error_type: "\ud83d" }, "error_type", "out_of_range"],
  ["a number for a label", { implementation_type: 1 }, "implementation_type", "wrong_type"],
  ["a long event id", { event_id: "x".repeat(257) }, "event_id", "out_of_range"],
  ["no time", { timestamp: undefined }, "timestamp", "missing_field"],
  ["a time in words", { timestamp: "yesterday" }, "timestamp", "wrong_type"],
  ["an infinite time", { timestamp: Infinity }, "timestamp", "out_of_range"],
  ["a time of last week", { timestamp: NOW - 7 * 86_400 - 1 }, "timestamp", "out_of_range"],
  ["a time past tomorrow", { timestamp: NOW + 86_401 }, "timestamp", "out_of_range"],
  ["milliseconds for seconds", { timestamp: NOW * 1000 }, "timestamp", "out_of_range"],
  ["a negative duration", { response_time_ms: -1 }, "response_time_ms", "out_of_range"],
  ["a duration in words", { response_time_ms: "12" }, "response_time_ms", "wrong_type"],
  ["a broken size", { cache_size: 1.5 }, "cache_size", "wrong_type"],
  ["a size past all counting", { cache_size: 1e300 }, "cache_size", "out_of_range"],
  ["a similarity over 1", { similarity: 1.01 }, "similarity", "out_of_range"],
  ["metadata that are a list", { metadata: [] }, "metadata", "wrong_type"],
  ["endless metadata", { metadata: { a: "x".repeat(20_000) } }, "metadata", "out_of_range"],
  ["a NUL in metadata", { metadata: { a: "\0" } }, "metadata", "encoding"],
  ["half a character in metadata", { metadata: { "\ud83d": 1 } }, "metadata", "encoding"],
];
for (const [what, fields, field, reason] of WRONG) {
  Deno.test(`${what} is refused`, () => assert.deepEqual(refusal({ ...GOOD, ...fields }), [field, reason]));
}

Deno.test("a backslash before what looks like an escape is text", () => {
  assert.deepEqual(only({ ...GOOD, metadata: { a: "\\u0000 \\ud83d" } }).metadata, { a: "\\u0000 \\ud83d" });
});

Deno.test("a label of any language is taken", () => {
  assert.equal(only({ ...GOOD, implementation_type: "neu 新 🚀" }).implementation_type, "neu 新 🚀");
  assert.ok(only({ ...GOOD, implementation_type: "🚀".repeat(128) }));
});

Deno.test("messages are cut, and lose what PostgreSQL cannot hold", () => {
  const row = only({ ...GOOD, error_message: "a\0b\ud83d" + "x".repeat(5000) });
  assert.ok(row.error_message!.startsWith("a\ufffdb\ufffdx"));
  assert.equal(row.error_message!.length, 4000);
});

Deno.test("times in ISO 8601 keep their microseconds, and are UTC without a zone", () => {
  const now = Date.parse("2026-09-21T12:00:00Z") / 1000;
  const read = (timestamp: string) => readBatch({ metrics: [{ ...GOOD, timestamp }] }, now).rows[0]?.timestamp;
  assert.equal(read("2026-09-21T11:00:00"), now - 3600);
  assert.equal(read("2026-09-21 11:00:00.123456"), now - 3600 + 0.123456);
  assert.equal(read("2026-09-21T17:30:00.5+05:30"), now + 0.5);
  assert.equal(read("2026-09-21"), undefined);
  assert.equal(read("2026-13-21T11:00:00Z"), undefined);
});

for (const body of [null, [], "metrics", {}, { metrics: {} }, { metrics: "x" }, { metrics: [], batch_id: 7 }]) {
  Deno.test(`${JSON.stringify(body)} is no batch`, () => assert.throws(() => readBatch(body, NOW), Refused));
}

Deno.test("a batch of too many is refused as a whole", () => {
  const most = Array(MOST_METRICS).fill(GOOD);
  assert.equal(readBatch({ metrics: most }, NOW).rows.length, MOST_METRICS);
  assert.throws(() => readBatch({ metrics: [...most, GOOD] }, NOW), { reason: "too_many" });
});
