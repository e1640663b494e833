import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { cooldownWorkflowId, EarlierClaims, limitWorkflowId } from '../../src/runs/earlier-claims';
import { startGrpcStub, type GrpcAnswer, type GrpcStub } from '../temporal/grpc-stub';

const {
  CountWorkflowExecutionsRequest,
  CountWorkflowExecutionsResponse,
  DescribeWorkflowExecutionRequest,
  DescribeWorkflowExecutionResponse,
  SignalWorkflowExecutionRequest,
  SignalWorkflowExecutionResponse,
} = temporal.api.workflowservice.v1;
const { WorkflowExecutionStatus } = temporal.api.enums.v1;
const NOT_FOUND = 5;
const UNAVAILABLE = 14;
const MINUTE_MS = 60_000;

let stub: GrpcStub;
let earlier: EarlierClaims;
let open: number | 'unavailable';
let holder: GrpcAnswer;
let now: number;
let requests: { method: string; request: Uint8Array }[];

beforeEach(async () => {
  open = 1;
  holder = NOT_FOUND;
  now = 0;
  requests = [];
  stub = await startGrpcStub((method, request) => {
    requests.push({ method, request });
    switch (method) {
      case 'CountWorkflowExecutions':
        return open === 'unavailable'
          ? UNAVAILABLE
          : CountWorkflowExecutionsResponse.encode(
              CountWorkflowExecutionsResponse.fromObject({ count: open }),
            ).finish();
      case 'DescribeWorkflowExecution':
        return holder;
      case 'SignalWorkflowExecution':
        return SignalWorkflowExecutionResponse.encode({}).finish();
      default:
        return NOT_FOUND;
    }
  });
  earlier = new EarlierClaims(new Client({ connection: stub.connection }), 'key', () => now);
});

afterEach(() => stub.close());

function heldBy(owner: string): Uint8Array {
  return DescribeWorkflowExecutionResponse.encode({
    executionConfig: { taskQueue: { name: 'bridge' } },
    workflowExecutionInfo: {
      execution: { workflowId: 'cooldown/x', runId: 'r' },
      type: { name: 'holdCooldown' },
      status: WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
      startTime: {},
      executionTime: {},
      memo: { fields: { owner: defaultPayloadConverter.toPayload(owner) } },
    },
  }).finish();
}

const methods = (): string[] => requests.map(({ method }) => method);

it('looks for a cooldown only while any workflow of an earlier version runs', async () => {
  open = 0;
  expect(await earlier.holderOf('+15551234567')).toBeNull();
  expect(await earlier.countWithin('subject', '2026-03-02', 'owner')).toBeNull();
  expect(methods()).toEqual(['CountWorkflowExecutions']);
  const { query } = CountWorkflowExecutionsRequest.decode(requests[0]?.request ?? new Uint8Array());
  expect(query).toContain("'holdCooldown'");
  expect(query).toContain("'countLimit'");
});

it('finds who holds a cooldown, and nobody where none runs', async () => {
  expect(await earlier.holderOf('+15551234567')).toBeNull();
  holder = heldBy('owner');
  expect(await earlier.holderOf('+15551234567')).toBe('owner');
  const { execution } = DescribeWorkflowExecutionRequest.decode(requests.at(-1)?.request ?? new Uint8Array());
  expect(execution?.workflowId).toBe(cooldownWorkflowId('+15551234567', 'key'));
});

it("releases its owner's cooldown only", async () => {
  holder = heldBy('other');
  await earlier.release('key', 'owner');
  expect(methods()).not.toContain('SignalWorkflowExecution');
  holder = heldBy('owner');
  await earlier.release('key', 'owner');
  const signal = SignalWorkflowExecutionRequest.decode(requests.at(-1)?.request ?? new Uint8Array());
  expect(signal.signalName).toBe('releaseCooldown');
});

it('counts nothing where no run counts the period', async () => {
  expect(await earlier.countWithin('subject', '2026-03-02', 'owner')).toBeNull();
  expect(methods()).toEqual(['CountWorkflowExecutions', 'UpdateWorkflowExecution']);
});

it('asks again soon after its start, and later every ten minutes', async () => {
  open = 0;
  const askedAt: number[] = [];
  for (now = 0; now <= 60 * MINUTE_MS; now += 5_000) {
    const before = requests.length;
    await earlier.holderOf('key');
    if (requests.length > before) {
      askedAt.push(now / 1_000);
    }
  }
  expect(askedAt.slice(0, 4)).toEqual([0, 10, 20, 40]);
  const pauses = askedAt.slice(1).map((at, index) => at - (askedAt[index] ?? 0));
  expect(Math.max(...pauses)).toBe(600);
  expect(askedAt.length).toBeLessThanOrEqual(13);
});

it('looks each time when it cannot be told whether there are any', async () => {
  open = 'unavailable';
  holder = heldBy('owner');
  expect(await earlier.holderOf('key')).toBe('owner');
});

it('throws when Temporal is unavailable', async () => {
  holder = UNAVAILABLE;
  await expect(earlier.holderOf('key')).rejects.toMatchObject({ cause: { code: UNAVAILABLE } });
});

test('the ids depend on what is counted and on the hash key, and contain neither', () => {
  const id = cooldownWorkflowId('+15551234567', 'key');
  expect(id).toMatch(/^cooldown\/[0-9a-f]{32}$/);
  expect(
    new Set([id, cooldownWorkflowId('+15551234567', 'other'), cooldownWorkflowId('+15551234568', 'key')]).size,
  ).toBe(3);
  expect(limitWorkflowId('+15551234567', '2026-03-02T09', 'key')).toMatch(/^limit\/[0-9a-f]{32}\/2026-03-02T09$/);
});
