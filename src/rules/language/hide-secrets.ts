import type { JsonObject, JsonValue } from '../../events/json';
import { hideTokens, namesSecret } from '../../text/tokens';
import { withoutReferences } from './secret-references';

/** Inputs for printing: without the tokens that a rule contains. References to secrets stay. */
export function withoutSecrets(object: JsonObject): JsonObject {
  const hidden = (value: JsonValue, name: string): JsonValue => {
    if (typeof value === 'string') {
      const isSecret = namesSecret(name) && withoutReferences(value) === value && value.trim() !== '';
      return isSecret ? '***' : hideTokens(value);
    }
    if (Array.isArray(value)) {
      return value.map((item) => hidden(item, name));
    }
    return typeof value === 'object' && value !== null ? withoutSecrets(value) : value;
  };
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, hidden(value, name)]));
}
