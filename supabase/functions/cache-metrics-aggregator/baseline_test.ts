import assert from "node:assert/strict";
import { compare, type Finding, type Metric, type Recent } from "./baseline.ts";

const BASELINE = { implementation: "new", hitRate: 80, responseMs: 20, errorRate: 0.5 };
const USUAL: Recent = { operations: 1000, hits: 800, misses: 200, errors: 5, timed: 1000, totalMs: 20_000 };

function find(metric: Metric, recent: Partial<Recent>, baseline = BASELINE): Finding | undefined {
  return compare({ ...USUAL, ...recent }, baseline).find((finding) => finding.metric === metric);
}

Deno.test("what is usual is within every limit", () => {
  assert.deepEqual(compare(USUAL, BASELINE).map(({ metric, state }) => [metric, state]), [
    ["hit_rate", "within"],
    ["avg_response_time_ms", "within"],
    ["error_rate", "within"],
  ]);
});

const CASES: [Metric, Partial<Recent>, Finding["state"], Finding["severity"], Finding["category"]][] = [
  ["hit_rate", { hits: 735, misses: 265 }, "neither", "warning", "performance"],
  ["hit_rate", { hits: 720, misses: 280 }, "neither", "warning", "performance"],
  ["hit_rate", { hits: 719, misses: 281 }, "over", "warning", "performance"],
  ["hit_rate", { hits: 600, misses: 400 }, "over", "critical", "performance"],
  ["hit_rate", { hits: 950, misses: 50 }, "over", "info", "anomaly"],
  ["avg_response_time_ms", { totalMs: 25_000 }, "neither", "warning", "performance"],
  ["avg_response_time_ms", { totalMs: 25_100 }, "over", "warning", "performance"],
  ["avg_response_time_ms", { totalMs: 31_000 }, "over", "critical", "performance"],
  ["avg_response_time_ms", { totalMs: 10_000 }, "over", "info", "anomaly"],
  ["error_rate", { errors: 10 }, "neither", "warning", "reliability"],
  ["error_rate", { errors: 11 }, "over", "warning", "reliability"],
  ["error_rate", { errors: 51 }, "over", "critical", "reliability"],
];
for (const [metric, recent, state, severity, category] of CASES) {
  Deno.test(`${metric} of ${JSON.stringify(recent)} is ${state} its limit, ${severity}`, () => {
    const finding = find(metric, recent)!;
    assert.deepEqual([finding.state, finding.severity, finding.category], [state, severity, category]);
    assert.ok(finding.title && finding.recommendation);
  });
}

Deno.test("too few operations tell nothing", () => {
  assert.deepEqual(compare({ operations: 29, hits: 0, misses: 29, errors: 9, timed: 29, totalMs: 9e9 }, BASELINE), []);
});

Deno.test("a baseline of zero is no measure", () => {
  const nothing = { ...BASELINE, hitRate: 0, responseMs: 0, errorRate: 0 };
  assert.deepEqual(compare(USUAL, nothing).map(({ metric }) => metric), ["error_rate"]);
  assert.equal(find("error_rate", {}, nothing)!.deviation, null);
});
