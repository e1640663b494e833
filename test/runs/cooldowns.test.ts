import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { cooldownWorkflowId, TemporalCooldowns } from '../../src/runs/cooldowns';
import { startGrpcStub, type GrpcAnswer, type GrpcStub } from '../temporal/grpc-stub';

const {
  DescribeWorkflowExecutionResponse,
  SignalWorkflowExecutionRequest,
  SignalWorkflowExecutionResponse,
  StartWorkflowExecutionRequest,
  StartWorkflowExecutionResponse,
} = temporal.api.workflowservice.v1;
const { WorkflowExecutionStatus } = temporal.api.enums.v1;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const UNAVAILABLE = 14;
const HOUR_MS = 3_600_000;
const STARTED = StartWorkflowExecutionResponse.encode({ runId: 'r' }).finish();

let stub: GrpcStub;
let cooldowns: TemporalCooldowns;
let starts: GrpcAnswer[];
let holder: GrpcAnswer;
let requests: { method: string; request: Uint8Array }[];

beforeEach(async () => {
  starts = [STARTED];
  holder = NOT_FOUND;
  requests = [];
  stub = await startGrpcStub((method, request) => {
    requests.push({ method, request });
    switch (method) {
      case 'StartWorkflowExecution':
        return starts.length > 1 ? (starts.shift() ?? UNAVAILABLE) : (starts[0] ?? UNAVAILABLE);
      case 'DescribeWorkflowExecution':
        return holder;
      default:
        return SignalWorkflowExecutionResponse.encode({}).finish();
    }
  });
  cooldowns = new TemporalCooldowns(new Client({ connection: stub.connection }), 'key');
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

it('claims a free cooldown by starting its workflow', async () => {
  expect(await cooldowns.claim('+15551234567', HOUR_MS, 'owner')).toBe('claimed');
  const sent = StartWorkflowExecutionRequest.decode(requests[0]?.request ?? new Uint8Array());
  expect(sent).toMatchObject({ workflowId: cooldownWorkflowId('+15551234567', 'key'), taskQueue: { name: 'bridge' } });
  expect(defaultPayloadConverter.fromPayload(sent.memo?.fields?.['owner'] ?? {})).toBe('owner');
  expect(defaultPayloadConverter.fromPayload(sent.input?.payloads?.[0] ?? {})).toEqual({ window_ms: HOUR_MS });
});

it.each([
  ['held', 'other'],
  ['claimed', 'owner'],
])('answers %s when the workflow of %s runs', async (expected, owner) => {
  starts = [ALREADY_EXISTS];
  holder = heldBy(owner);
  expect(await cooldowns.claim('key', HOUR_MS, 'owner')).toBe(expected);
  expect(methods()).toEqual(['StartWorkflowExecution', 'DescribeWorkflowExecution']);
});

it('starts again when the holder has ended meanwhile', async () => {
  starts = [ALREADY_EXISTS, STARTED];
  expect(await cooldowns.claim('key', HOUR_MS, 'owner')).toBe('claimed');
});

it('answers held after three starts that met a holder without a memo', async () => {
  starts = [ALREADY_EXISTS];
  expect(await cooldowns.claim('key', HOUR_MS, 'owner')).toBe('held');
  expect(methods().filter((method) => method === 'StartWorkflowExecution')).toHaveLength(3);
});

it('throws when Temporal is unavailable', async () => {
  starts = [UNAVAILABLE];
  await expect(cooldowns.claim('key', HOUR_MS, 'owner')).rejects.toMatchObject({ cause: { code: UNAVAILABLE } });
});

it('releases its own claim only', async () => {
  holder = heldBy('other');
  await cooldowns.release('key', 'owner');
  expect(methods()).toEqual(['DescribeWorkflowExecution']);
  holder = heldBy('owner');
  await cooldowns.release('key', 'owner');
  const signal = SignalWorkflowExecutionRequest.decode(requests.at(-1)?.request ?? new Uint8Array());
  expect(signal.signalName).toBe('releaseCooldown');
});

test('the workflow id depends on key and hash key, and contains neither', () => {
  const id = cooldownWorkflowId('+15551234567', 'key');
  expect(id).toMatch(/^cooldown\/[0-9a-f]{32}$/);
  expect(cooldownWorkflowId('+15551234567', 'key')).toBe(id);
  expect(cooldownWorkflowId('+15551234567', 'other')).not.toBe(id);
  expect(cooldownWorkflowId('+15551234568', 'key')).not.toBe(id);
});
