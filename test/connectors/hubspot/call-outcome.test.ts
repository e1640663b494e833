import { callProperties, outcomeOf, titleOf, type CallOutcome } from '../../../src/connectors/hubspot/call-outcome';
import type { Direction } from '../../../src/events/canonical-event';
import { callEvent } from './running-actions';

test.each<[boolean | null, Direction | null, string | null, CallOutcome, string]>([
  [true, 'inbound', 'normal', 'completed', 'Inbound answered call from +15551234567 on +15557654321'],
  [true, 'outbound', 'amd', 'completed', 'Outbound answered call to +15551234567 from +15557654321'],
  [true, null, 'normal', 'completed', 'Answered call to +15551234567 from +15557654321'],
  [false, 'inbound', 'normal', 'missed', 'Missed call from +15551234567 on +15557654321'],
  [false, 'inbound', 'cancel', 'missed', 'Missed call from +15551234567 on +15557654321'],
  [false, 'inbound', 'busy', 'busy', 'Inbound busy call from +15551234567 on +15557654321'],
  [false, 'outbound', 'noanswer', 'no_answer', 'Outbound unanswered call to +15551234567 from +15557654321'],
  [false, 'outbound', 'timeout', 'no_answer', 'Outbound unanswered call to +15551234567 from +15557654321'],
  [false, 'outbound', 'dialout', 'no_answer', 'Outbound unanswered call to +15551234567 from +15557654321'],
  [false, 'outbound', 'cancel', 'canceled', 'Outbound canceled call to +15551234567 from +15557654321'],
  [false, 'outbound', 'failed', 'failed', 'Outbound failed call to +15551234567 from +15557654321'],
  [null, null, 'normal', 'no_answer', 'Unanswered call to +15551234567 from +15557654321'],
])('answered %s, %s, %s: %s, "%s"', (answered, direction, reason, outcome, title) => {
  const event = callEvent({ answered, direction, reason });
  expect(outcomeOf(event)).toBe(outcome);
  expect(titleOf(event, outcome, '+15551234567')).toBe(title);
});

test('an outgoing call goes from ours to the peer; what is not known is left out', () => {
  const event = callEvent({ direction: 'outbound', talk_s: null, duration_s: null, ours: null });
  const properties = callProperties(event, '+15551234567', {
    outcome: 'failed',
    title: 't',
    body: undefined,
    key: 'k',
  });
  expect(properties).toEqual({
    hs_timestamp: '2026-03-02T01:01:10.250Z',
    hs_call_title: 't',
    hs_call_status: 'FAILED',
    hs_call_external_id: 'k',
    hs_call_direction: 'OUTBOUND',
    hs_call_to_number: '+15551234567',
  });
});
