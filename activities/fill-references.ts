import { ActionError } from '../src/connectors/action-error';
import type { ActionOutcome } from '../src/connectors/action-context';
import type { JsonObject, JsonValue } from '../src/events/json';
import { fillReferences } from '../src/rules/language/secret-references';
import type { RuleSecrets } from '../src/settings/rule-secrets';

/** Shorter values would remove ordinary words and digits from results. */
const MIN_HIDDEN_CHARS = 6;

/**
 * Runs an action with the secrets that its rule refers to.
 *
 * Guarantees: they are in the input of `run` only. A result or an error that repeats one of six characters or more, as it
 * is, URL-encoded or in Base64, has `***` instead.
 *
 * @throws ActionError `permanent` that names rule, step, input and reference when one cannot be had; else what `run`
 *   throws.
 */
export async function runFilled(
  secrets: Pick<RuleSecrets, 'lookUp'>,
  step: { rule: string; id: string },
  rendered: JsonObject,
  run: (input: JsonObject) => Promise<ActionOutcome<JsonObject>>,
): Promise<ActionOutcome<JsonObject>> {
  const values: string[] = [];
  const input = fillReferences(rendered, (reference, path) => {
    const found = secrets.lookUp(reference);
    if (!found.ok) {
      throw new ActionError(
        'permanent',
        `rule "${step.rule}", step "${step.id}", input "${path.join('.')}": ${found.message}`,
        {
          connection: 'rules',
          code: found.kind === 'missing' ? 'secret_missing' : 'secret_refused',
          remedy: `In the worker's environment: ${found.hint}. Then retry the run.`,
        },
      );
    }
    values.push(found.value);
    return found.value;
  });
  const hide = hiderOf(values);
  try {
    return hideIn(await run(input), hide);
  } catch (error) {
    throw error instanceof ActionError
      ? new ActionError(error.errorClass, hide(error.message), hideInDetail(error.detail, hide))
      : error;
  }
}

type Hide = (text: string) => string;

function hiderOf(values: readonly string[]): Hide {
  const forms = values
    .filter((value) => value.length >= MIN_HIDDEN_CHARS)
    .flatMap((value) => [value, encodeURIComponent(value), Buffer.from(value).toString('base64').replace(/=+$/, '')]);
  return (text) => forms.reduce((hidden, form) => hidden.replaceAll(form, '***'), text);
}

function hideInDetail(detail: ActionError['detail'], hide: Hide): ActionError['detail'] {
  return {
    ...detail,
    ...(detail.remedy === undefined ? {} : { remedy: hide(detail.remedy) }),
    ...(detail.correlationId === undefined ? {} : { correlationId: hide(detail.correlationId) }),
  };
}

function hideIn(outcome: ActionOutcome<JsonObject>, hide: Hide): ActionOutcome<JsonObject> {
  return outcome.outcome === 'done'
    ? { outcome: 'done', result: hideInObject(outcome.result, hide) }
    : { outcome: 'skipped', reason: hide(outcome.reason) };
}

function hideInObject(object: JsonObject, hide: Hide): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [hide(key), hideInValue(value, hide)]));
}

function hideInValue(value: JsonValue, hide: Hide): JsonValue {
  if (typeof value === 'string') {
    return hide(value);
  }
  if (Array.isArray(value)) {
    return value.map((item) => hideInValue(item, hide));
  }
  return typeof value === 'object' && value !== null ? hideInObject(value, hide) : value;
}
