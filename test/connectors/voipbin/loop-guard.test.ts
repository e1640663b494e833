import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { guardText, type Recipient } from '../../../src/connectors/voipbin/loop-guard';
import type { CanonicalEvent } from '../../../src/events/canonical-event';
import { canonicalize } from '../../../src/events/canonicalize';
import { parseEnvelope } from '../../../src/events/envelope';
import { OwnNumbers } from '../../../src/events/own-numbers';

/** The events as they arrive, through the same door as in the bridge. */
function event(name: string, ours: OwnNumbers, change: (body: string) => string = (body) => body): CanonicalEvent {
  const body = Buffer.from(change(readFileSync(join(__dirname, '../../../config/samples', `${name}.json`), 'utf8')));
  const parsed = parseEnvelope(body);
  if (!parsed.ok) {
    throw new Error(parsed.message);
  }
  return canonicalize(parsed.envelope, body, new Date(), ours);
}

function guard(name: string, ownNumbers: readonly string[], change?: (body: string) => string): Recipient {
  const ours = new OwnNumbers(ownNumbers, null);
  return guardText({
    event: event(name, ours, change),
    to: undefined,
    from: undefined,
    country: null,
    isOurs: (number) => ours.has(number),
  });
}

const REPLY = { send: true, to: '+15551234567', from: '+15559876543', answers: 'message' };
const OURS = '+15559876543';

test.each([[[]], [[OURS]]])(
  'messages of both dialects are answered, whether our numbers are known or not (%j)',
  (ours) => {
    expect(guard('message_created', ours)).toEqual(REPLY);
    expect(guard('message_created_page', ours)).toEqual(REPLY);
    expect(guard('conversation_message_created', ours)).toEqual(REPLY);
  },
);

test.each([[[]], [[OURS]]])('our own texts never are (%j)', (ours) => {
  expect(guard('message_created_outbound', ours)).toEqual({ send: false, reason: 'not_inbound' });
  expect(guard('conversation_message_created', ours, (body) => body.replace('"incoming"', '"outgoing"'))).toEqual({
    send: false,
    reason: 'not_inbound',
  });
  // An own text that states no direction, seen by a bridge that does not know its numbers yet.
  expect(guard('message_created_outbound', ours, (body) => body.replace('"direction": "outbound",', ''))).toEqual({
    send: false,
    reason: 'not_inbound',
  });
});

test('a text between two of our numbers is not answered', () => {
  expect(guard('message_created', [OURS, '+15551234567'])).toEqual({ send: false, reason: 'own_number' });
  expect(guard('message_created_page', [OURS, '+15551234567'])).toMatchObject({ send: false });
});

test.each<[string, (body: string) => string, string]>([
  ['web chat', (body) => body, 'not_a_phone'],
  [
    'a conversation on LINE',
    (body) => body.replace('"reference_type": "message"', '"reference_type": "line"'),
    'other_channel',
  ],
  [
    'a conversation of an unnamed channel with no phone',
    (body) => body.replace('"reference_type": "message",', '').replace('"type": "tel"', '"type": "line"'),
    'other_channel',
  ],
  ['a message without a source', (body) => body.replace(/"source": \{[^}]*\}/, '"source": null'), 'not_a_phone'],
])('%s', (what, change, reason) => {
  const name =
    what === 'web chat'
      ? 'webchat_message_created'
      : what.startsWith('a conversation')
        ? 'conversation_message_created'
        : 'message_created';
  expect(guard(name, [OURS], change)).toEqual({ send: false, reason });
});

test("the page's call sample: answered once its direction can be told, else only on demand", () => {
  expect(guard('call_hungup_curl', [OURS])).toEqual({ ...REPLY, answers: null });
  expect(guard('call_hungup_curl', [])).toEqual({ send: false, reason: 'call_not_inbound' });
});
