import assert from "node:assert/strict";
import { SignJWT, UnsecuredJWT } from "jose";
import { mayWrite } from "./auth.ts";

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
const CASES: [string, () => Promise<Headers> | Headers, boolean][] = [
  ["a token of the service role", async () => shown(await token(SERVICE)), true],
  ["the service key", () => shown(SECRETS.serviceKey), true],
  ["the service key as apikey", () => new Headers({ apikey: SECRETS.serviceKey }), true],
  ["the anon key", async () => shown(await token({ role: "anon" })), false],
  ["a user's token", async () => shown(await token({ role: "authenticated" })), false],
  ["a token without a role", async () => shown(await token({})), false],
  ["a list of roles", async () => shown(await token({ role: ["service_role"] })), false],
  ["nothing", () => new Headers(), false],
  ["an empty bearer", () => shown(""), false],
  ["a key that is longer", () => shown(SECRETS.serviceKey + "x"), false],
  ["a password", () => new Headers({ Authorization: "Basic " + btoa(`x:${SECRETS.serviceKey}`) }), false],
  [
    "a token of another project",
    async () => shown(await token(SERVICE, "another-project-0123456789-0123456789")),
    false,
  ],
  ["a token that has expired", async () => shown(await token(SERVICE, SECRETS.jwtSecret, "-1m")), false],
  ["another algorithm", async () => shown(await token(SERVICE, SECRETS.jwtSecret.repeat(2), "1h", "HS512")), false],
  [
    "the same key with another algorithm",
    async () => shown(await token(SERVICE, SECRETS.jwtSecret, "1h", "HS384")),
    false,
  ],
  ["a token that nobody signed", () => shown(new UnsecuredJWT(SERVICE).encode()), false],
  ["a token with its claims changed", async () => {
    const [head, , signature] = (await token({ role: "anon" })).split(".");
    return shown([head, btoa(JSON.stringify(SERVICE)).replaceAll("=", ""), signature].join("."));
  }, false],
];
for (const [what, headers, may] of CASES) {
  Deno.test(`${what} ${may ? "may" : "may not"} write`, async () =>
    assert.equal(await mayWrite(await headers(), SECRETS), may));
}

Deno.test("without a JWT secret no token is believed", async () => {
  const keyOnly = { jwtSecret: undefined, serviceKey: SECRETS.serviceKey };
  assert.equal(await mayWrite(shown(await token(SERVICE)), keyOnly), false);
});

Deno.test("without a service key no key is believed", async () => {
  assert.equal(await mayWrite(shown(""), { ...SECRETS, serviceKey: undefined }), false);
});
