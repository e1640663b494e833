import type { Proof, ProofResult } from '../../proof';
import { checked, readBatch, type BatchAnswer } from '../answers';
import type { HubSpotClient } from '../client';
import { isConflict } from '../failure';
import { keyPropertyGroup } from '../key-property';
import { outcomeOf, Sandbox } from './sandbox';

/** What an account answers to a batch in which one record has a unique value that is taken, and what it has made then. */
export const batchProof: Proof<HubSpotClient> = {
  name: 'batch-of-calls',
  question: 'What does HubSpot answer to a batch of calls when one of them exists already, and in which order?',
  creates: 'a property of calls, and up to six calls',
  run: async (client, tools) => {
    const { mark, signal } = tools;
    const sandbox = new Sandbox(client, tools);
    const { session } = sandbox;
    sandbox.property('calls');
    const groupName = await keyPropertyGroup(session, 'calls');
    const description = 'Made by `bridge connections prove`, which removes it again.';
    const property = await outcomeOf(() =>
      session.createUniqueProperty('calls', { name: mark, label: mark, description, groupName }),
    );
    if (property.result?.hasUniqueValue !== true) {
      return {
        answer: property.refusal?.text ?? 'the property was created, but HubSpot does not keep it unique',
        verdict: 'differs',
        means: 'Calls are created one by one.',
      };
    }
    const calls = sandbox.records('calls');
    await calls.create({ [mark]: `${mark}0` });
    const create = async (...keys: readonly string[]): Promise<BatchAnswer> => {
      const answer = await checked(
        () =>
          client
            .openApis(client, signal, () => client.limits.requests.waitForSlot(signal))
            .batches.create('calls', {
              inputs: keys.map((key) => ({
                properties: { hs_call_title: mark, hs_timestamp: new Date().toISOString(), [mark]: key },
                associations: [],
                objectWriteTraceId: key,
              })),
            }),
        readBatch,
      );
      answer.results.forEach(({ record }) => calls.remember(record.id));
      return answer;
    };
    const [before, taken, after] = [`${mark}1`, `${mark}0`, `${mark}2`];
    const mixed = await outcomeOf(() => create(before, taken, after));
    const exist: string[] = [];
    for (const [name, key] of [
      ['the one before it', before],
      ['the one after it', after],
    ] as const) {
      const record = await session.get('calls', key, { idProperty: mark });
      if (record !== null) {
        calls.remember(record.id);
        exist.push(name);
      }
    }
    const keys = [`${mark}3`, `${mark}4`, `${mark}5`];
    const fine = await outcomeOf(() => create(...keys));
    const results = fine.result?.results ?? [];
    const isKnown = results.every(({ record, traceId }) => keys.includes(traceId ?? record.properties[mark] ?? 'none'));
    const inOrder = results.map(({ record }) => record.properties[mark]).join() === keys.join();
    const told =
      mixed.result?.errors.filter(({ conflict, traceIds }) => conflict !== null && traceIds[0] === taken) ?? [];
    const answer = [
      `one of three exists: ${mixed.refusal?.text ?? `an answer for each, ${told.length === 1 ? 'naming' : 'not naming'} the refused one`}`,
      `made then: ${exist.join(', ') || 'none'}`,
      `three new ones: ${fine.refusal?.text ?? `results ${inOrder ? 'in the order' : 'not in the order'} of the request, ${results.every(({ traceId }) => traceId !== null) ? 'with' : 'without'} its ids`}`,
    ].join('; ');
    const isRefusalKnown = mixed.refusal === null ? told.length === 1 : isConflict(mixed.refusal.failure);
    return isRefusalKnown && fine.refusal === null && isKnown && results.length === keys.length
      ? asAssumed(answer)
      : { answer, verdict: 'differs', means: 'Calls in a burst may be logged late: please report this answer.' };
  },
};

function asAssumed(answer: string): ProofResult {
  return { answer, verdict: 'as_assumed', means: 'Calls that are logged together are logged once each.' };
}
