import { randomUUID } from 'node:crypto';
import { Secret } from '../src/settings/secret';
import { signatureOf } from '../src/receiver/verified-request';

/** The secret that signs the events; bridge and anchor both check it. */
export const SECRET = 'secret of the benchmark';

/** One event to send. */
export interface BenchEvent {
  /** `data.id`. */
  id: string;
  /** The peer's number, each another one up to nine million. */
  caller: string;
  body: Buffer;
  /** The `X-VoIPBIN-Signature` header. */
  signature: string;
}

/** Whether the event matches the benchmark's rule, which selects inbound calls. */
export type Wanted = boolean;

/**
 * Ended calls as VoIPBIN's live sender writes them (members and sizes of a real `call_hangup`), each with its own id.
 */
export function makeEvents(count: number, wanted: Wanted): BenchEvent[] {
  const secret = new Secret(SECRET);
  return Array.from({ length: count }, (_, index) => {
    const id = randomUUID();
    const caller = `+1555${String(1_000_000 + (index % 9_000_000)).padStart(7, '0')}`;
    const body = Buffer.from(JSON.stringify({ type: 'call_hangup', data: hangup(id, wanted, caller) }));
    return { id, caller, body, signature: signatureOf(body, secret) };
  });
}

/** The bridge's event id. */
export function eventIdOf(event: Pick<BenchEvent, 'id'>): string {
  return `call_hangup/${event.id}`;
}

function hangup(id: string, wanted: Wanted, caller: string): Record<string, unknown> {
  const theirs = {
    type: 'tel',
    target: caller,
    target_name: '',
    name: '',
    detail: '',
  };
  const ours = { type: 'tel', target: '+15559876543', target_name: '', name: '', detail: '' };
  return {
    id,
    customer_id: '5e4a0680-804e-11ec-8477-2fea5968d85b',
    owner_type: '',
    owner_id: '00000000-0000-0000-0000-000000000000',
    flow_id: '0b2a9d5c-6f3e-4c61-9f0e-5d6a8a1b9c11',
    activeflow_id: '8d9f6c1e-2b7a-4f0d-8e35-94c7d2a6b013',
    type: 'flow',
    master_call_id: '00000000-0000-0000-0000-000000000000',
    chained_call_ids: [],
    recording_id: '00000000-0000-0000-0000-000000000000',
    recording_ids: [],
    groupcall_id: '00000000-0000-0000-0000-000000000000',
    source: wanted ? theirs : ours,
    destination: wanted ? ours : theirs,
    status: 'hangup',
    action: {
      id: '00000000-0000-0000-0000-000000000001',
      next_id: '00000000-0000-0000-0000-000000000000',
      type: 'hangup',
    },
    direction: wanted ? 'incoming' : 'outgoing',
    mute_direction: '',
    hangup_by: 'remote',
    hangup_reason: 'normal',
    tm_create: '2026-03-02T15:00:00.123456Z',
    tm_update: '2026-03-02T15:02:10.654321Z',
    tm_progressing: '2026-03-02T15:00:05.111111Z',
    tm_ringing: '2026-03-02T15:00:01.222222Z',
    tm_hangup: '2026-03-02T15:02:10.654321Z',
    tm_delete: null,
  };
}
