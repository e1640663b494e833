import { didYouMean } from '../../yaml/nearest-name';
import type { ActionUse, UseProblem } from '../connector';
import { propertyValue } from './property-values';
import type { PropertyDefinition } from './record';
import type { HubSpotSession } from './session';

/**
 * Compares what rules write with the account: properties that it does not have or does not let anybody write, values that
 * it refuses, owners that it does not have. Of texts with templates only the property is judged, not the value. Only reads.
 *
 * @throws HubSpotFailure when HubSpot does not answer, or does not let the token read property settings.
 */
export async function judgeWrittenInputs(
  session: HubSpotSession,
  uses: readonly ActionUse[],
  isTemplate: (text: string) => boolean,
): Promise<UseProblem[]> {
  const problems: UseProblem[] = [];
  for (const use of uses) {
    if (use.action === 'hubspot.update_contact') {
      for (const [name, text] of propertiesOf(use)) {
        const problem = await problemOf(session, name, isTemplate(text) ? null : text);
        problems.push(...(problem === null ? [] : [{ use, path: ['properties', name], ...problem }]));
      }
    }
    const { owner } = use.input;
    if (
      use.action === 'hubspot.create_task' &&
      typeof owner === 'string' &&
      owner.includes('@') &&
      !isTemplate(owner)
    ) {
      if ((await session.ownerId(owner.trim())) === null) {
        const hint = 'take the e-mail that the person signs in to HubSpot with';
        problems.push({ use, path: ['owner'], message: 'HubSpot has no user with this e-mail', hint });
      }
    }
  }
  return problems;
}

function propertiesOf({ input }: ActionUse): [name: string, text: string][] {
  const { properties } = input;
  return typeof properties === 'object' && properties !== null
    ? Object.entries(properties).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : []))
    : [];
}

/** @param text null when it is not known before an event comes. */
async function problemOf(
  session: HubSpotSession,
  name: string,
  text: string | null,
): Promise<{ message: string; hint: string } | null> {
  const property = await session.property('contacts', name);
  if (property === null) {
    return {
      message: `HubSpot's contacts have no property ${name}`,
      hint: 'create it in HubSpot (Settings > Properties > Contact properties), or correct its internal name',
    };
  }
  if (property.calculated === true || property.modificationMetadata?.readOnlyValue === true) {
    return {
      message: `nobody can write the property ${name}: HubSpot sets it by itself`,
      hint: 'write a property of your own',
    };
  }
  return text === null || text.trim() === '' ? null : valueProblem(property, text);
}

function valueProblem(property: PropertyDefinition, text: string): { message: string; hint: string } | null {
  if (propertyValue(property, text, 'UTC') === null) {
    return { message: `the property ${property.name} takes a ${property.type}`, hint: 'such as {{ occurred_at }}' };
  }
  if (property.type === 'number' && !Number.isFinite(Number(text))) {
    return { message: `the property ${property.name} takes a number`, hint: 'write digits only' };
  }
  const options = (property.options ?? []).map(({ value }) => value);
  if (property.externalOptions === true || options.length === 0) {
    return null;
  }
  // Checkboxes take several, with semicolons in between; a leading one adds to those that are set.
  const wrong = text.split(';').find((value) => value !== '' && !options.includes(value));
  if (wrong === undefined) {
    return null;
  }
  const { hint } = { hint: `its options are ${options.slice(0, 20).join(', ')}`, ...didYouMean(wrong, options) };
  return { message: `the property ${property.name} has no option ${JSON.stringify(wrong)}`, hint };
}
