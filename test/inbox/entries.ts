import pino, { type Logger } from 'pino';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InboxOptions } from '../../src/inbox/inbox';
import { hashPlan } from '../../src/inbox/archive/plans';
import type { InboxRecord } from '../../src/inbox/archive/record';
import { headJson, type EventHead, type InboxEntry } from '../../src/inbox/stored-event';
import type { Plan } from '../../src/rules/plan';
import { eventOf } from '../events/event-of';

/** A plan with one step per rule name. */
export function planOf(...rules: string[]): Plan {
  return {
    ruleset: '0123456789ab',
    rules: rules.map((name) => ({
      name,
      timezone: 'UTC',
      country: null,
      steps: [
        {
          id: 'slack.post_message#1',
          action: 'slack.post_message',
          effect: 'repeatable',
          input: { channel: '#ops', text: 'x' },
          on_error: 'stop',
          retry: { for_ms: 1_000, every_ms: 100, max_every_ms: 1_000 },
          attempt_timeout_ms: 1_000,
        },
      ],
    })),
  };
}

/** An event of a type and `data.id`, as the receiver would hand it over. */
export function entryOf(
  type: string,
  id: string,
  plan: Plan | null,
  more: Partial<EventHead> & { body?: Buffer } = {},
): InboxEntry {
  const { body, ...head } = more;
  const { data, ...event } = eventOf({
    type,
    id,
    received_at: new Date().toISOString(),
    call_id: null,
    root_call_id: null,
    ...head,
  });
  return {
    event,
    body: body ?? Buffer.from(JSON.stringify({ type, data })),
    content_type: 'application/json',
    ruleset: plan?.ruleset ?? null,
    plan,
  };
}

/** What is written into `inbox.db` for an entry. */
export function recordOf({ event, body, content_type, ruleset, plan }: InboxEntry): InboxRecord {
  return {
    meta: {
      kind: 'event',
      direction: event.direction,
      answered: event.answered,
      event_id: event.event_id,
      type: event.type,
      id: event.id,
      received_at: Date.parse(event.received_at),
      content_type,
      head: headJson(event, ruleset),
      plan: plan === null ? null : hashPlan(plan),
    },
    body,
  };
}

/** A temporary data folder, gone after the test. */
export function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-inbox-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];

/** Removes the folders that {@link dataFolder} gave. */
export function removeDataFolders(): void {
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A log that remembers its messages. */
export function sentences(): Logger & { said: string[] } {
  const said: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(String(JSON.parse(line).msg)) });
  return Object.assign(log, { said });
}

/** Options with a retention that drops nothing. */
export function inboxOptions(dataDir: string, more: Partial<InboxOptions> = {}): InboxOptions {
  return {
    dataDir,
    log: sentences(),
    threadScript: join(__dirname, 'archive', 'writer-thread.cjs'),
    retention: { maxAgeMs: 30 * 86_400_000, maxBytes: 1_073_741_824, quarantine: { count: 100, bytes: 1_048_576 } },
    ...more,
  };
}
