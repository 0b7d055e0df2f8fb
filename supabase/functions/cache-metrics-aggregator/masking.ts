/** Masks secrets in messages as exporter/masking.py does; a test holds the two to each other. */

const MASK = "***";
const KEYS = [
  "api",
  "access",
  "private",
  "secret",
  "signing",
  "encryption",
  "auth",
  "service",
  "role",
  "anon",
  "master",
];
const WHOLE_LINE = ["authorization", "cookie"];

/** The name of a secret ends in one of these. */
// deno-fmt-ignore
const WORDS = [
  "password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "credentials", "session_id",
  "sessionid", "signature", ...WHOLE_LINE, ...KEYS.flatMap((which) => ["", "_", "-"].map((dash) => `${which}${dash}key`)),
];

/** What well-known keys begin with. */
// deno-fmt-ignore
const BEGINNINGS = [
  "sk-", "sk_live_", "sk_test_", "pk_live_", "pk_test_", "rk_live_", "rk_test_", "ghp_", "gho_", "ghu_", "ghs_",
  "ghr_", "github_pat_", "glpat-", "xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-", "xapp-", "AKIA", "ASIA", "AIza",
  "hf_", "sbp_", "sb_secret_", "sb_publishable_", "whsec_", "ya29\\.",
];

const W = String.raw`\p{L}\p{N}_`;
// deno-fmt-ignore
const PATTERNS: [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|$)/gsu, MASK],
  [/(:\/\/[^\s/:@]{0,128}:)\S{1,512}@/gu, `$1${MASK}@`],
  [expression`(?<![${W}])(bearer)\s{1,8}[${W}.~+/=\-]{4,}`("giu"), `$1 ${MASK}`],
  [expression`(?<![${W}])([bB][aA][sS][iI][cC])\s{1,8}(?=[a-z+/]*[A-Z0-9=])[${W}+/=\-]{6,}`("gu"), `$1 ${MASK}`],
  [expression`(?<![A-Za-z0-9])eyJ[${W}\-]{6,}(?:\.[${W}\-]*){0,4}`("gu"), MASK],
  [expression`(?<![A-Za-z0-9])(?:${BEGINNINGS.join("|")})[${W}./+=\-]{6,}`("gu"), MASK],
  [/(?<![0-9A-Za-z])[0-9a-f]{32}\.[0-9A-Za-z]{8,}/gu, MASK],
];

const NAME = expression`[${W}.\-]+`("gu");
const QUOTED = String.raw`[bBrRuUfF]{0,2}(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?` +
  String.raw`|(?<mark>\\+["'])(?:(?!\k<mark>).)*(?:\k<mark>)?)`;
// A group in a look-ahead, and what it found: no search goes back into it.
const BETWEEN = String.raw`\\*["']?(?=(?<before>[ \t]*))\k<before>(?=(?<sign>=>|:=|={1,3}|:))\k<sign>` +
  String.raw`(?=(?<after>[ \t]*))\k<after>(?!\*\*\*(?![${W}]))`;
const VALUE = expression`(?:${BETWEEN}|\\*["'][ \t]*,[ \t]*|[ \t]+)(?<value>${QUOTED})`("suy");
const BARE = expression`${BETWEEN}(?<value>\S+)`("uy");
const LINE = expression`${BETWEEN}(?<value>[^\r\n]+)`("uy");
const OPTION = /[ \t]+(?<value>\S+)/uy;

/** Returns the text with its secrets replaced by `***`. */
export function mask(text: string): string {
  const masked = maskOnce(text);
  // A mask can complete what the next pass takes for a secret: `password=""0` becomes `password=***0`.
  return masked === text ? text : mask(masked);
}

function maskOnce(text: string): string {
  return maskValues(PATTERNS.reduce((masked, [pattern, replacement]) => masked.replace(pattern, replacement), text));
}

function maskValues(text: string): string {
  let masked = "";
  let done = 0;
  for (const found of text.matchAll(NAME)) {
    const name = found[0].toLowerCase();
    if (found.index < done || !WORDS.some((word) => name.endsWith(word))) continue;
    const span = valueAfter(text, name, found.index + found[0].length);
    if (!span) continue;
    masked += text.slice(done, span[0]) + MASK;
    done = span[1];
  }
  return masked + text.slice(done);
}

/** Where the value of a secret's name begins and ends. */
function valueAfter(text: string, name: string, end: number): [number, number] | null {
  const bare = WHOLE_LINE.some((word) => name.endsWith(word)) ? LINE : BARE;
  for (const way of [VALUE, bare, ...(name.startsWith("--") ? [OPTION] : [])]) {
    way.lastIndex = end;
    const found = way.exec(text);
    if (found) return [way.lastIndex - found.groups!.value!.length, way.lastIndex];
  }
  return null;
}

function expression(parts: TemplateStringsArray, ...values: string[]): (flags: string) => RegExp {
  return (flags) => new RegExp(String.raw(parts, ...values), flags);
}
