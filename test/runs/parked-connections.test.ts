import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time';
import { temporal } from '@temporalio/proto';
import { ParkedConnections, parseMemo } from '../../src/runs/parked-connections';
import { startGrpcStub, type GrpcAnswer, type GrpcStub } from '../temporal/grpc-stub';

const {
  DescribeWorkflowExecutionResponse,
  QueryWorkflowResponse,
  SignalWithStartWorkflowExecutionRequest,
  SignalWithStartWorkflowExecutionResponse,
  SignalWorkflowExecutionRequest,
  SignalWorkflowExecutionResponse,
} = temporal.api.workflowservice.v1;
const { WorkflowExecutionStatus } = temporal.api.enums.v1;
const NOT_FOUND = 5;
const UNAVAILABLE = 14;
const PROBLEM = { code: 'http_401', message: 'the token was revoked', remedy: null };
const STEP = { run: 'call_hangup/1', step: 'rule/log', began_at: '2026-03-02T01:00:00.000Z' };
const SINCE = '2026-03-02T01:00:01.000Z';

let stub: GrpcStub;
let parked: ParkedConnections;
let answers: Record<string, GrpcAnswer>;
let requests: { method: string; request: Uint8Array }[];

beforeEach(async () => {
  answers = {};
  requests = [];
  stub = await startGrpcStub((method, request) => {
    requests.push({ method, request });
    return answers[method] ?? NOT_FOUND;
  });
  parked = new ParkedConnections(new Client({ connection: stub.connection }));
});

afterEach(() => stub.close());

function description(status: number, memo: Record<string, unknown> = {}): Uint8Array {
  return DescribeWorkflowExecutionResponse.encode({
    executionConfig: { taskQueue: { name: 'bridge' } },
    workflowExecutionInfo: {
      execution: { workflowId: 'connection/crm', runId: 'r' },
      type: { name: 'parkConnection' },
      status,
      startTime: msToTs(Date.parse(SINCE)),
      executionTime: msToTs(Date.parse(SINCE)),
      memo: {
        fields: Object.fromEntries(
          Object.entries(memo).map(([name, value]) => [name, defaultPayloadConverter.toPayload(value)]),
        ),
      },
    },
  }).finish();
}

describe('a connection that is not parked', () => {
  it('is not found, neither before its first queue nor after it', async () => {
    expect([await parked.find('crm'), await parked.describe('crm')]).toEqual([null, null]);
    answers['DescribeWorkflowExecution'] = description(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED);
    expect([await parked.find('crm'), await parked.describe('crm')]).toEqual([null, null]);
  });

  it('has no queue for a step, and cannot be resumed', async () => {
    expect([await parked.enqueue('crm', STEP), await parked.resume('crm')]).toEqual([false, false]);
    await expect(parked.reportWorking('crm')).resolves.toBeUndefined();
  });

  it('is parked by the signal that starts its queue', async () => {
    answers['SignalWithStartWorkflowExecution'] = SignalWithStartWorkflowExecutionResponse.encode({
      runId: 'r',
    }).finish();
    await parked.park('crm', STEP, PROBLEM);
    const sent = SignalWithStartWorkflowExecutionRequest.decode(requests[0]?.request ?? new Uint8Array());
    expect(sent).toMatchObject({
      workflowId: 'connection/crm',
      workflowType: { name: 'parkConnection' },
      taskQueue: { name: 'bridge' },
      signalName: 'stepWaits',
    });
    const [signal] = sent.signalInput?.payloads ?? [];
    const [input] = sent.input?.payloads ?? [];
    expect(defaultPayloadConverter.fromPayload(signal ?? {})).toEqual({ step: STEP, problem: PROBLEM });
    expect(defaultPayloadConverter.fromPayload(input ?? {})).toEqual({
      connection: 'crm',
      pace: { first_ms: 30_000, longest_ms: 300_000, let_go_per_second: 10, history_events: 2_000 },
      problem: PROBLEM,
      probes_in_turn: true,
      single_probe: true,
      waiting: [],
      progress: null,
    });
  });
});

describe('a parked connection', () => {
  beforeEach(() => {
    answers['DescribeWorkflowExecution'] = description(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING, {
      problem: PROBLEM,
      since: SINCE,
    });
    answers['SignalWorkflowExecution'] = SignalWorkflowExecutionResponse.encode({}).finish();
  });

  it('is found with its problem; its queue adds its state', async () => {
    const state = { waiting: 3, next_probe_at: '2026-03-02T01:00:31.000Z' };
    answers['QueryWorkflow'] = QueryWorkflowResponse.encode({
      queryResult: { payloads: [defaultPayloadConverter.toPayload(state)] },
    }).finish();
    expect(await parked.find('crm')).toEqual({ problem: PROBLEM, since: SINCE });
    expect(await parked.describe('crm')).toEqual({ problem: PROBLEM, since: SINCE, line: state });
  });

  it('is described without the state when no worker answers', async () => {
    answers['QueryWorkflow'] = UNAVAILABLE;
    expect(await parked.describe('crm')).toEqual({ problem: PROBLEM, since: SINCE, line: null });
  });

  it('gets its signals by name', async () => {
    expect([await parked.enqueue('crm', STEP), await parked.resume('crm')]).toEqual([true, true]);
    await parked.reportWorking('crm');
    await parked.reportProbeOver('crm', { run: STEP.run, step: STEP.step });
    const sent = requests.map(({ request }) => SignalWorkflowExecutionRequest.decode(request));
    expect(sent.map(({ signalName, workflowExecution }) => [signalName, workflowExecution?.workflowId])).toEqual([
      ['stepWaits', 'connection/crm'],
      ['resume', 'connection/crm'],
      ['connectionWorks', 'connection/crm'],
      ['probeOver', 'connection/crm'],
    ]);
    const [waits] = sent[0]?.input?.payloads ?? [];
    expect(defaultPayloadConverter.fromPayload(waits ?? {})).toEqual({ step: STEP, problem: null });
    const [over] = sent[3]?.input?.payloads ?? [];
    expect(defaultPayloadConverter.fromPayload(over ?? {})).toEqual({ run: STEP.run, step: STEP.step });
  });
});

it('throws when Temporal is unavailable', async () => {
  answers['DescribeWorkflowExecution'] = UNAVAILABLE;
  answers['SignalWorkflowExecution'] = UNAVAILABLE;
  await expect(parked.find('crm')).rejects.toMatchObject({ cause: { code: UNAVAILABLE } });
  await expect(parked.enqueue('crm', STEP)).rejects.toMatchObject({ cause: { code: UNAVAILABLE } });
});

describe('parseMemo', () => {
  const startTime = new Date(SINCE);
  const unknown = { code: 'unknown', message: 'its credential or account does not work', remedy: null };

  it.each([
    ['the memo', { problem: PROBLEM, since: '2026-01-01T00:00:00.000Z' }, PROBLEM, '2026-01-01T00:00:00.000Z'],
    ['no memo: its first task has not run', undefined, unknown, SINCE],
    ['a memo of another shape', { problem: { code: 4 }, since: 5 }, unknown, SINCE],
  ])('reads %s', (_, memo, problem, since) => {
    expect(parseMemo(memo, startTime)).toEqual({ problem, since });
  });
});
