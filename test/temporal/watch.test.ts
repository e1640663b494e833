import { temporal } from '@temporalio/proto';
import pino, { type Logger } from 'pino';
import { watchTemporal, type TemporalWatch } from '../../src/temporal/watch';
import { startGrpcStub, type GrpcAnswer, type GrpcStub } from './grpc-stub';

const AVAILABLE = temporal.api.workflowservice.v1.DescribeTaskQueueResponse.encode({}).finish();
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

let stub: GrpcStub;
let watch: TemporalWatch;
let answer: () => GrpcAnswer;
let checks: number;
let onCheck: () => void;
let logged: string[];

beforeEach(async () => {
  checks = 0;
  logged = [];
  onCheck = () => undefined;
  stub = await startGrpcStub((method) => {
    checks += 1;
    onCheck();
    return method === 'DescribeTaskQueue' ? answer() : UNIMPLEMENTED;
  });
});

afterEach(async () => {
  watch.stop();
  await stub.close();
});

const log: Logger = pino(
  { level: 'info', base: null, timestamp: false },
  {
    write: (line: string) => void logged.push(line.trim()),
  },
);

function start(everyMs: number): void {
  watch = watchTemporal(stub.connection, 'default', log, everyMs);
}

/** Resolves when the watch has recorded the answer to a new check: it has begun the check after that. */
async function recordedCheck(): Promise<void> {
  for (let count = 0; count < 2; count += 1) {
    await new Promise<void>((resolve) => {
      onCheck = resolve;
    });
  }
}

test('an available Temporal has no problem, and nothing is logged', async () => {
  answer = () => AVAILABLE;
  start(1);
  expect(watch.problem()).toBeNull();
  await recordedCheck();
  expect([watch.problem(), logged]).toEqual([null, []]);
});

test('each change is logged once', async () => {
  answer = () => UNAVAILABLE;
  start(1);
  await recordedCheck();
  await recordedCheck();
  expect(watch.problem()).toBe('Temporal cannot be reached: gRPC status 14: no');
  answer = () => AVAILABLE;
  await recordedCheck();
  expect(watch.problem()).toBeNull();
  expect(logged.map((line): unknown => JSON.parse(line))).toEqual([
    { level: 40, problem: 'Temporal cannot be reached: gRPC status 14: no', msg: 'Temporal is unavailable' },
    { level: 30, msg: 'Temporal is available again' },
  ]);
});

test('a missing namespace is a problem', async () => {
  answer = () => NOT_FOUND;
  start(1);
  await recordedCheck();
  expect(watch.problem()).toBe('Temporal answered with gRPC status 5: no');
});

test('a stop during a check discards its answer, and ends the checks', async () => {
  const asked = new Promise<void>((resolve) => {
    onCheck = resolve;
  });
  answer = () => UNAVAILABLE;
  start(1);
  await asked;
  watch.stop();
  await stub.connection.workflowService.describeTaskQueue({}).catch(() => undefined);
  expect([watch.problem(), logged, checks]).toEqual([null, [], 2]);
});
