/** Writes a batch: its rows, their minutes, what is unusual, and the reply that a repeat gets, in one transaction. */

import postgres, { type Sql, type TransactionSql } from "postgres";
import { observe } from "./observations.ts";
import type { Settings } from "./settings.ts";
import { type Batch, Refused, type Rejection, type Row } from "./validate.ts";

export const WRITE_LIMIT_MS = 8000;

/** `accepted` are stored or, as `repeated` says, had been before. */
export interface Reply {
  accepted: number;
  repeated: number;
  rejected: number;
  errors: Rejection[];
  observations: number;
}

interface Stored {
  implementation: string;
  minute: number;
  rows: number;
}

/** A bounded pool; it connects when first used, and again after PostgreSQL was away. */
export function connect(settings: Pick<Settings, "databaseUrl" | "poolSize">): Sql {
  return postgres(settings.databaseUrl, {
    max: settings.poolSize,
    connect_timeout: 3,
    idle_timeout: 30,
    prepare: false, // A pooler that hands out connections by transaction knows no prepared statements.
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: "cache-metrics-aggregator" },
  });
}

/** Stores what is good of a batch whose body has that digest. */
export async function store(sql: Sql, batch: Batch, sha256: string): Promise<Reply> {
  return await sql.begin(async (tx) => {
    await tx.unsafe(`set local role service_role; set local statement_timeout = ${WRITE_LIMIT_MS}`);
    const id = batch.id ?? sha256;
    return await earlierReply(tx, id, sha256) ?? await storeNew(tx, id, batch);
  }) as Reply;
}

/** The reply that the batch got before; else its id is claimed, and who comes with the same waits. */
async function earlierReply(tx: TransactionSql, id: string, sha256: string): Promise<Reply | null> {
  const claimed = await tx`
    insert into monitoring.received_batches as b (batch_id, body_sha256, reply) values (${id}, ${sha256}, '{}')
    on conflict (batch_id) do update set body_sha256 = excluded.body_sha256, received_at = now()
      where b.received_at < now() - interval '24 hours'
    returning 1`;
  if (claimed.count > 0) return null;
  const [earlier] = await tx<{ same: boolean; reply: Reply }[]>`
    select b.body_sha256 = ${sha256} as same, b.reply from monitoring.received_batches b where b.batch_id = ${id}`;
  if (!earlier?.same) throw new Refused("batch_id", "key_reused", "the batch id came before with another body");
  return earlier.reply;
}

async function storeNew(tx: TransactionSql, id: string, batch: Batch): Promise<Reply> {
  const minutes = await insertRows(tx, batch.rows);
  const stored = minutes.reduce((sum, { rows }) => sum + rows, 0);
  if (stored > 0) await rollUp(tx, minutes);
  const reply: Reply = {
    accepted: batch.rows.length,
    repeated: batch.rows.length - stored,
    rejected: batch.rejections.length,
    errors: batch.rejections,
    observations: await observe(tx, [...new Set(minutes.map(({ implementation }) => implementation))]),
  };
  await tx`update monitoring.received_batches set reply = ${tx.json(reply as never)} where batch_id = ${id}`;
  return reply;
}

/** How many rows it stored of each minute and implementation. */
async function insertRows(tx: TransactionSql, rows: Row[]): Promise<Stored[]> {
  return await tx<Stored[]>`
    with written as (
      insert into public.cache_metrics (operation_type, implementation_type, timestamp, event_id,
        response_time_ms, cache_size, similarity, error_type, error_message, metadata)
      select r.operation_type, r.implementation_type, to_timestamp(r.timestamp), r.event_id,
        r.response_time_ms, r.cache_size, r.similarity, r.error_type, r.error_message, r.metadata
      from jsonb_to_recordset(${tx.json(rows as never)}) as r (
        operation_type text, implementation_type text, timestamp double precision, event_id text,
        response_time_ms double precision, cache_size bigint, similarity double precision, error_type text,
        error_message text, metadata jsonb)
      on conflict (event_id, timestamp) do nothing
      returning implementation_type, extract(epoch from timestamp)::float8 as at
    )
    select w.implementation_type as implementation, floor(w.at / 60) * 60 as minute, count(*)::float8 as rows
    from written w group by 1, 2`;
}

/** Computes the minutes anew from their rows, so that percentiles are exact; see roll_up_windows for its locks. */
async function rollUp(tx: TransactionSql, minutes: Stored[]): Promise<void> {
  const starts = tx.json(minutes.map(({ minute }) => minute));
  await tx`
    select monitoring.roll_up_cache_minutes(array(
      select to_timestamp(m::float8) from jsonb_array_elements_text(${starts}) m))`;
}
