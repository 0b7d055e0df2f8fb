/** Keeps `cache_auditor_observations` in step with the baselines: at most one open for each cache and metric. */

import type { TransactionSql } from "postgres";
import { type Baseline, compare, type Finding, type Recent } from "./baseline.ts";

interface Window extends Recent {
  implementation: string;
  minute: number;
}

const WINDOW_S = 300;

/** Opens, continues and resolves observations of these implementations; how many it opened. */
export async function observe(tx: TransactionSql, implementations: string[]): Promise<number> {
  const baselines = implementations.length > 0 ? await readBaselines(tx, implementations) : [];
  if (baselines.length === 0) return 0;
  let opened = 0;
  for (const window of await readWindows(tx, baselines)) {
    const baseline = baselines.find(({ implementation }) => implementation === window.implementation)!;
    for (const finding of compare(window, baseline)) opened += await note(tx, window, finding);
  }
  return opened;
}

function readBaselines(tx: TransactionSql, implementations: string[]): Promise<Baseline[]> {
  return tx<Baseline[]>`
    select b.implementation_type as implementation, b.baseline_hit_rate::float8 as "hitRate",
      b.baseline_avg_response_time_ms::float8 as "responseMs", b.baseline_error_rate::float8 as "errorRate"
    from public.cache_baseline_metrics b
    where b.is_active and b.implementation_type in (select jsonb_array_elements_text(${tx.json(implementations)}))`;
}

/** The last minutes up to the newest that has come, which a batch that is late does not change; in one order for all. */
function readWindows(tx: TransactionSql, baselines: Baseline[]): Promise<Window[]> {
  return tx<Window[]>`
    select i.implementation, extract(epoch from n.minute)::float8 as minute,
      sum(w.total_operations)::float8 as operations, sum(w.hits)::float8 as hits, sum(w.misses)::float8 as misses,
      sum(w.errors)::float8 as errors, sum(w.timed_operations)::float8 as timed,
      coalesce(sum(w.avg_response_time_ms * w.timed_operations), 0)::float8 as "totalMs"
    from jsonb_array_elements_text(${tx.json(baselines.map(({ implementation }) => implementation))}) i (implementation)
    cross join lateral (
      select m.minute_window as minute from public.cache_metrics_1min m
      where m.implementation_type = i.implementation and m.minute_window <= now()
      order by m.minute_window desc limit 1
    ) n
    join public.cache_metrics_1min w on w.implementation_type = i.implementation
      and w.minute_window > n.minute - make_interval(secs => ${WINDOW_S}) and w.minute_window <= n.minute
    group by i.implementation, n.minute order by i.implementation`;
}

async function note(tx: TransactionSql, window: Window, finding: Finding): Promise<number> {
  if (finding.state === "over") return await open(tx, window, finding);
  if (finding.state === "within") {
    await tx`
      update public.cache_auditor_observations o set resolved_at = now(), updated_at = now()
      where o.subject = ${window.implementation} and o.metric_name = ${finding.metric} and o.resolved_at is null`;
  }
  return 0;
}

async function open(tx: TransactionSql, window: Window, finding: Finding): Promise<number> {
  const row = {
    severity: finding.severity,
    category: finding.category,
    title: finding.title,
    description: describe(window, finding),
    recommendation: finding.recommendation,
    metric_value: finding.value,
    baseline_value: finding.normal,
    deviation_percentage: finding.deviation,
  };
  // Once a minute, unless it turned worse or better: each change is broadcast to every dashboard.
  await tx`
    update public.cache_auditor_observations o set ${tx(row)}, updated_at = now()
    where o.subject = ${window.implementation} and o.metric_name = ${finding.metric} and o.resolved_at is null
      and (o.severity <> ${finding.severity} or o.updated_at <= now() - interval '1 minute')`;
  const opened = await tx`
    insert into public.cache_auditor_observations
      (subject, implementation_type, metric_name, started_at, severity, category, title, description, recommendation,
       metric_value, baseline_value, deviation_percentage)
    values (${window.implementation}, ${window.implementation}, ${finding.metric}, to_timestamp(${window.minute}),
      ${row.severity}, ${row.category}, ${row.title}, ${row.description}, ${row.recommendation},
      ${row.metric_value}, ${row.baseline_value}, ${row.deviation_percentage})
    on conflict do nothing`;
  return opened.count;
}

function describe(window: Window, { metric, value, normal, deviation }: Finding): string {
  const unit = metric === "avg_response_time_ms" ? " ms" : " %";
  const change = deviation === null ? "" : `, ${deviation > 0 ? "+" : ""}${deviation.toFixed(1)} %`;
  return `${metric} of ${window.implementation} is ${value.toFixed(2)}${unit} over ${WINDOW_S / 60} minutes ` +
    `(baseline ${normal.toFixed(2)}${unit}${change})`;
}
