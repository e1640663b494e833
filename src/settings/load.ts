import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Findings, sortFindings, type Finding, type Place } from '../yaml/finding';
import { assemble } from './assemble';
import { checkCombinations, checkTransport } from './check-combinations';
import { loadConnections, type FoundConnection } from './connection-settings';
import type { DeclaredConnector } from './declared-connector';
import { SETTINGS, VARIABLES, type SettingName, type SettingValues } from './definitions';
import { addEnvironment, addFile, notEmpty, SETTING_NAMES, subjectOf, type FoundValues } from './found-values';
import type { Environment } from './references';
import { RuleSecrets, type RuleSecretsOptions } from './rule-secrets';
import { readSettingsFile } from './settings-file';
import type { ConnectionSettings, Settings, WebhookSecretSource } from './settings';

/** The settings file when none is named; it need not exist. */
const DEFAULT_FILE = 'config/bridge.yaml';
const WEBHOOK_SECRETS = 'receiver.webhook_secrets';

/** For {@link LoadOptions.isNeeded}: all but the webhook secret, for the command that fetches it. */
export function allButWebhookSecret(setting: string): boolean {
  return !setting.startsWith(WEBHOOK_SECRETS);
}

/** For {@link LoadOptions.isNeeded}: what commands need that read events, and neither take nor act on any. */
export function allButSecrets(setting: string): boolean {
  return allButWebhookSecret(setting) && !setting.startsWith('connections.');
}

export interface LoadOptions {
  /**
   * Path of the settings file; it must exist. The default is `BRIDGE_CONFIG`, which must exist too, then
   * `config/bridge.yaml` where there is one.
   */
  configFile?: string;
  env: Environment;
  connectors: readonly DeclaredConnector[];
  /** What relative paths are relative to; by default the current directory. */
  directory?: string;
  /**
   * The connectors that the live rules of a file (an absolute path) use; asked in production. With it, their missing
   * credentials are findings like all others, so that one start names everything that is missing.
   */
  usedConnectors?: (rulesFile: string) => readonly string[];
  /**
   * Which settings the caller uses, by name such as `data_dir` or `connections.slack.bot_token`; by default all. Another
   * one that is wrong or missing is no finding, and has its default. Names that do not exist are findings all the same.
   */
  isNeeded?: (setting: string) => boolean;
}

/**
 * Reads the settings from the file and the environment. For each setting the file wins over the environment, and the
 * environment over the default. An empty value counts as not set in both. (Only for the address of Temporal do
 * Temporal's own variables win.) All findings are reported together, and none holds a value. Warnings do not prevent
 * the use. Reads files, makes no network request.
 */
export function loadSettings(
  options: LoadOptions,
): { ok: true; settings: Settings; warnings: readonly Finding[] } | { ok: false; findings: readonly Finding[] } {
  const { env, connectors, directory = process.cwd() } = options;
  const findings = new Findings();
  const named = options.configFile ?? notEmpty(env['BRIDGE_CONFIG']);
  const namedIn: Place =
    options.configFile === undefined ? { kind: 'environment', variable: 'BRIDGE_CONFIG' } : { kind: 'nowhere' };
  const file = named ?? (existsSync(resolve(directory, DEFAULT_FILE)) ? DEFAULT_FILE : null);
  const references = new Map<string, string>();
  const top = file === null ? null : readSettingsFile(file, namedIn, directory, env, findings, references);

  const found: FoundValues = new Map();
  const connectionsBlock = top === null ? null : addFile(top, found, findings);
  addEnvironment(found, env);
  const parsed = SETTINGS.safeParse(Object.fromEntries(SETTING_NAMES.map((name) => [name, found.get(name)?.value])));
  for (const { path, message } of parsed.success ? [] : parsed.error.issues) {
    reportInvalid(path, message, found, findings);
  }
  // One invalid value must not hide what else is wrong or missing.
  const values = parsed.data ?? validValues(found);
  const connections = loadConnections(connectors, connectionsBlock, env, findings);
  const tls = checkCombinations(values, found, directory, findings);
  checkTransport(values.environment, connectors, connections, findings);
  if (options.usedConnectors !== undefined && values.environment === 'production') {
    const used = options.usedConnectors(resolve(directory, values.rules_file));
    reportMissing(connectors, connections, used, findings);
  }
  const { isNeeded = () => true } = options;
  // A misspelt name may be meant for one that is needed.
  findings.drop(
    ({ code, subject }) => subject !== undefined && code !== 'unknown-setting' && !isNeeded(subject.setting),
  );
  if (!findings.hasErrors) {
    const path = file === null ? null : resolve(directory, file);
    const assembled = assemble(values, directory, env, webhookSecretSource(references, path), tls);
    const settings = {
      ...assembled,
      ruleSecrets: new RuleSecrets({
        allowed: values.rules_secrets.map((entry) => (entry.includes('/') ? resolve(directory, entry) : entry)),
        environment: values.environment,
        own: ownSecrets(assembled, [...references.keys()], path, connectors),
        env,
        folder: dirname(assembled.rulesFile),
      }),
      connections: withoutPlaces(connections),
    };
    return { ok: true, settings, warnings: sortFindings(findings.all) };
  }
  return { ok: false, findings: sortFindings(findings.all) };
}

