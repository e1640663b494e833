import { z } from 'zod';

/**
 * The messages between the bridge's process and its child process, over Node's IPC channel. The child process stops when
 * the channel closes: it never outlives the bridge.
 */

/** What the bridge asks its child process. Each has its answer in `connection-answers.ts`. */
export const question = z.discriminatedUnion('about', [
  /** Let the oldest step that waits for each of these connections try at once. */
  z.object({ about: z.literal('resume'), connections: z.array(z.string()) }),
  /** What every connection uses, and which are parked. */
  z.object({ about: z.literal('connections') }),
  /** Ask every provider whether it permits what the live rules need: `uses`, by connection. */
  z.object({
    about: z.literal('check'),
    uses: z.record(
      z.string(),
      z.array(
        z.object({
          action: z.string(),
          input: z.record(z.string(), z.json()),
          rules: z.array(z.string()),
        }),
      ),
    ),
  }),
  /** Which of these secrets the worker has: `env:CRM_TOKEN`. */
  z.object({ about: z.literal('secrets'), references: z.array(z.string()) }),
  /** What the stand-ins took: of all, or of one connection; the last of each. */
  z.object({ about: z.literal('stand-ins'), connection: z.string().nullable(), last: z.number() }),
]);
export type Question = z.infer<typeof question>;

/** From the bridge to its child process. */
export const toChild = z.discriminatedUnion('type', [
  /** The inbox has new events. */
  z.object({ type: z.literal('wake') }),
  /** Answered with `answer`. */
  z.object({ type: z.literal('ask'), request: z.number(), question }),
  /** Finish the work under way, then end. */
  z.object({ type: z.literal('stop') }),
]);
export type ToChild = z.infer<typeof toChild>;

/** By connection: settings as in bridge.yaml that lead to a stand-in. */
const standInSettings = z.record(z.string(), z.record(z.string(), z.json()));

const stepReport = z.looseObject({
  step: z.string(),
  action: z.string(),
  outcome: z.enum(['done', 'skipped', 'failed']),
});

/** From the child process to the bridge. */
export const fromChild = z.discriminatedUnion('type', [
  /**
   * It has started. `stand_ins`: connections that a stand-in answers, `stand_in_settings`: what leads to each of them;
   * `voipbin_stand_in`: where VoIPBIN's is.
   */
  z.object({
    type: z.literal('ready'),
    stand_ins: z.array(z.string()),
    stand_in_settings: standInSettings,
    voipbin_stand_in: z.string().nullable(),
  }),
  /** One of the first runs closed. */
  z.object({
    type: z.literal('closed'),
    event_id: z.string(),
    status: z.enum(['completed', 'failed', 'terminated', 'cancelled', 'timed_out', 'unknown']),
    steps: z.array(stepReport),
  }),
  /** Its state every two seconds, for /readyz. `temporal`: why Temporal cannot be used. */
  z.object({
    type: z.literal('state'),
    temporal: z.string().nullable(),
    parked: z.record(z.string(), z.string()),
    parked_known: z.boolean(),
    failing: z.record(z.string(), z.object({ since: z.number(), attempts: z.number(), code: z.string() })),
    seen_working: z.object({ since: z.number(), names: z.array(z.string()) }),
  }),
  /** The answer to an `ask`, or why there is none. */
  z.object({
    type: z.literal('answer'),
    request: z.number(),
    answer: z.unknown(),
    problem: z.string().nullable(),
  }),
  /** Its metrics every two seconds in Prometheus' text form, for /metrics. */
  z.object({ type: z.literal('metrics'), text: z.string() }),
  /** Why it ends. Its last message. */
  z.object({ type: z.literal('failed'), problem: z.string() }),
]);
export type FromChild = z.infer<typeof fromChild>;

/** The JSON argument of a child process. It holds no secrets: the child process reads the settings itself. */
export const childStart = z.object({
  configFile: z.string().nullable(),
  /** Address of the embedded Temporal server; null when the environment or a profile says where Temporal is. */
  embeddedAddress: z.string().nullable(),
});
export type ChildStart = z.infer<typeof childStart>;

/** The JSON argument of the process that sends alerts: the stand-ins are those of the worker while one runs here. */
export const alertStart = z.object({ configFile: z.string().nullable(), standIns: standInSettings });
export type AlertStart = z.infer<typeof alertStart>;
