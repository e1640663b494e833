import { setTimeout as delay } from 'node:timers/promises';
import { Client, ServiceError } from '@temporalio/client';
import { NativeConnection, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import pino from 'pino';
import type { Connector } from '../../src/connectors/connector';
import type { CanonicalEvent } from '../../src/events/canonical-event';
import type { PlannedStep } from '../../src/rules/plan';
import { parkWorkflowId } from '../../src/runs/names';
import type { ParkingPace, ParkedStep } from '../../src/runs/parking-contract';
import { startRun } from '../../src/runs/start-run';
import { installRuntime } from '../../src/worker/create-worker';
import {
  bundleWorkflows,
  event,
  plan,
  probeConnector,
  startProbeWorker,
  step,
  type Probe,
  type ProbeWorker,
} from './probe';
import { newNamespace, type TestNamespace } from './temporal-server';

/** No connection is probed automatically within a test. */
export const BY_COMMAND_ONLY: ParkingPace = {
  first_ms: 60_000,
  longest_ms: 120_000,
  let_go_per_second: 10,
  history_events: 2_000,
};
const WITHIN_MS = 60_000;

/** How a worker of {@link Parking} is started. */
export interface ParkingWorkerOptions {
  pace?: ParkingPace;
  checkQueueEveryMs?: number;
  /** A connection besides `probe` and `other`. */
  also?: { connector: Connector; client: unknown };
}

/** Runs, workers and the connections `probe` and `other`, in a namespace of the test file's own. */
export class Parking {
  readonly probe: Probe = { attempts: [], failures: new Map(), down: null };
  readonly other: Probe = { attempts: [], failures: new Map(), down: null };
  /** Stopped after each test. */
  readonly workers: ProbeWorker[] = [];

  private constructor(
    private readonly temporal: TestNamespace,
    private readonly connection: NativeConnection,
    private readonly workflowBundle: WorkflowBundleWithSourceMap,
    readonly client: Client,
  ) {}

  static async open(): Promise<Parking> {
    installRuntime(pino({ level: 'silent' }));
    const temporal = await newNamespace();
    const connection = await NativeConnection.connect({ address: temporal.address });
    const client = new Client({ connection, namespace: temporal.namespace });
    return new Parking(temporal, connection, await bundleWorkflows(), client);
  }

  /** Ends what a test started. */
  async reset(): Promise<void> {
    await this.client.workflow
      .getHandle(parkWorkflowId('probe'))
      .terminate('the test is over')
      .catch(() => undefined);
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()));
    for (const probe of [this.probe, this.other]) {
      probe.attempts.length = 0;
      probe.failures.clear();
      probe.down = null;
    }
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  async startWorker(options: ParkingWorkerOptions = {}): Promise<ProbeWorker> {
    const { pace = BY_COMMAND_ONLY, checkQueueEveryMs, also } = options;
    const worker = await startProbeWorker({
      temporal: this.temporal,
      workflowBundle: this.workflowBundle,
      connections: [
        { connector: probeConnector('probe'), client: this.probe },
        { connector: probeConnector('other'), client: this.other },
        ...(also === undefined ? [] : [also]),
      ],
      pace,
      ...(checkQueueEveryMs === undefined ? {} : { checkQueueEveryMs }),
    });
    this.workers.push(worker);
    return worker;
  }

  /** Starts a run of one rule with these steps, or of several rules. @returns its workflow id. */
  async run(steps: PlannedStep[] | Record<string, PlannedStep[]>, happened: CanonicalEvent = event()): Promise<string> {
    await startRun(this.client, happened, plan(Array.isArray(steps) ? { rule: steps } : steps), {
      workflowId: happened.event_id,
      searchAttributes: true,
      eager: false,
    });
    return happened.event_id;
  }

  /** Starts runs of one step, each once the step of the one before waits. */
  async runsThatWait(notes: string[], more: Partial<PlannedStep> = {}): Promise<string[]> {
    const runs: string[] = [];
    for (const note of notes) {
      const workflowId = await this.run([step('s', note, more)]);
      runs.push(workflowId);
      await until(`${note} waits`, async () => ((await this.parkedStepsOf(workflowId)).length === 1 ? true : null));
    }
    return runs;
  }

  /** How many steps wait for the connection `probe`. */
  async waiting(): Promise<number> {
    const handle = this.client.workflow.getHandle(parkWorkflowId('probe'));
    try {
      return (await handle.query<{ waiting: number }>('lineState')).waiting;
    } catch (error) {
      // The queue of the test before may close at this very moment: Temporal refuses the question then.
      if (error instanceof ServiceError && /closed before/.test(causeOf(error))) {
        return 0;
      }
      throw error;
    }
  }

  /** Waits until so many steps wait for the connection `probe`. */
  async untilWaiting(count: number): Promise<void> {
    await until(`${count} wait`, async () => ((await this.waiting()) === count ? true : null));
  }

  async parkedStepsOf(workflowId: string): Promise<ParkedStep[]> {
    return this.client.workflow.getHandle(workflowId).query<ParkedStep[]>('parkedSteps');
  }

  async status(workflowId: string): Promise<string> {
    return (await this.client.workflow.getHandle(workflowId).describe()).status.name;
  }

  /** The notes of all attempts at `probe`, in their order. */
  notesTried(): string[] {
    return this.probe.attempts.map(({ note }) => note);
  }

  /** How many lines of this level with this text the workers logged. */
  logged(level: string, text: string): number {
    return this.workers.flatMap(({ log }) => log.filter((line) => line.level === level && line.msg.includes(text)))
      .length;
  }
}

function causeOf({ cause }: ServiceError): string {
  return cause instanceof Error ? cause.message : '';
}

/** Calls `look` until it gives a value. @throws after a minute. */
export async function until<Value>(what: string, look: () => Promise<Value | null> | Value | null): Promise<Value> {
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    const found = await look();
    if (found !== null) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`timed out waiting until ${what}`);
    }
    await delay(20);
  }
}
