/**
 * What the tokens of known services look like: Slack, HubSpot, VoIPBIN, Stripe, GitHub, AWS, Google, SendGrid, JSON Web
 * Tokens, and addresses of Slack's incoming webhooks.
 */
const TOKEN = new RegExp(
  [
    String.raw`\bxox[abeoprs]-[\w-]*`,
    String.raw`\bxapp-[\w-]*`,
    String.raw`\bpat-[a-z]{2}\d-[\w-]*`,
    String.raw`\bvb_[\w-]{16,}`,
    String.raw`\b[sr]k_(?:live|test)_\w*`,
    String.raw`\bsk-[\w-]{20,}`,
    String.raw`\bgh[oprsu]_\w{20,}`,
    String.raw`\bAKIA[0-9A-Z]{16}\b`,
    String.raw`\bAIza[\w-]{30,}`,
    String.raw`\bSG\.[\w-]{16,}\.[\w-]{16,}`,
    String.raw`\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*`,
    String.raw`(?<=hooks\.slack\.com/services/)[\w/]+`,
  ].join('|'),
  'g',
);

/** The password in `smtps://user:password@host`. */
const URL_PASSWORD = /(?<=\b[a-z][a-z0-9+.-]*:\/\/[^/@\s:]*:)[^/@\s]+(?=@)/gi;

/** What follows `Bearer` or `Basic`, except a reference or a template. */
const CREDENTIALS = /(?<=\b(?:Bearer|Basic)\s+)(?![$]\{|\{\{)(?=\S*[\d=._-])[\w.~+/=-]{6,}/g;

/** `api_key=…` in the query of a URL. */
const QUERY = /(?<=[?&](?:api_?key|key|token|access_token|secret|password|sig)=)(?![$]\{|\{\{)[^&\s"'#]+/gi;

/** Names whose value is a secret: of headers, and of members of a body. */
const SECRET_NAME =
  /^(?:authorization|proxy-authorization|cookie|.*(?:api|auth|access)[-_]?key|.*(?:token|secret|password|passwd))$/i;

/** `Authorization: …` in a line of YAML or JSON, up to the end of the value; not a reference, a template or a block. */
const NAMED =
  /(?<=\b(?:[\w-]*authorization|cookie|[\w-]*(?:api|auth|access)[-_]?key|[\w-]*(?:token|secret|password|passwd))["']?\s*[:=]\s*["']?(?:[A-Za-z]+ )?)(?![$]\{|\{\{|[{[|>]|(?:Basic|Bearer|Token)\s)[^\s"',}&]+/gi;

/** Whether a text contains what looks like a secret of a known form. Pass it without its references. */
export function holdsToken(text: string): boolean {
  return [TOKEN, URL_PASSWORD, QUERY, CREDENTIALS].some((pattern) => text.search(pattern) !== -1);
}

/** Whether a value under this name is a secret: `Authorization`, `X-Api-Key`, `password`. */
export function namesSecret(name: string): boolean {
  return SECRET_NAME.test(name);
}

/**
 * Replaces what looks like a secret by as many stars: places in the text stay the same. Not guaranteed: that it finds a
 * secret of an unknown form under a name that says nothing.
 */
export function hideTokens(text: string): string {
  return hide(text, [TOKEN, URL_PASSWORD, QUERY, CREDENTIALS]);
}

/** {@link hideTokens} for a line of a file in YAML or JSON: values under a name such as `Authorization` are hidden, too. */
export function hideTokensInLine(line: string): string {
  return hide(line, [TOKEN, URL_PASSWORD, QUERY, CREDENTIALS, NAMED]);
}

function hide(text: string, patterns: readonly RegExp[]): string {
  return patterns.reduce((hidden, pattern) => hidden.replace(pattern, (token) => '*'.repeat(token.length)), text);
}
