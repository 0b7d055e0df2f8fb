/** What a batch may hold, and what is wrong with one that is not taken. */

import { mask } from "./masking.ts";

export const OPERATIONS = ["hit", "miss", "set", "evict", "error"] as const;
export const MOST_METRICS = 1000;
export const OLDEST_S = 7 * 86_400;
export const NEWEST_S = 86_400;
/** Characters of a message that are looked at. */
const LONGEST_MESSAGE = 40_000;

/** One row of `cache_metrics`, as `jsonb_to_recordset` reads it; `timestamp` is in Unix seconds. */
export interface Row {
  operation_type: string;
  implementation_type: string;
  timestamp: number;
  event_id: string | null;
  response_time_ms: number | null;
  cache_size: number | null;
  similarity: number | null;
  error_type: string | null;
  error_message: string | null;
  metadata: Record<string, unknown>;
}

/** Why the item at `index` is not taken. */
export interface Rejection {
  index: number;
  field: string;
  reason: string;
  message: string;
}

export interface Batch {
  id: string | null;
  rows: Row[];
  rejections: Rejection[];
}

/** What is wrong with one field, or, where `field` is empty, with the whole. */
export class Refused extends Error {
  constructor(readonly field: string, readonly reason: string, message: string) {
    super(message);
  }
}

type Fields = Record<string, unknown>;

// Control characters, separators that break lines, and halves of characters: what no label shows.
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/u;
const ISO_TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/;

/** Reads a body; `now` is in Unix seconds. One bad item never rejects its neighbours. */
export function readBatch(body: unknown, now: number): Batch {
  if (!isObject(body) || !Array.isArray(body.metrics)) {
    throw new Refused("metrics", "malformed", "the body is no object with an array `metrics`");
  }
  if (body.metrics.length > MOST_METRICS) {
    throw new Refused("metrics", "too_many", `a batch holds ${MOST_METRICS} metrics at most`);
  }
  const batch: Batch = { id: label(body, "batch_id"), rows: [], rejections: [] };
  body.metrics.forEach((item, index) => {
    try {
      batch.rows.push(readRow(item, now));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      batch.rejections.push({ index, field: error.field, reason: error.reason, message: error.message });
    }
  });
  return batch;
}

function readRow(item: unknown, now: number): Row {
  if (!isObject(item)) throw new Refused("", "wrong_type", "it is no object");
  const operation = required(label(item, "operation_type"), "operation_type");
  if (!(OPERATIONS as readonly string[]).includes(operation)) {
    throw new Refused("operation_type", "unknown_value", `it is none of ${OPERATIONS.join(", ")}`);
  }
  return {
    operation_type: operation,
    implementation_type: required(label(item, "implementation_type"), "implementation_type"),
    timestamp: time(item, now),
    event_id: label(item, "event_id", 256),
    response_time_ms: number(item, "response_time_ms", 1e15),
    cache_size: whole(item, "cache_size"),
    similarity: number(item, "similarity", 1),
    error_type: label(item, "error_type"),
    error_message: message(item, "error_message", 4000),
    metadata: metadata(item),
  };
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function required(value: string | null, field: string): string {
  if (value === null) throw new Refused(field, "missing_field", "it is missing");
  return value;
}

function string(item: Fields, field: string): string | null {
  const value = item[field] ?? null;
  if (value !== null && typeof value !== "string") throw new Refused(field, "wrong_type", "it is no text");
  return value;
}

function label(item: Fields, field: string, longest = 128): string | null {
  const value = string(item, field);
  if (value !== null && (value === "" || [...value].length > longest || UNPRINTABLE.test(value))) {
    throw new Refused(field, "out_of_range", `it is not 1 to ${longest} printable characters`);
  }
  return value;
}

/** Any text, but for what PostgreSQL cannot hold; what is too long is cut. */
function text(item: Fields, field: string, longest: number): string | null {
  return string(item, field)?.slice(0, longest).toWellFormed().replaceAll("\0", "\ufffd") ?? null;
}

/** A text that may hold secrets: they are masked before it is cut, for half a secret does not look like one. */
function message(item: Fields, field: string, longest: number): string | null {
  const whole = text(item, field, LONGEST_MESSAGE);
  return whole && mask(whole).slice(0, longest).toWellFormed();
}

function number(item: Fields, field: string, most: number): number | null {
  const value = item[field] ?? null;
  if (value === null) return null;
  if (typeof value !== "number") throw new Refused(field, "wrong_type", "it is no number");
  if (!(value >= 0 && value <= most)) throw new Refused(field, "out_of_range", `it is not from 0 to ${most}`);
  return value;
}

function whole(item: Fields, field: string): number | null {
  const value = number(item, field, Number.MAX_SAFE_INTEGER);
  if (value !== null && !Number.isInteger(value)) throw new Refused(field, "wrong_type", "it is no whole number");
  return value;
}

function time(item: Fields, now: number): number {
  const value = item.timestamp ?? null;
  if (value === null) throw new Refused("timestamp", "missing_field", "it is missing");
  const seconds = typeof value === "string" ? fromIso(value) : value;
  if (typeof seconds !== "number" || Number.isNaN(seconds)) {
    throw new Refused("timestamp", "wrong_type", "it is neither Unix seconds nor ISO 8601");
  }
  if (seconds < now - OLDEST_S || seconds > now + NEWEST_S) {
    throw new Refused("timestamp", "out_of_range", "it is older than 7 days, or past tomorrow");
  }
  return seconds;
}

/** Unix seconds, to the microsecond; a time without a zone is UTC. */
function fromIso(written: string): number {
  const [, day, clock, fraction, zone] = ISO_TIME.exec(written) ?? [];
  return Date.parse(`${day}T${clock}${zone ?? "Z"}`) / 1000 + Number(fraction ?? 0);
}

function metadata(item: Fields): Fields {
  const value = item.metadata ?? {};
  if (!isObject(value)) throw new Refused("metadata", "wrong_type", "it is no object");
  const written = JSON.stringify(value);
  if (written.length > 16_384) throw new Refused("metadata", "out_of_range", "it is longer than 16,384 characters");
  if (/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(written)) {
    throw new Refused("metadata", "encoding", "it holds what is no text");
  }
  return value;
}
