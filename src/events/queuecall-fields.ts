import type { JsonObject } from './json';
import { referenceAt, secondsAt, textAt } from './payload';
import type { ResourceFields } from './resource-fields';
import { parseInstant, secondsBetween } from './time';

/**
 * A call's stay in a queue: it waits (`ring_s`), an agent has it (`talk_s`), or it is abandoned. The live sender gives
 * both in milliseconds once they are known; the page's samples give times only, and set `tm_service` already when an
 * agent is being connected, so the type and status say whether one took it.
 */
export function readQueuecall(type: string, data: JsonObject): ResourceFields {
  const status = textAt(data, 'status');
  const abandoned = type === 'queuecall_abandoned' || status === 'abandoned';
  const ended = abandoned || type === 'queuecall_done' || status === 'done';
  const taken = !abandoned && (ended || type === 'queuecall_serviced' || status === 'service');

  const created = parseInstant(data['tm_create']);
  const service = parseInstant(data['tm_service']);
  const end = ended ? (parseInstant(data['tm_delete']) ?? parseInstant(data['tm_update'])) : null;
  const call = textAt(data, 'reference_type') ?? 'call';
  const callId = call === 'call' ? referenceAt(data, 'reference_id') : null;
  return {
    answered: abandoned ? false : taken ? true : null,
    ring_s: secondsAt(data, 'duration_waiting') ?? secondsBetween(created, taken ? service : end),
    talk_s: abandoned ? 0 : (secondsAt(data, 'duration_service') ?? secondsBetween(service, end)),
    duration_s: secondsBetween(created, end),
    call_id: callId,
    root_call_id: callId,
  };
}
