import type { ValueFault } from './properties';

/** An answer that is not a success, in HubSpot's format. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly category: string,
    readonly message: string,
    readonly more: Readonly<Record<string, unknown>> = {},
  ) {}
}

/** HubSpot's answer to values that it refuses: `errors` holds the faults, and the message holds them as JSON. */
export function valuesNotValid(faults: readonly ValueFault[]): Refusal {
  const listed = faults.map(({ name, error, message }) => ({
    isValid: false,
    message,
    error,
    name,
    localizedErrorMessage: message,
  }));
  return new Refusal(400, 'VALIDATION_ERROR', `Property values were not valid: ${JSON.stringify(listed)}`, {
    errors: faults.map(({ name, error, message }) => ({ message, code: error, context: { propertyName: [name] } })),
  });
}
