import { z } from 'zod';
import { defineAction, type Action } from '../../src/connectors/connector';
import { sendMessage } from '../../src/connectors/voipbin/send-message';
import type { ActionCatalogue } from '../../src/rules/rule';

const nothing = z.object({});
const skipOrCreate = z.enum(['skip', 'create']).optional().describe('What to do when nobody has this number.');
const define = defineAction<unknown>();
const done = () => Promise.resolve({ outcome: 'done' as const, result: {} });

/** The actions of DESIGN's table with their inputs, doing nothing: what rules need of connectors, without any. */
const ACTIONS: Readonly<Record<string, Action>> = {
  'hubspot.update_contact': define({
    summary: 'Writes properties of the contact.',
    input: z.strictObject({ properties: z.record(z.string(), z.string()), unknown_contact: skipOrCreate }),
    output: nothing,
    effect: 'repeatable',
    budget: '24h',
    attemptTimeout: '30s',
    run: done,
  }),
  'hubspot.log_call': define({
    summary: 'Logs the call.',
    input: z.strictObject({
      outcome: z.enum(['connected', 'no_answer', 'busy']).optional(),
      title: z.string().optional(),
      body: z.string().optional(),
      unknown_contact: skipOrCreate,
    }),
    output: z.object({
      call: z.object({ id: z.string() }),
      contact: z.object({ id: z.string(), name: z.string().nullable() }),
    }),
    effect: 'repeatable',
    sinks: { body: 'html' },
    budget: '24h',
    attemptTimeout: '30s',
    run: done,
  }),
  'hubspot.create_task': define({
    summary: 'Makes a task.',
    input: z.strictObject({
      subject: z.string(),
      body: z.string().optional(),
      due: z.string().optional(),
      owner: z.string().optional(),
      unknown_contact: skipOrCreate,
    }),
    output: z.object({ task: z.object({ id: z.string() }) }),
    effect: 'repeatable',
    budget: '24h',
    attemptTimeout: '30s',
    run: done,
  }),
  'voipbin.send_message': define({
    summary: 'Sends a text.',
    input: z.strictObject({
      text: z.string(),
      to: z.string().optional(),
      from: z.string().optional(),
      cooldown: z.string().optional(),
    }),
    output: z.object({ message: z.object({ id: z.string() }) }),
    effect: 'verifiable',
    budget: '15m',
    budgetFrom: 'event',
    attemptTimeout: '20s',
    foresee: (event, input) => sendMessage.foresee(event, input, null),
    run: done,
  }),
  'email.send': define({
    summary: 'Sends a mail.',
    input: z.strictObject({
      to: z.union([z.string(), z.array(z.string())]),
      cc: z.string().optional(),
      subject: z.string(),
      text: z.string().optional(),
      html: z.string().optional(),
      recording: z.enum(['attach', 'link']).optional(),
    }),
    output: z.object({ message_id: z.string() }),
    sinks: { to: 'header', subject: 'header', html: 'html' },
    effect: 'once',
    budget: '24h',
    attemptTimeout: '60s',
    run: done,
  }),
  'slack.post_message': define({
    summary: 'Posts a message.',
    input: z.strictObject({
      channel: z.string(),
      text: z.string(),
      blocks: z.array(z.record(z.string(), z.unknown())).optional(),
      thread_ts: z.string().optional(),
    }),
    output: z.object({ ts: z.string(), channel: z.string() }),
    sinks: { text: 'slack', blocks: 'slack' },
    effect: 'repeatable',
    budget: '1h',
    attemptTimeout: '10s',
    run: done,
  }),
  'http.request': define({
    summary: 'Makes a request.',
    input: z.strictObject({
      method: z.enum(['GET', 'POST', 'PUT']).default('POST'),
      url: z.string(),
      headers: z.record(z.string(), z.string()).optional(),
      body: z.unknown().optional(),
    }),
    output: z.object({ status: z.number(), body: z.unknown() }),
    sinks: { url: 'url', headers: 'header', body: 'json' },
    effect: { of: (input) => (input.method === 'POST' ? 'once' : 'repeatable') },
    budget: '1h',
    attemptTimeout: '30s',
    run: done,
  }),
};

export const testActions: ActionCatalogue = {
  find: (name) => {
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    return action === undefined ? undefined : { action, connectorName: name.slice(0, name.indexOf('.')) };
  },
  names: () => Object.keys(ACTIONS).sort(),
};
