import type { ObjectType } from '../record';
import type { AccountOptions } from './account-options';
import { isValidPhone, keptValue, type StandInProperty, type ValueFault } from './properties';
import { Refusal, valuesNotValid } from './refusal';

/** What {@link acceptValues} needs to know of the account. */
export interface AcceptingAccount {
  property: (name: string) => StandInProperty | undefined;
  /** Another record that holds a value of a unique property. */
  holder: (name: string, value: string) => { id: string } | undefined;
  options: Pick<AccountOptions, 'validatesPhones' | 'conflictNamesId' | 'conflictStatus'>;
}

/** What the account keeps of the values that are written to a record, by HubSpot's rules; else why it refuses them. */
export function acceptValues(
  type: ObjectType,
  input: Readonly<Record<string, unknown>>,
  { property, holder, options }: AcceptingAccount,
): Record<string, string> | Refusal {
  const faults: ValueFault[] = [];
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(input)) {
    const judged =
      name === 'phone' && options.validatesPhones && typeof value === 'string' && !isValidPhone(value)
        ? { fault: { name, error: 'INVALID_PHONE_NUMBER', message: 'The phone number is not valid.' } }
        : keptValue(property(name), name, value);
    if ('fault' in judged) {
      faults.push(judged.fault);
    } else {
      values[name] = judged.kept;
    }
  }
  if (faults.length > 0) {
    return valuesNotValid(faults);
  }
  for (const [name, value] of Object.entries(values)) {
    const other = value === '' || property(name)?.hasUniqueValue !== true ? undefined : holder(name, value);
    if (other !== undefined) {
      return conflict(type, { name, value, otherId: other.id }, options);
    }
  }
  return values;
}

function conflict(
  type: ObjectType,
  { name, value, otherId }: { name: string; value: string; otherId: string },
  { conflictNamesId, conflictStatus }: AcceptingAccount['options'],
): Refusal {
  if (!conflictNamesId) {
    return new Refusal(conflictStatus, 'CONFLICT', 'The record already exists.');
  }
  if (type === 'contacts' && name === 'email') {
    return new Refusal(409, 'CONFLICT', `Contact already exists. Existing ID: ${otherId}`);
  }
  if (conflictStatus === 400) {
    return valuesNotValid([
      {
        name,
        error: 'CONFLICTING_UNIQUE_VALUE',
        message: `propertyName=${name}; ${otherId} already has that value: ${value}`,
      },
    ]);
  }
  return new Refusal(409, 'CONFLICT', `A record with ${name} ${value} already exists. Existing ID: ${otherId}`);
}
