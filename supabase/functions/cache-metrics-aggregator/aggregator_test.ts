/** Against a PostgreSQL that has the schema: EXAI_DATABASE_URL is of a login in the service role. */

import assert from "node:assert/strict";
import { aggregator, type Answer, MOST_BYTES } from "./answer.ts";
import { readSettings } from "./settings.ts";
import { connect, type Reply } from "./store.ts";

const KEY = "sb_secret_0123456789abcdefghijklmnop";
const databaseUrl = Deno.env.get("EXAI_DATABASE_URL")!;
const now = Math.floor(Date.now() / 1000);
const minute = now - now % 60 - 120;

type Metric = Record<string, unknown>;

function metrics(implementation_type: string, count: number, make: (n: number) => Metric = () => ({})): Metric[] {
  return Array.from({ length: count }, (_, n) => ({
    operation_type: "hit",
    implementation_type,
    timestamp: minute + n % 60,
    event_id: crypto.randomUUID(),
    response_time_ms: n + 1,
    ...make(n),
  }));
}

function post(body: unknown, headers: Record<string, string> = {}): Request {
  return new Request("http://edge/cache-metrics-aggregator", {
    method: "POST",
    headers: { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

interface World {
  answer: Answer;
  sql: ReturnType<typeof connect>;
  logged: string[];
}

function test(name: string, body: (world: World) => Promise<void>, url = databaseUrl, poolSize = 3): void {
  Deno.test(name, async () => {
    const settings = { databaseUrl: url, poolSize, serviceKey: KEY, jwtSecret: undefined };
    const sql = connect(settings);
    const logged: string[] = [];
    const answer = aggregator(settings, sql, (event, detail) => logged.push(JSON.stringify([event, detail])));
    try {
      await body({ answer, sql, logged });
    } finally {
      await sql.end({ timeout: 1 });
    }
  });
}

async function take({ answer }: World, body: unknown): Promise<Reply> {
  const response = await answer(post(body));
  assert.equal(response.status, 200, await response.clone().text());
  return await response.json();
}

async function minutesOf({ sql }: World, implementation: string) {
  return await sql`
    select total_operations::int as operations, hits::int, misses::int, sets::int, evictions::int, errors::int,
      p50_response_time_ms as p50, p95_response_time_ms as p95, p99_response_time_ms as p99, hit_rate::float8
    from cache_metrics_1min where implementation_type = ${implementation} order by minute_window`;
}

test("a batch becomes rows and the minutes of its rows", async (world) => {
  const operations = ["hit", "hit", "miss", "set", "evict", "error"];
  const batch = metrics("whole", 120, (n) => ({ operation_type: operations[n % 6], similarity: 0.5, metadata: { n } }));
  assert.deepEqual(await take(world, { batch_id: "whole", metrics: batch }), {
    accepted: 120,
    repeated: 0,
    rejected: 0,
    errors: [],
    observations: 0,
  });
  const rows = await world.sql`
    select event_id, extract(epoch from timestamp)::float8 as at, response_time_ms as ms, (metadata ->> 'n')::int as n
    from cache_metrics where implementation_type = 'whole' order by n`;
  assert.deepEqual(
    rows.map(({ event_id, at, ms, n }) => [event_id, at, ms, n]),
    batch.map(({ event_id, timestamp, response_time_ms }, n) => [event_id, timestamp, response_time_ms, n]),
  );
  assert.deepEqual([...await minutesOf(world, "whole")], [
    {
      operations: 120,
      hits: 40,
      misses: 20,
      sets: 20,
      evictions: 20,
      errors: 20,
      p50: 60,
      p95: 114,
      p99: 119,
      hit_rate: 66.67,
    },
  ]);
});

test("times keep their microseconds", async (world) => {
  await take(world, { metrics: metrics("micro", 1, () => ({ timestamp: minute + 0.123457 })) });
  const [row] = await world.sql`select timestamp::text as at from cache_metrics where implementation_type = 'micro'`;
  assert.match(row!.at, /\.123457/);
});

test("no secret in a message becomes part of a row", async (world) => {
  const error_message = "401: Incorrect API key sk-abcdefghijkl, password='a b c', redis://:hunter2@cache/0";
  await take(world, { metrics: metrics("secret", 1, () => ({ operation_type: "error", error_message })) });
  const [row] = await world.sql`select error_message from cache_metrics where implementation_type = 'secret'`;
  assert.equal(row!.error_message, "401: Incorrect API key ***, password=***, redis://:***@cache/0");
});

test("a bad metric is named, and the others are stored", async (world) => {
  const [good, bad] = metrics("partly", 2);
  const reply = await take(world, { metrics: [{ ...bad, operation_type: "look" }, good] });
  assert.deepEqual([reply.accepted, reply.rejected, reply.errors[0]!.index], [1, 1, 0]);
  assert.deepEqual((await minutesOf(world, "partly")).map(({ operations }) => operations), [1]);
});

test("nothing good is a bad request", async ({ answer }) => {
  const response = await answer(post({ metrics: [{}] }));
  assert.equal(response.status, 400);
  assert.equal((await response.json()).rejected, 1);
});

test("a batch that is repeated writes nothing and gets the same reply", async (world) => {
  const batch = { batch_id: "twice", metrics: metrics("twice", 10, () => ({ event_id: null })) };
  const replies = await Promise.all([take(world, batch), take(world, batch), take(world, batch)]);
  for (const reply of replies) assert.deepEqual(reply, replies[0]);
  assert.deepEqual((await minutesOf(world, "twice")).map(({ operations }) => operations), [10]);
});

test("without an id the body itself is the batch's name", async (world) => {
  const batch = { metrics: metrics("nameless", 10, () => ({ event_id: undefined })) };
  await take(world, batch);
  await take(world, batch);
  assert.deepEqual((await minutesOf(world, "nameless")).map(({ operations }) => operations), [10]);
});

test("another body under the same id is refused", async (world) => {
  await take(world, { batch_id: "reused", metrics: metrics("reused", 1) });
  const response = await world.answer(post({ batch_id: "reused", metrics: metrics("reused", 2) }));
  assert.equal(response.status, 422);
  assert.equal((await response.json()).reason, "key_reused");
});

test("an id is free again after 24 hours", async (world) => {
  await take(world, { batch_id: "old", metrics: metrics("old", 1) });
  await world
    .sql`update monitoring.received_batches set received_at = now() - interval '25 hours' where batch_id = 'old'`;
  await take(world, { batch_id: "old", metrics: metrics("old", 2) });
  assert.deepEqual((await minutesOf(world, "old")).map(({ operations }) => operations), [3]);
});

test("an event that comes in two batches counts once", async (world) => {
  const events = metrics("again", 10);
  await take(world, { batch_id: "again-1", metrics: events.slice(0, 6) });
  const reply = await take(world, { batch_id: "again-2", metrics: events.slice(3) });
  assert.deepEqual([reply.accepted, reply.repeated], [7, 3]);
  assert.deepEqual((await minutesOf(world, "again")).map(({ operations }) => operations), [10]);
});

test("batches at the same time add up", async (world) => {
  const batches = Array.from({ length: 20 }, (_, b) => metrics("crowd", 50, (n) => ({ response_time_ms: b * 50 + n })));
  await Promise.all(batches.map((batch) => take(world, { metrics: batch })));
  const [row] = await minutesOf(world, "crowd");
  assert.deepEqual([row!.operations, row!.p50, row!.p95, row!.p99], [1000, 499, 949, 989]);
});

test("what cannot be a batch is answered by its kind", async ({ answer, logged }) => {
  const status = async (request: Request) => (await answer(request)).status;
  assert.equal(await status(new Request("http://edge/", { method: "GET" })), 405);
  assert.equal(await status(post({}, { Authorization: "" })), 403);
  assert.equal(await status(post({}, { "Content-Type": "text/plain" })), 415);
  assert.equal(await status(post("{")), 400);
  assert.equal(await status(post({ metrics: 7 })), 400);
  assert.equal(await status(post("x".repeat(MOST_BYTES + 1))), 413);
  assert.equal(await status(post({ metrics: Array(1001).fill({}) })), 413);
  assert.deepEqual(logged, []);
});

function traffic(implementation: string, at: number, hits: number, ms: number, errors = 0): Metric[] {
  return metrics(implementation, 200, (n) => ({
    operation_type: n < errors ? "error" : n < errors + hits ? "hit" : "miss",
    timestamp: at + n % 60,
    response_time_ms: ms,
  }));
}

async function baseline({ sql }: World, implementation: string): Promise<void> {
  await sql`
    insert into cache_baseline_metrics (implementation_type, baseline_period_start, baseline_period_end, baseline_hit_rate,
      baseline_avg_response_time_ms, baseline_p95_response_time_ms, baseline_error_rate, sample_size)
    values (${implementation}, now() - interval '14 days', now(), 80, 20, 40, 0.5, 10000)`;
}

async function observationsOf({ sql }: World, implementation: string) {
  return await sql`
    select metric_name as metric, severity, category, resolved_at is null as open, metric_value::float8 as value,
      baseline_value::float8 as normal, deviation_percentage::float8 as deviation, implementation_type,
      extract(epoch from started_at)::float8 as started, length(recommendation) > 20 as recommends, description
    from cache_auditor_observations where subject = ${implementation} order by metric_name, started_at`;
}

test("a deviation is observed once, and resolved when it is over", async (world) => {
  await baseline(world, "ill");
  const first = minute - 1800;
  assert.equal((await take(world, { metrics: traffic("ill", first, 160, 20) })).observations, 0);
  assert.equal((await take(world, { metrics: traffic("ill", first + 600, 96, 60, 3) })).observations, 3);
  assert.equal((await take(world, { metrics: traffic("ill", first + 660, 96, 60, 3) })).observations, 0);
  const seen = await observationsOf(world, "ill");
  assert.deepEqual(seen.map(({ metric, severity, category }) => [metric, severity, category]), [
    ["avg_response_time_ms", "critical", "performance"],
    ["error_rate", "warning", "reliability"],
    ["hit_rate", "critical", "performance"],
  ]);
  const { open, value, normal, deviation, started, recommends, implementation_type } = seen[0]!;
  assert.deepEqual([open, value, normal, deviation, started, recommends, implementation_type], [
    true,
    60,
    20,
    200,
    first + 600,
    true,
    "ill",
  ]);
  assert.equal((await take(world, { metrics: traffic("ill", first + 1200, 160, 20) })).observations, 0);
  assert.deepEqual((await observationsOf(world, "ill")).map((row) => row.open), [false, false, false]);
  assert.equal((await take(world, { metrics: traffic("ill", first + 1740, 60, 20) })).observations, 1);
  assert.deepEqual((await observationsOf(world, "ill")).map((row) => row.open), [false, false, false, true]);
});

test("batches at the same time open one observation", async (world) => {
  await baseline(world, "rush");
  const replies = await Promise.all(
    Array.from({ length: 12 }, (_, n) => take(world, { metrics: traffic("rush", minute - 60 * (n % 3), 10, 20) })),
  );
  assert.equal(replies.reduce((sum, { observations }) => sum + observations, 0), 1);
  assert.equal((await observationsOf(world, "rush")).length, 1);
});

test("an observation grows more severe with what it observes", async (world) => {
  await baseline(world, "worse");
  await take(world, { metrics: traffic("worse", minute - 1200, 140, 20) });
  assert.deepEqual((await observationsOf(world, "worse")).map(({ severity }) => severity), ["warning"]);
  await take(world, { metrics: traffic("worse", minute, 20, 20) });
  assert.deepEqual((await observationsOf(world, "worse")).map(({ severity }) => severity), ["critical"]);
});

test("rows that are late change no observation", async (world) => {
  await baseline(world, "late");
  await take(world, { metrics: traffic("late", minute, 160, 20) });
  assert.equal((await take(world, { metrics: traffic("late", minute - 3600, 0, 20) })).observations, 0);
});

test("without an active baseline nothing is unusual", async (world) => {
  assert.equal((await take(world, { metrics: traffic("new", minute, 0, 2000, 200) })).observations, 0);
});

test("a database that is away is a reason to come again, and no secret is told", async ({ answer, logged }) => {
  const response = await answer(post({ metrics: metrics("away", 1) }));
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "5");
  assert.deepEqual(logged, ['["a batch was not stored",{"name":"Error","code":"ECONNREFUSED"}]']);
}, "postgres://someone:the-password@127.0.0.1:1/exai");

test(
  "too many at once are sent away",
  async (world) => {
    const other = connect({ databaseUrl, poolSize: 1 });
    const answers = await other.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtext('public.cache_metricsminute'), ${minute / 60}::int)`;
      const waiting = Array.from({ length: 9 }, () => world.answer(post({ metrics: metrics("queue", 1) })));
      assert.equal((await Promise.race(waiting)).status, 503);
      return () => Promise.all(waiting);
    });
    assert.deepEqual((await answers()).map(({ status }) => status).sort(), [...Array(8).fill(200), 503]);
    await other.end();
  },
  databaseUrl,
  1,
);

Deno.test("secrets that are missing are named, and those that are there are not shown", () => {
  const read = (secrets: Record<string, string>) => () => readSettings((name) => secrets[name]);
  const url = { EXAI_DATABASE_URL: "postgres://u:the-password@h/d" };
  assert.throws(read({}), /EXAI_DATABASE_URL/);
  assert.throws(read(url), /neither EXAI_JWT_SECRET nor EXAI_SERVICE_KEY/);
  assert.throws(read({ ...url, EXAI_SERVICE_KEY: "short-secret" }), (error: Error) => {
    return error.message.includes("EXAI_SERVICE_KEY") && !/short-secret|the-password/.test(error.message);
  });
  assert.throws(read({ ...url, EXAI_SERVICE_KEY: KEY, EXAI_POOL_SIZE: "1000" }), /EXAI_POOL_SIZE/);
  assert.equal(read({ ...url, EXAI_SERVICE_KEY: KEY })().poolSize, 4);
});
