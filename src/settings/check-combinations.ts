import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { toE164 } from '../events/phone';
import type { Findings } from '../yaml/finding';
import type { FindingCode } from '../errors/finding-codes';
import type { SettingName, SettingValues } from './definitions';
import { subjectOf, type FoundValues } from './found-values';

const PORTS = ['receiver.port', 'receiver.admin_port', 'temporal.port', 'temporal.ui_port'] as const;
const TLS_FILES = ['receiver.tls.cert_file', 'receiver.tls.key_file'] as const;

/** Finds what is wrong with settings that are valid one by one: they contradict each other, or name a missing file. */
export function checkCombinations(
  values: SettingValues,
  found: FoundValues,
  directory: string,
  findings: Findings,
): void {
  const report: Report = (name, code, message, hint, item) => {
    const setting = found.get(name);
    if (setting?.isFaulty === true) {
      return;
    }
    const place = (item === undefined ? undefined : setting?.itemPlaces[item]) ?? setting?.place;
    findings.error(place ?? { kind: 'nowhere' }, code, message, {
      subject: subjectOf(name),
      ...(hint === undefined ? {} : { hint }),
    });
  };
  checkNumbers(values, report);
  checkPorts(values, report);
  checkTls(values, directory, report);
  checkProtection(values, report);
}

type Report = (name: SettingName, code: FindingCode, message: string, hint?: string, item?: number) => void;

function checkNumbers({ numbers, country }: SettingValues, report: Report): void {
  for (const [index, number] of numbers.entries()) {
    // Short codes are own numbers without being phone numbers.
    if (toE164(number, country) === null && !/^\d{3,6}$/.test(number)) {
      report(
        'numbers',
        'phone',
        `entry ${index + 1} is not a phone number`,
        'write it with its country code, "+15551234567", or set country',
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

function checkTls(values: SettingValues, directory: string, report: Report): void {
  for (const name of TLS_FILES) {
    const path = values[name];
    if (path !== null && !isReadable(resolve(directory, path))) {
      report(name, 'file', 'the file does not exist or cannot be read');
    }
  }
  const missing = TLS_FILES.filter((name) => values[name] === null);
  if (missing.length === 1 && missing[0] !== undefined) {
    report(missing[0], 'missing-setting', 'is missing: TLS needs both the certificate and its key');
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
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
