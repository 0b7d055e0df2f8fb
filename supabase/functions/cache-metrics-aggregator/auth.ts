/** Who may post: the service role, by a verified JWT or by the service key itself. */

import { createHash, timingSafeEqual } from "node:crypto";
import { errors, jwtVerify } from "jose";

export interface Secrets {
  jwtSecret: string | undefined;
  serviceKey: string | undefined;
}

export type Verdict = "welcome" | "unknown" | "forbidden";

/** `unknown` for who shows nothing or nothing valid, `forbidden` for a valid token of any other role. */
export async function judge(headers: Headers, secrets: Secrets): Promise<Verdict> {
  const shown = bearer(headers) ?? headers.get("apikey");
  if (!shown) return "unknown";
  if (secrets.serviceKey && isSame(shown, secrets.serviceKey)) return "welcome";
  return secrets.jwtSecret ? await judgeToken(shown, secrets.jwtSecret) : "unknown";
}

function bearer(headers: Headers): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

function isSame(shown: string, expected: string): boolean {
  // Digests are of one length, so the comparison tells nothing of that of the key.
  return timingSafeEqual(digest(shown), digest(expected));
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

async function judgeToken(token: string, secret: string): Promise<Verdict> {
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), { algorithms: ["HS256"] });
    return payload.role === "service_role" ? "welcome" : "forbidden";
  } catch (error) {
    if (error instanceof errors.JOSEError) return "unknown";
    throw error;
  }
}
