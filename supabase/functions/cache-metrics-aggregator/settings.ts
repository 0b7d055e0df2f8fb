/** What the function is told by its secrets; names that begin with SUPABASE_ are reserved by the platform. */

import type { Secrets } from "./auth.ts";

export interface Settings extends Secrets {
  databaseUrl: string;
  poolSize: number;
}

type Environment = (name: string) => string | undefined;

/** Throws an error that names what is missing, and shows nothing of what is there. */
export function readSettings(get: Environment): Settings {
  const databaseUrl = get("EXAI_DATABASE_URL") ?? "";
  if (!/^postgres(ql)?:\/\//.test(databaseUrl)) throw new Error("EXAI_DATABASE_URL is no postgresql:// URL");
  const jwtSecret = get("EXAI_JWT_SECRET") || undefined;
  const serviceKey = get("EXAI_SERVICE_KEY") || undefined;
  if (!jwtSecret && !serviceKey) throw new Error("neither EXAI_JWT_SECRET nor EXAI_SERVICE_KEY is set");
  for (const [name, secret] of Object.entries({ EXAI_JWT_SECRET: jwtSecret, EXAI_SERVICE_KEY: serviceKey })) {
    if (secret && secret.length < 32) throw new Error(`${name} is shorter than 32 characters`);
  }
  const poolSize = Number(get("EXAI_POOL_SIZE") || 4);
  if (!Number.isInteger(poolSize) || poolSize < 1 || poolSize > 50) throw new Error("EXAI_POOL_SIZE is not 1 to 50");
  return { databaseUrl, jwtSecret, serviceKey, poolSize };
}
