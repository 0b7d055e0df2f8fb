/** Who may post: the service role, by a verified JWT or by the service key itself. */

import { createHash, timingSafeEqual } from "node:crypto";
import { errors, jwtVerify } from "jose";

export interface Secrets {
  jwtSecret: string | undefined;
  serviceKey: string | undefined;
}

/** Whether the request shows the service key, or a valid token of the service role: the anon key is valid too. */
export async function mayWrite(headers: Headers, secrets: Secrets): Promise<boolean> {
  const shown = bearer(headers) ?? headers.get("apikey");
  if (!shown) return false;
  if (secrets.serviceKey && isSame(shown, secrets.serviceKey)) return true;
  return secrets.jwtSecret !== undefined && await isOfServiceRole(shown, secrets.jwtSecret);
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

async function isOfServiceRole(token: string, secret: string): Promise<boolean> {
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), { algorithms: ["HS256"] });
    return payload.role === "service_role";
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}
