import { hubspot } from '../../../src/connectors/hubspot/connector';
import { hubspotProofs } from '../../../src/connectors/hubspot/prove/proofs';
import type { UniqueProperties } from '../../../src/connectors/hubspot/stand-in/account-options';
import type { HubSpotStandIn, HubSpotStandInOptions } from '../../../src/connectors/hubspot/stand-in/server';
import type { Connector } from '../../../src/connectors/connector';
import type { Proof } from '../../../src/connectors/proof';
import { proveConnection, type ProofReport } from '../../../src/status/connection-proof';
import { startStandIn } from './running-actions';

const QUIET = { info: (): void => undefined, warn: (): void => undefined };

/** The report of one proof, which must have left nothing behind. */
async function prove(
  name: string,
  options: HubSpotStandInOptions = {},
): Promise<ProofReport & { standIn: HubSpotStandIn }> {
  const standIn = await startStandIn({ indexDelayMs: 0, ...options });
  const before = contentsOf(standIn);
  // Both come from one connector, so the client is the one that the proof expects.
  const proofs = hubspotProofs.filter((proof) => proof.name === name) as unknown as Proof<unknown>[];
  const [report] = await proveConnection(
    hubspot as unknown as Connector,
    proofs,
    hubspot.connection.settings.parse(standIn.settings),
    { given: {}, signal: new AbortController().signal, log: QUIET },
  );
  if (report === undefined) {
    throw new Error(`no proof ${name}`);
  }
  expect(report.left).toEqual([]);
  expect(contentsOf(standIn)).toEqual(before);
  return { ...report, standIn };
}

function contentsOf(standIn: HubSpotStandIn): unknown {
  return (['contacts', 'calls', 'tasks'] as const).map((type) => [
    standIn.account.list(type).length,
    standIn.account.properties(type).map(({ name }) => name),
  ]);
}

describe.each(['calls', 'tasks', 'contacts'] as const)('the proof of unique properties of %s', (type) => {
  test.each<[UniqueProperties, 'as_assumed' | 'differs', RegExp]>([
    ['honoured', 'as_assumed', /look-up: found; second record with the same value: 409 CONFLICT, naming the record/],
    ['refused', 'differs', /^creating the property: 400 VALIDATION_ERROR$/],
    ['not_unique', 'differs', /does not keep it unique/],
    ['look_up_refused', 'differs', /look-up: 400 PROPERTY_DOESNT_EXIST/],
    ['not_found', 'differs', /look-up: not found; second record with the same value: 409/],
  ])('where they are %s: %s', async (mode, verdict, answer) => {
    expect(await prove(`unique-property-of-${type}`, { uniqueProperties: { [type]: mode } })).toMatchObject({
      verdict,
      answer: expect.stringMatching(answer),
    });
  });

  test.each([
    [true, /a record with the deleted one's value: 409/],
    [false, /a record with the deleted one's value: created/],
  ])('says whether a deleted record keeps its value: %s', async (removedKeepsValue, answer) => {
    expect(await prove(`unique-property-of-${type}`, { removedKeepsValue })).toMatchObject({
      verdict: 'as_assumed',
      answer: expect.stringMatching(answer),
    });
  });
});

test.each([
  ['dropped', /\+39 06 1234 5678 in phone: 612345678;/],
  ['kept', /\+39 06 1234 5678 in phone: 0612345678;/],
] as const)('the proof of searchable digits, zeros %s', async (searchableZeros, answer) => {
  expect(await prove('searchable-phone-digits', { searchableZeros })).toMatchObject({
    verdict: 'as_assumed',
    answer: expect.stringMatching(answer),
  });
});

test('the proof of the status of missed calls names the refusal', async () => {
  expect(await prove('missed-call-status')).toMatchObject({
    verdict: 'differs',
    answer: expect.stringMatching(/^400 INVALID_OPTION.*hs_call_status/),
  });
});

test('the proof of external ids finds the call', async () => {
  expect(await prove('call-external-id')).toMatchObject({ verdict: 'as_assumed' });
});

test.each<[HubSpotStandInOptions, 'as_assumed' | 'differs', RegExp]>([
  [{}, 'as_assumed', /an answer for each, naming the refused one; made then: the one before it, the one after it;/],
  [{}, 'as_assumed', /results not in the order of the request, with its ids$/],
  [{ resultsCarryTraceIds: false }, 'as_assumed', /without its ids$/],
  [{ batches: 'whole' }, 'as_assumed', /^one of three exists: 409 CONFLICT, naming the record; made then: none;/],
  [{ batches: 'partly' }, 'as_assumed', /made then: the one before it;/],
  [{ uniqueProperties: { calls: 'refused' } }, 'differs', /^400 VALIDATION_ERROR$/],
])('the proof of batches where %j: %s', async (options, verdict, answer) => {
  expect(await prove('batch-of-calls', options)).toMatchObject({ verdict, answer: expect.stringMatching(answer) });
});

test.each([
  [[], 'unknown'],
  [['crm.objects.owners.read'], 'as_assumed'],
] as const)('the proof of scopes with a token without %j: %s', async (missingScopes, verdict) => {
  const { answer, ...report } = await prove('scopes-by-address', { missingScopes });
  expect(report.verdict).toBe(verdict);
  expect(answer.includes('403 MISSING_SCOPES, asking for crm.objects.owners.read')).toBe(missingScopes.length > 0);
});
