import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { ActionError } from '../../src/connectors/action-error';
import { TemporalClaims } from '../../src/runs/claims';
import type { ClaimAnswer, ClaimChange } from '../../src/runs/run-contract';
import { startGrpcStub, type GrpcStub } from '../temporal/grpc-stub';

const { ExecuteMultiOperationRequest, ExecuteMultiOperationResponse } = temporal.api.workflowservice.v1;
const { UpdateWorkflowExecutionLifecycleStage } = temporal.api.enums.v1;
const UNAVAILABLE = 14;
const HOUR_MS = 3_600_000;
const CLAIM = { key: '+15551234567', owner: 'call_hangup/1/rule', max: 1, keepMs: HOUR_MS };

let stub: GrpcStub;
let claims: TemporalClaims;
let answer: ClaimAnswer | number;
let sent: { workflowId: string; changes: ClaimChange[]; bytes: Uint8Array }[];

beforeEach(async () => {
  answer = 'claimed';
  sent = [];
  stub = await startGrpcStub((_method, request) => {
    const { operations } = ExecuteMultiOperationRequest.decode(request);
    const start = operations[0]?.startWorkflow;
    const [argument] = operations[1]?.updateWorkflow?.request?.input?.args?.payloads ?? [];
    const changes = defaultPayloadConverter.fromPayload<ClaimChange[]>(argument ?? {});
    sent.push({ workflowId: start?.workflowId ?? '', changes, bytes: request });
    return typeof answer === 'number' ? answer : updated(changes.map(() => answer));
  });
  claims = new TemporalClaims(new Client({ connection: stub.connection }), 'key');
});

afterEach(() => stub.close());

/** What Temporal answers to an update that has ended. */
function updated(answers: unknown[]): Uint8Array {
  return ExecuteMultiOperationResponse.encode({
    responses: [
      { startWorkflow: { runId: 'r' } },
      {
        updateWorkflow: {
          updateRef: { workflowExecution: { workflowId: 'claims/0', runId: 'r' }, updateId: 'u' },
          outcome: { success: { payloads: [defaultPayloadConverter.toPayload(answers)] } },
          stage: UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
        },
      },
    ],
  }).finish();
}

it('makes a claim by an update, which starts the workflow where none runs', async () => {
  expect(await claims.claim(CLAIM)).toBe('claimed');
  expect(sent).toHaveLength(1);
  expect(sent[0]?.workflowId).toMatch(/^claims\/[0-9a-f]$/);
  expect(sent[0]?.changes).toMatchObject([{ do: 'claim', max: 1, keep_ms: HOUR_MS }]);
});

it('answers held when others hold the key', async () => {
  answer = 'held';
  expect(await claims.claim(CLAIM)).toBe('held');
});

it('fails as transient when no more can be counted', async () => {
  answer = 'full';
  const failing = claims.claim(CLAIM);
  await expect(failing).rejects.toBeInstanceOf(ActionError);
  await expect(failing).rejects.toMatchObject({ errorClass: 'transient', detail: { code: 'claims_full' } });
});

it('releases the claim of the same key and owner', async () => {
  await claims.claim(CLAIM);
  answer = 'released';
  await claims.release(CLAIM.key, CLAIM.owner);
  const [claim, release] = sent.map(({ changes }) => changes[0]);
  expect(release).toEqual({ do: 'release', id: claim?.id, owner: claim?.owner });
  expect(sent[1]?.workflowId).toBe(sent[0]?.workflowId);
});

it('throws when Temporal is unavailable', async () => {
  answer = UNAVAILABLE;
  await expect(claims.claim(CLAIM)).rejects.toMatchObject({ cause: { code: UNAVAILABLE } });
});

it('sends claims on one key that are made together in two updates', async () => {
  const owners = Array.from({ length: 30 }, (_, index) => `owner-${index}`);
  await Promise.all(owners.map((owner) => claims.claim({ ...CLAIM, owner })));
  expect(sent.map(({ changes }) => changes.length)).toEqual([1, 29]);
  expect(new Set(sent.flatMap(({ changes }) => changes.map(({ owner }) => owner))).size).toBe(30);
});

it('spreads keys over 16 workflows', async () => {
  const keys = Array.from({ length: 400 }, (_, index) => `key-${index}`);
  await Promise.all(keys.map((key) => claims.claim({ ...CLAIM, key })));
  expect(new Set(sent.map(({ workflowId }) => workflowId)).size).toBe(16);
  expect(new Set(sent.flatMap(({ changes }) => changes.map(({ id }) => id))).size).toBe(400);
});

it('sends hashes that depend on the hash key, and neither key nor owner', async () => {
  await claims.claim(CLAIM);
  await new TemporalClaims(new Client({ connection: stub.connection }), 'other').claim(CLAIM);
  const [one, other] = sent;
  expect(one?.changes[0]?.id).not.toBe(other?.changes[0]?.id);
  expect(one?.changes[0]?.owner).not.toBe(other?.changes[0]?.owner);
  const text = Buffer.from(one?.bytes ?? []).toString('latin1');
  expect(text).not.toContain('15551234567');
  expect(text).not.toContain('call_hangup');
});
