import { realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { lookUpReference, type Environment } from './references';

/** A secret that a rule refers to, or why it cannot have it. Neither message nor hint contains a value. */
export type FoundSecret =
  | { ok: true; value: string }
  /** `missing`: it may be there on another machine. `refused`: rules may not refer to it. */
  | { ok: false; kind: 'missing' | 'refused'; message: string; hint: string };

/** What is known of a secret, without its value. */
export type SecretState = { ok: true } | Extract<FoundSecret, { ok: false }>;

/** What may be said of a secret to others. */
export function stateOf(found: FoundSecret): SecretState {
  return found.ok ? { ok: true } : found;
}

/** What decides which secrets rules may refer to. */
export interface RuleSecretsOptions {
  /** Names of variables (`CRM_TOKEN`), beginnings of names (`CRM_*`), files and folders. */
  allowed: readonly string[];
  environment: 'development' | 'production';
  /** The variables and files that the bridge's own settings are read from. */
  own: { variables: ReadonlySet<string>; files: readonly string[] };
  env: Environment;
  /** What the paths of `${file:…}` are relative to. */
  folder: string;
}

/** Variables that belong to the bridge or to how it reaches the network, whether they are set or not. */
const OWN = /^(?:BRIDGE_|VOIPBIN_|TEMPORAL_)|^(?:https?|all|no)_proxy$/i;

/** Where Linux shows processes, with their whole environment, and their open files. */
const SYSTEM_FOLDERS = ['/proc', '/sys', '/dev'];

/** A longer value is not printed: nobody copies it from a finding. */
const MAX_SHOWN_CHARS = 300;

/**
 * The secrets that rules refer to, `${env:NAME}` and `${file:/path}`.
 *
 * Whoever writes rules decides where a request goes, and could send any secret there. So rules get what the setting
 * `rules_secrets` names. Where it names nothing, rules get nothing in production, and in development every variable and
 * file that the bridge's own settings do not come from, processes and devices aside.
 */
export class RuleSecrets {
  /** Private to JavaScript too, so that printing the settings does not print the environment. */
  readonly #options: RuleSecretsOptions;

  constructor(options: RuleSecretsOptions) {
    this.#options = options;
  }

  /** Looks up a reference such as `env:CRM_TOKEN`. Reads the file at each call, so a changed file takes effect. */
  lookUp(reference: string): FoundSecret {
    const { env, folder } = this.#options;
    const [, kind = '', name = ''] = /^(env|file):(.*?)(?::-.*)?$/s.exec(reference) ?? [];
    const shown = kind === 'file' ? `the file ${name}` : `the environment variable ${name}`;
    if (!(kind === 'file' ? this.#allowsFile(resolve(folder, name)) : this.#allowsVariable(name))) {
      return {
        ok: false,
        kind: 'refused',
        message: `rules may not refer to ${shown}`,
        hint: this.#howToAllow(kind === 'file' ? resolve(folder, name) : name),
      };
    }
    const found = lookUpReference(reference, env, folder);
    if (!found.ok) {
      return { ok: false, kind: 'missing', message: found.message, hint: found.hint };
    }
    return found.text.trim() === ''
      ? { ok: false, kind: 'missing', message: `${shown} is empty`, hint: 'give it a value' }
      : { ok: true, value: found.text };
  }

  /** With everything that is allowed now: the setting replaces what it was, and other rules need the rest. */
  #howToAllow(entry: string): string {
    const { allowed } = this.#options;
    const value = [...allowed, entry].join(',');
    const whole = value.length <= MAX_SHOWN_CHARS ? `: BRIDGE_RULES_SECRETS=${value}` : '';
    return allowed.length === 0
      ? `whoever runs the bridge can allow it, and nothing but it${whole}`
      : `whoever runs the bridge can add ${entry} to what rules may refer to (rules_secrets)${whole}`;
  }

  #allowsVariable(name: string): boolean {
    const { allowed, environment, own } = this.#options;
    const isOwn = OWN.test(name) || own.variables.has(name);
    if (allowed.length === 0) {
      return environment === 'development' && !isOwn;
    }
    return allowed.some(
      (entry) => entry === name || (entry.endsWith('*') && !isOwn && name.startsWith(entry.slice(0, -1))),
    );
  }

  #allowsFile(path: string): boolean {
    const { allowed, environment, own } = this.#options;
    if (allowed.length > 0) {
      return allowed.some((entry) => isAbsolute(entry) && isIn(entry, path));
    }
    // Also where links lead: /proc/self/cwd/.env is .env.
    const refused = [...own.files, ...SYSTEM_FOLDERS];
    return (
      environment === 'development' &&
      !refused.some((folder) => isIn(folder, path) || isIn(realPath(folder), realPath(path)))
    );
  }
}

function isIn(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return !inside.startsWith('..') && !isAbsolute(inside);
}

/** A path without links; as it is where there is nothing. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
