/** From a request to its response. */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Sql } from "postgres";
import { mayWrite } from "./auth.ts";
import type { Settings } from "./settings.ts";
import { type Reply, store } from "./store.ts";
import { type Batch, readBatch, Refused } from "./validate.ts";

export const MOST_BYTES = 4 << 20;
export const ANSWER_LIMIT_MS = 9000;
/** Requests for each connection of the pool that may be under way; more would only wait. */
const MOST_WAITING = 8;

const STATUS: Record<string, number> = { too_large: 413, too_many: 413, media_type: 415, key_reused: 422 };

export type Answer = (request: Request) => Promise<Response>;

/** Who is told what failed: its kind alone, for a message may hold a secret or somebody's data. */
export type Log = (event: string, detail: Record<string, unknown>) => void;

/** Answers requests by storing their batches; `now` is in Unix seconds. */
export function aggregator(
  settings: Settings,
  sql: Sql,
  log: Log,
  now: () => number = () => Date.now() / 1000,
): Answer {
  let underWay = 0;
  return async (request) => {
    if (underWay >= settings.poolSize * MOST_WAITING) return unavailable("too many requests at once");
    underWay += 1;
    const work = answer(request, settings, sql, now()).finally(() => underWay -= 1);
    try {
      return await within(ANSWER_LIMIT_MS, work);
    } catch (error) {
      return failure(error, log);
    }
  };
}

async function answer(request: Request, settings: Settings, sql: Sql, now: number): Promise<Response> {
  if (request.method !== "POST") return json(405, { error: "post a batch" }, { Allow: "POST" });
  if (!await mayWrite(request.headers, settings)) return json(403, { error: "only the service role may write" });
  const body = await readBody(request);
  const batch = readBatch(parse(body), now);
  if (batch.rows.length === 0) return json(batch.rejections.length ? 400 : 200, nothingStored(batch));
  return json(200, await store(sql, batch, createHash("sha256").update(body).digest("hex")));
}

function nothingStored({ rejections }: Batch): Reply {
  return { accepted: 0, repeated: 0, rejected: rejections.length, errors: rejections, observations: 0 };
}

async function readBody(request: Request): Promise<Uint8Array> {
  const media = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (media !== "application/json") throw new Refused("", "media_type", "Content-Type is not application/json");
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Refused("", "too_large", `a body has ${MOST_BYTES} bytes at most`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new Refused("", "malformed", "the body is no JSON");
  }
}

function failure(error: unknown, log: Log): Response {
  if (error instanceof Refused) {
    return json(STATUS[error.reason] ?? 400, { error: error.message, field: error.field, reason: error.reason });
  }
  const { name, code } = error as { name?: string; code?: string };
  log("a batch was not stored", { name, code });
  // Data that PostgreSQL refuses, it would refuse again.
  if (/^2[23]/.test(code ?? "") && code?.length === 5) return json(422, { error: "the batch cannot be stored", code });
  return unavailable("the database takes no batch now");
}

function unavailable(why: string): Response {
  return json(503, { error: why }, { "Retry-After": "5" });
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers: { "Cache-Control": "no-store", ...headers } });
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("the time is over", "TimeoutError")), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
