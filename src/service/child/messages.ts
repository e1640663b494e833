import { z } from 'zod';

/**
 * What the bridge's process and its child process (the worker, or the dispatcher) say to each other over Node's IPC
 * channel. The child ends when the channel closes: it never outlives its bridge.
 */

/** The two child processes: `worker` in mode `all` (with the dispatcher in it), `dispatcher` in mode `receiver`. */
export type ChildName = 'worker' | 'dispatcher';

/** From the bridge to its child. */
export const toChild = z.discriminatedUnion('type', [
  /** There is something new in the inbox. */
  z.object({ type: z.literal('wake') }),
  /** Finish what is under way, then end. */
  z.object({ type: z.literal('stop') }),
]);
export type ToChild = z.infer<typeof toChild>;

const stepReport = z.looseObject({
  step: z.string(),
  action: z.string(),
  outcome: z.enum(['done', 'skipped', 'failed']),
});

/** From the child to its bridge. */
export const fromChild = z.discriminatedUnion('type', [
  /** It is at work. `stand_ins`: connections that a stand-in answers. */
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
export type FromChild = z.infer<typeof fromChild>;

/** What the child process is started with (as JSON in its arguments). No secrets: it reads the settings itself. */
export const childStart = z.object({
  configFile: z.string().nullable(),
  /** Address of the embedded server; null when the environment or a profile says where Temporal is. */
  embeddedAddress: z.string().nullable(),
});
export type ChildStart = z.infer<typeof childStart>;
