import { exampleAbroad, numberOutsidePlan } from '../events/number-plan';
import { toE164 } from '../events/phone';
import { isLoopback } from '../net/host-list';
import type { Findings } from '../yaml/finding';
import type { FoundConnection } from './connection-settings';
import type { DeclaredConnector } from './declared-connector';
import type { SettingValues } from './definitions';
import { subjectOf, type FoundValues } from './found-values';
import type { Report } from './report';
import { readTlsFiles, type TlsFiles } from './tls-files';

const PORTS = ['receiver.port', 'receiver.admin_port', 'temporal.port', 'temporal.ui_port'] as const;
/** Shorter webhook secrets can be guessed: anyone who sees one signed event can try them all. */
const MIN_SECRET_CHARS = 16;

/**
 * Finds what is wrong with settings that are valid one by one: they contradict each other, or name a missing file.
 * @returns the certificate and key of the webhook, where there are some.
 */
export function checkCombinations(
  values: SettingValues,
  found: FoundValues,
  directory: string,
  findings: Findings,
): TlsFiles | undefined {
  const reportAs =
    (severity: 'error' | 'warn'): Report =>
    (name, code, message, hint, item) => {
      const setting = found.get(name);
      if (setting?.isFaulty === true) {
        return;
      }
      const place = (item === undefined ? undefined : setting?.itemPlaces[item]) ?? setting?.place;
      findings[severity](place ?? { kind: 'nowhere' }, code, message, {
        subject: subjectOf(name),
        ...(hint === undefined ? {} : { hint }),
      });
    };
  const report = reportAs('error');
  // Without the country, which is wrong itself, a national number says nothing.
  if (found.get('country')?.isFaulty !== true) {
    checkNumbers(values, 'numbers', report, reportAs('warn'));
    checkNumbers(values, 'agent_numbers', report, reportAs('warn'));
  }
  checkPorts(values, report);
  const tls = readTlsFiles(values, directory, report);
  if (found.get('receiver.ip_allow')?.isFaulty !== true) {
    checkProtection(values, report);
  }
  checkSecrets(values, found, values.environment === 'production' ? report : reportAs('warn'));
  return tls;
}

/** Finds webhook secrets that are too short, also those that commas made of one. */
function checkSecrets(values: SettingValues, found: FoundValues, report: Report): void {
  const secrets = values['receiver.webhook_secrets'];
  const isSplit = secrets.length > 1 && typeof found.get('receiver.webhook_secrets')?.value === 'string';
  for (const [index, secret] of secrets.entries()) {
    if (secret.reveal().length < MIN_SECRET_CHARS) {
      report(
        'receiver.webhook_secrets',
        'short-secret',
        `secret ${index + 1}${isSplit ? ` of ${secrets.length}` : ''} has fewer than ${MIN_SECRET_CHARS} characters, so it can be guessed`,
        isSplit
          ? 'commas separate secrets here; write a secret that contains a comma as an item of a list in bridge.yaml, ["${env:NAME}"]'
          : 'make a longer one in VoIPBIN, such as the output of openssl rand -hex 32',
        index,
      );
    }
  }
}

/**
 * Finds connections that would send their credential without TLS to another machine. An error in production, unless
 * BRIDGE_HTTP_ALLOW names the host; a warning in development.
 */
export function checkTransport(
  environment: SettingValues['environment'],
  connectors: readonly DeclaredConnector[],
  connections: Readonly<Record<string, FoundConnection>>,
  findings: Findings,
): void {
  const complete = connectors.flatMap(({ name, connection }) => {
    const found = connections[name];
    return found === undefined || found.settings === null ? [] : [{ name, connection, ...found }];
  });
  const allowed = complete.flatMap(({ connection, settings }) => connection.allowedHosts?.(settings) ?? []);
  for (const { name, connection, settings, places } of complete) {
    const plain = connection.plainTextHost?.(settings) ?? null;
    if (plain === null || isLoopback(plain.host) || allowed.some((hosts) => hosts.has(plain.host))) {
      continue;
    }
    findings[environment === 'production' ? 'error' : 'warn'](
      places.get(plain.key) ?? { kind: 'nowhere' },
      'no-tls',
      'without TLS, anyone on the way can read the credential and what is sent',
      {
        subject: {
          setting: `connections.${name}.${plain.key}`,
          variable: connection.environment[plain.key] ?? null,
        },
        hint: 'use https:// (for mail smtps://, or smtp:// without requireTLS=false and ignoreTLS=true), or allow the host with BRIDGE_HTTP_ALLOW',
      },
    );
  }
}

function checkNumbers(values: SettingValues, name: 'numbers' | 'agent_numbers', report: Report, warn: Report): void {
  for (const [index, number] of values[name].entries()) {
    // Short codes are own numbers without being phone numbers.
    if (toE164(number, values.country) === null && !/^\d{3,6}$/.test(number)) {
      report(
        name,
        'phone',
        `entry ${index + 1} is not a phone number`,
        'write it with its country code, "+15551234567", or set country',
        index,
      );
    } else if (numberOutsidePlan(number, values.country) !== null) {
      const abroad = exampleAbroad(values.country).replaceAll(' ', '');
      warn(
        name,
        'number-country',
        `entry ${index + 1} is read as a number of ${values.country ?? ''}, which has no such number`,
        `if it is of another country, write it with that country's code, such as "${abroad}"`,
        index,
      );
    }
  }
}

function checkPorts(values: SettingValues, report: Report): void {
  const fixed = PORTS.filter((name) => values[name] !== 0);
  for (const [index, name] of fixed.entries()) {
    const same = fixed.slice(0, index).find((other) => values[other] === values[name]);
    if (same !== undefined) {
      report(name, 'duplicate-port', `is the same port as ${same}`, 'give each its own port; 0 takes a free one');
    }
  }
}

function checkProtection(values: SettingValues, report: Report): void {
  if (
    values.environment === 'production' &&
    values['receiver.webhook_secrets'].length === 0 &&
    values['receiver.ip_allow'].length === 0
  ) {
    report(
      'receiver.webhook_secrets',
      'missing-setting',
      'production requires a webhook secret, or addresses in receiver.ip_allow (BRIDGE_IP_ALLOW); otherwise anyone could send events',
      'VoIPBIN shows the secret in GET /customer',
    );
  }
}
