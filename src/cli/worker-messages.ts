import { z } from 'zod';

/**
 * What the bridge's process and its worker process say to each other over Node's IPC channel. The worker ends when the channel closes:
 * it never outlives its bridge.
 */

/** From the bridge to its worker. */
export const toWorker = z.discriminatedUnion('type', [
  /** There is something new in the inbox. */
  z.object({ type: z.literal('wake') }),
  /** Finish what is under way, then end. */
  z.object({ type: z.literal('stop') }),
]);
export type ToWorker = z.infer<typeof toWorker>;

const stepReport = z.looseObject({ step: z.string(), action: z.string(), outcome: z.enum(['done', 'skipped', 'failed']) });

/** From the worker to its bridge. */
export const fromWorker = z.discriminatedUnion('type', [
  /** It polls. `stand_ins`: connections that a stand-in answers. */
  z.object({ type: z.literal('ready'), stand_ins: z.array(z.string()) }),
  /** A run closed. */
  z.object({
    type: z.literal('closed'),
    event_id: z.string(),
    status: z.enum(['completed', 'failed', 'terminated', 'cancelled', 'timed_out', 'unknown']),
    steps: z.array(stepReport),
  }),
  /** How it is, every few seconds: for /readyz. `temporal`: why Temporal cannot be used. */
  z.object({ type: z.literal('state'), temporal: z.string().nullable(), parked: z.record(z.string(), z.string()) }),
  /** Its metrics in Prometheus' text form, every few seconds: for /metrics. */
  z.object({ type: z.literal('metrics'), text: z.string() }),
  /** It ends because of this. */
  z.object({ type: z.literal('failed'), problem: z.string() }),
]);
export type FromWorker = z.infer<typeof fromWorker>;

/** What the worker process is started with (as JSON in its arguments). No secrets: it reads the settings itself. */
export const workerStart = z.object({
  configFile: z.string().nullable(),
  /** Address of the embedded server; null when the environment or a profile says where Temporal is. */
  embeddedAddress: z.string().nullable(),
  /** Whether it starts runs for the inbox in the data folder, too. */
  dispatch: z.boolean(),
});
export type WorkerStart = z.infer<typeof workerStart>;
