import assert from "node:assert/strict";
import { SignJWT, UnsecuredJWT } from "jose";
import { judge, type Verdict } from "./auth.ts";

const SECRETS = {
  jwtSecret: "the-secret-of-the-project-0123456789",
  serviceKey: "sb_secret_0123456789abcdefghijklmnop",
};

async function token(claims: Record<string, unknown>, secret = SECRETS.jwtSecret, expires = "1h", alg = "HS256") {
  return await new SignJWT(claims).setProtectedHeader({ alg }).setExpirationTime(expires).sign(
    new TextEncoder().encode(secret),
  );
}

function shown(value: string): Headers {
  return new Headers({ Authorization: `Bearer ${value}` });
}

const SERVICE = { role: "service_role" };
const CASES: [string, () => Promise<Headers> | Headers, Verdict][] = [
  ["a token of the service role", async () => shown(await token(SERVICE)), "welcome"],
  ["the service key", () => shown(SECRETS.serviceKey), "welcome"],
  ["the service key as apikey", () => new Headers({ apikey: SECRETS.serviceKey }), "welcome"],
  ["the anon key", async () => shown(await token({ role: "anon" })), "forbidden"],
  ["a user's token", async () => shown(await token({ role: "authenticated" })), "forbidden"],
  ["a token without a role", async () => shown(await token({})), "forbidden"],
  ["a list of roles", async () => shown(await token({ role: ["service_role"] })), "forbidden"],
  ["nothing", () => new Headers(), "unknown"],
  ["an empty bearer", () => shown(""), "unknown"],
  ["a key that is longer", () => shown(SECRETS.serviceKey + "x"), "unknown"],
  ["a password", () => new Headers({ Authorization: "Basic " + btoa(`x:${SECRETS.serviceKey}`) }), "unknown"],
  [
    "a token of another project",
    async () => shown(await token(SERVICE, "another-project-0123456789-0123456789")),
    "unknown",
  ],
  ["a token that has expired", async () => shown(await token(SERVICE, SECRETS.jwtSecret, "-1m")), "unknown"],
  ["another algorithm", async () => shown(await token(SERVICE, SECRETS.jwtSecret.repeat(2), "1h", "HS512")), "unknown"],
  [
    "the same key with another algorithm",
    async () => shown(await token(SERVICE, SECRETS.jwtSecret, "1h", "HS384")),
    "unknown",
  ],
  ["a token that nobody signed", () => shown(new UnsecuredJWT(SERVICE).encode()), "unknown"],
  ["a token with its claims changed", async () => {
    const [head, , signature] = (await token({ role: "anon" })).split(".");
    return shown([head, btoa(JSON.stringify(SERVICE)).replaceAll("=", ""), signature].join("."));
  }, "unknown"],
];
for (const [what, headers, verdict] of CASES) {
  Deno.test(`${what}: ${verdict}`, async () => assert.equal(await judge(await headers(), SECRETS), verdict));
}

Deno.test("without a JWT secret no token is believed", async () => {
  const keyOnly = { jwtSecret: undefined, serviceKey: SECRETS.serviceKey };
  assert.equal(await judge(shown(await token(SERVICE)), keyOnly), "unknown");
});

Deno.test("without a service key no key is believed", async () => {
  assert.equal(await judge(shown(""), { ...SECRETS, serviceKey: undefined }), "unknown");
});
