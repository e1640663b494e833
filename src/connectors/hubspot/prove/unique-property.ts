import type { Proof, ProofResult } from '../../proof';
import type { HubSpotClient } from '../client';
import { isConflict } from '../failure';
import { keyPropertyGroup } from '../key-property';
import type { ObjectType } from '../record';
import { outcomeOf, Sandbox, type Outcome } from './sandbox';

/** Whether an account keeps a property of our own unique, and finds records by it, also deleted ones. */
export function uniquePropertyProof(type: ObjectType): Proof<HubSpotClient> {
  return {
    name: `unique-property-of-${type}`,
    question: `Can ${type} have a property that HubSpot keeps unique, and are they found by it?`,
    creates: `a property of ${type}, and up to three ${type}`,
    run: async (client, tools) => {
      const { mark } = tools;
      const sandbox = new Sandbox(client, tools);
      const { session } = sandbox;
      sandbox.property(type);
      const groupName = await keyPropertyGroup(session, type);
      const description = 'Made by `bridge connections prove`, which removes it again.';
      const property = await outcomeOf(() =>
        session.createUniqueProperty(type, { name: mark, label: mark, description, groupName }),
      );
      if (property.refusal !== null) {
        return differs(`creating the property: ${property.refusal.text}`, type);
      }
      if (!property.result.hasUniqueValue) {
        return differs('the property was created, but HubSpot does not keep it unique', type);
      }
      const records = sandbox.records(type);
      const lookUp = (archived = false): Promise<Outcome<unknown>> =>
        outcomeOf(() => session.get(type, mark, { idProperty: mark, archived }));
      const before = await lookUp();
      const first = await records.create({ [mark]: mark });
      const found = await lookUp();
      const second = await records.create({ [mark]: mark });
      if (first.result !== null) {
        await session.remove(type, first.result.id);
      }
      const afterRemoval = await lookUp();
      const inRecycleBin = await lookUp(true);
      const again = await records.create({ [mark]: mark });
      await session.removeProperty(type, mark);
      const withoutProperty = await lookUp();

      const isAsAssumed =
        first.result !== null && found.result !== null && second.refusal !== null && isConflict(second.refusal.failure);
      const answer = [
        `look-up before: ${shown(before)}`,
        `first record: ${made(first)}`,
        `look-up: ${shown(found)}`,
        `second record with the same value: ${made(second)}`,
        `look-up once it is deleted: ${shown(afterRemoval)}, among deleted records: ${shown(inRecycleBin)}`,
        `a record with the deleted one's value: ${made(again)}`,
        `look-up once the property is deleted: ${shown(withoutProperty)}`,
      ].join('; ');
      return isAsAssumed
        ? {
            answer,
            verdict: 'as_assumed',
            means:
              type === 'contacts'
                ? 'A contact that the bridge creates for a number is created once.'
                : `The bridge makes its ${type} once, also when an answer is lost.`,
          }
        : differs(answer, type);
    },
  };
}

function differs(answer: string, type: ObjectType): ProofResult {
  return {
    answer,
    verdict: 'differs',
    means: `The bridge finds its ${type} by HubSpot's search, so that two workers at the same moment can make two.`,
  };
}

function shown(outcome: Outcome<unknown>): string {
  return outcome.refusal?.text ?? (outcome.result === null ? 'not found' : 'found');
}

function made(outcome: Outcome<unknown>): string {
  return outcome.refusal?.text ?? 'created';
}
