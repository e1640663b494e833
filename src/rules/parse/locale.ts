import { isSupportedCountry } from 'libphonenumber-js/min';
import { nearest } from '../../yaml/nearest-name';
import { quoted, type BlockReader, type Value } from './block-reader';
import { isZone } from '../../timing/zone';

/** The time zone and country of rules that do not set their own. */
export interface Defaults {
  timezone: string;
  country: string | null;
}

/** Reads an IANA time zone that the runtime knows; null with a finding. */
export function readTimezone(reader: BlockReader, value: Value): string | null {
  const name = reader.text(value, 'timezone');
  if (name !== null && !isZone(name)) {
    reader.findings.error(value.at, 'timezone', `${quoted(name)} is not a time zone`, {
      hint: nearestZone(name) ?? 'write a name such as Asia/Seoul or Europe/Berlin',
    });
    return null;
  }
  return name;
}

function nearestZone(name: string): string | null {
  const near =
    nearest(name, [...Intl.supportedValuesOf('timeZone'), 'UTC']) ??
    nearest(
      name,
      Intl.supportedValuesOf('timeZone').map((zone) => zone.slice(zone.indexOf('/') + 1)),
    );
  const whole = Intl.supportedValuesOf('timeZone').find((zone) => zone === near || zone.endsWith(`/${near ?? ''}`));
  return whole === undefined ? null : `did you mean "${whole}"?`;
}

/** Reads an ISO 3166-1 country code; null with a finding. */
export function readCountry(reader: BlockReader, value: Value): string | null {
  const code = reader.text(value, 'country');
  if (code !== null && !isSupportedCountry(code)) {
    const upper = code.toUpperCase();
    reader.findings.error(value.at, 'country', `${quoted(code)} is not a country code`, {
      hint: isSupportedCountry(upper) ? `did you mean ${upper}?` : 'two letters, such as KR or US',
    });
    return null;
  }
  return code;
}
