/** What is unusual about a cache, compared with its active baseline. */

/** An active baseline; rates are percent. */
export interface Baseline {
  implementation: string;
  hitRate: number;
  responseMs: number;
  errorRate: number;
}

/** What the last minutes came to. */
export interface Recent {
  operations: number;
  hits: number;
  misses: number;
  errors: number;
  timed: number;
  totalMs: number;
}

export type Metric = "hit_rate" | "avg_response_time_ms" | "error_rate";

/** How one metric stands: `over` the limit of a deviation, `within` it for good, or neither, and then nothing changes. */
export interface Finding {
  metric: Metric;
  state: "over" | "within" | "neither";
  severity: "info" | "warning" | "critical";
  category: "performance" | "reliability" | "anomaly";
  value: number;
  normal: number;
  /** Percent of the baseline; null where that is 0. */
  deviation: number | null;
  title: string;
  recommendation: string;
}

export const HIT_RATE_LIMIT = 10;
export const RESPONSE_LIMIT = 25;
export const ERROR_LIMIT = 1;
/** Fewer look-ups, or timed operations, tell nothing; and one error in fewer than a hundred is no rate. */
export const FEWEST = 30;
export const FEWEST_FOR_ERRORS = 100;

/** A deviation ends below this share of its limit, so that one about the limit does not come and go. */
const CALM = 0.8;

/** Findings on the metrics of which there is enough to tell. */
export function compare(recent: Recent, baseline: Baseline): Finding[] {
  return [hitRate(recent, baseline), responseTime(recent, baseline), errorRate(recent, baseline)]
    .filter((finding) => finding !== null);
}

function hitRate({ hits, misses }: Recent, { hitRate: normal }: Baseline): Finding | null {
  if (hits + misses < FEWEST || normal <= 0) return null;
  const value = 100 * hits / (hits + misses);
  const deviation = 100 * (value - normal) / normal;
  return {
    metric: "hit_rate",
    ...standing(Math.abs(deviation), HIT_RATE_LIMIT, 2, deviation < 0),
    ...(deviation < 0
      ? {
        category: "performance",
        title: "The cache hits less than usual",
        recommendation:
          "See whether evictions rose, keys changed or the similarity threshold did; a larger cache or a " +
          "longer life of its entries may help.",
      }
      : BETTER),
    value,
    normal,
    deviation,
  };
}

function responseTime({ timed, totalMs }: Recent, { responseMs: normal }: Baseline): Finding | null {
  if (timed < FEWEST || normal <= 0) return null;
  const value = totalMs / timed;
  const deviation = 100 * (value - normal) / normal;
  return {
    metric: "avg_response_time_ms",
    ...standing(Math.abs(deviation), RESPONSE_LIMIT, 2, deviation > 0),
    ...(deviation > 0
      ? {
        category: "performance",
        title: "The cache answers more slowly than usual",
        recommendation: "Compare its size and the latency of its store with those of the days of the baseline.",
      }
      : BETTER),
    value,
    normal,
    deviation,
  };
}

function errorRate({ operations, errors }: Recent, { errorRate: normal }: Baseline): Finding | null {
  if (operations < FEWEST_FOR_ERRORS) return null;
  const value = 100 * errors / operations;
  return {
    metric: "error_rate",
    ...standing(value, ERROR_LIMIT, 5, true),
    category: "reliability",
    title: "Operations of the cache fail",
    recommendation:
      "Look at the newest rows of cache_metrics whose operation_type is error: their error_type says what " +
      "fails.",
    value,
    normal,
    deviation: normal > 0 ? 100 * (value - normal) / normal : null,
  };
}

const BETTER = {
  category: "anomaly",
  title: "The cache does better than its baseline",
  recommendation: "If it stays so, compute a new baseline; if nothing was meant to change, see what did.",
} as const;

function standing(size: number, limit: number, critical: number, worse: boolean): Pick<Finding, "state" | "severity"> {
  return {
    state: size > limit ? "over" : size <= CALM * limit ? "within" : "neither",
    severity: !worse ? "info" : size > critical * limit ? "critical" : "warning",
  };
}