/** What the settings file refers to for the webhook secret. @param references with the setting that has each. */
function webhookSecretSource(references: ReadonlyMap<string, string>, file: string | null): WebhookSecretSource | null {
  const ours = [...references].flatMap(([reference, setting]) =>
    setting.startsWith(WEBHOOK_SECRETS) ? [reference] : [],
  );
  const path = ours.find((reference) => reference.startsWith('file:'))?.slice('file:'.length);
  if (path !== undefined && file !== null) {
    return { kind: 'file', path: resolve(dirname(file), path) };
  }
  const name = ours.find((reference) => reference.startsWith('env:'))?.replace(/^env:|:-.*$/gs, '');
  return name === undefined ? null : { kind: 'variable', name };
}

/** The variables and files that the settings are read from, or may be. */
function ownSecrets(
  { dataDir, receiver }: Pick<Settings, 'dataDir' | 'receiver'>,
  references: readonly string[],
  file: string | null,
  connectors: readonly DeclaredConnector[],
): RuleSecretsOptions['own'] {
  const named = (kind: string): string[] =>
    references.flatMap((one) => (one.startsWith(`${kind}:`) ? [one.slice(kind.length + 1)] : []));
  return {
    variables: new Set([
      ...Object.values(VARIABLES).filter((name) => name !== null),
      ...connectors.flatMap(({ connection }) => Object.values(connection.environment)),
      ...named('env').map((one) => one.replace(/:-.*$/s, '')),
    ]),
    files: [
      dataDir,
      ...(file === null ? [] : [file, ...named('file').map((path) => resolve(dirname(file), path))]),
      ...(receiver.tls === undefined ? [] : [receiver.tls.keyFile]),
    ],
  };
}

function withoutPlaces(connections: Readonly<Record<string, FoundConnection>>): Record<string, ConnectionSettings> {
  return Object.fromEntries(
    Object.entries(connections).map(([name, { settings, missing, readFrom }]) => [
      name,
      { settings, missing, readFrom },
    ]),
  );
}

function reportInvalid(path: readonly PropertyKey[], message: string, found: FoundValues, findings: Findings): void {
  const [first, index] = path;
  const name = SETTING_NAMES.find((known) => known === first);
  const value = name === undefined ? undefined : found.get(name);
  const item = typeof index === 'number' ? value?.itemPlaces[index] : undefined;
  findings.error(
    item ?? value?.place ?? { kind: 'nowhere' },
    'setting',
    message,
    name === undefined ? {} : { subject: subjectOf(name) },
  );
}

/** The settings with the defaults of those that are invalid, which count as faulty from here on. */
function validValues(found: FoundValues): SettingValues {
  const valid = new Map<SettingName, unknown>();
  for (const name of SETTING_NAMES) {
    const value = found.get(name);
    if (value !== undefined && SETTINGS.shape[name].safeParse(value.value).success) {
      valid.set(name, value.value);
    } else if (value !== undefined) {
      found.set(name, { ...value, isFaulty: true });
    }
  }
  return SETTINGS.parse(Object.fromEntries(SETTING_NAMES.map((name) => [name, valid.get(name)])));
}

/**
 * The credentials that are missing in production for the connectors that live rules use. None in development, where
 * stand-ins replace those connectors.
 * @param used names of connectors.
 */
export function missingCredentials(
  settings: Settings,
  connectors: readonly DeclaredConnector[],
  used: readonly string[],
): readonly Finding[] {
  const findings = new Findings();
  if (settings.environment === 'production') {
    reportMissing(connectors, settings.connections, used, findings);
  }
  return findings.all;
}

function reportMissing(
  connectors: readonly DeclaredConnector[],
  connections: Readonly<Record<string, Pick<ConnectionSettings, 'missing'>>>,
  used: readonly string[],
  findings: Findings,
): void {
  for (const name of used) {
    const environment = connectors.find((connector) => connector.name === name)?.connection.environment ?? {};
    for (const key of connections[name]?.missing ?? []) {
      const variable = environment[key] ?? null;
      findings.error({ kind: 'nowhere' }, 'missing-credential', `is not set, and live rules use ${name}`, {
        subject: { setting: `connections.${name}.${key}`, variable },
        hint: `${variable === null ? 'set it in bridge.yaml' : `set ${variable}`}, or set the mode of those rules to shadow or off`,
      });
    }
  }
}
