import { OwnNumbers } from '../../src/events/own-numbers';
import type { JsonObject } from '../../src/events/json';
import { matchEvent, type EventRules } from '../../src/ingest/match-event';
import { TrustedBody } from '../../src/ingest/trusted-body';

const tel = (target: string) => ({ type: 'tel', target });
const NO_RULE: EventRules = { hash: '0123456789ab', plan: () => null };
const REPLY: EventRules = {
  hash: '0123456789ab',
  plan: () => ({ ruleset: '0123456789ab', rules: [{ name: 'reply', timezone: 'UTC', country: null, steps: [] }] }),
};

/** Names of the rules in the plan of an inbound text; null when there is no plan. */
function planned(text: string | null, data: JsonObject = {}, type = 'message_created', rules = NO_RULE) {
  const body = {
    type,
    data: {
      id: 'm-1',
      source: tel('+15551234567'),
      targets: [{ destination: tel('+15559876543'), status: 'received' }],
      text,
      direction: 'inbound',
      ...data,
    },
  };
  const result = matchEvent(
    TrustedBody.fromBackfill(Buffer.from(JSON.stringify(body)), new Date()),
    new OwnNumbers(['+15559876543'], null),
    rules,
  );
  if (!result.ok) {
    throw new Error(result.invalid.message);
  }
  return result.matched.plan?.rules.map(({ name, records }) => [name, records ?? null]) ?? null;
}

test('an opt-out has a run although no rule matches, also when backfill finds it', () => {
  expect(planned('STOP')).toEqual([['(opt-out)', 'opt_out']]);
  expect(planned('수신거부', { source: tel('+821012345678') })).toEqual([['(opt-out)', 'opt_out']]);
  expect(planned('start')).toEqual([['(opt-in)', 'opt_in']]);
});

test('it comes with the rules that match', () => {
  expect(planned('stop', {}, 'message_created', REPLY)).toEqual([
    ['reply', null],
    ['(opt-out)', 'opt_out'],
  ]);
  expect(planned('Hello', {}, 'message_created', REPLY)).toEqual([['reply', null]]);
});

test('the conversation twin of an SMS counts as well', () => {
  const twin = { direction: 'incoming', destination: tel('+15559876543'), reference_type: 'message' };
  expect(planned('STOP', twin, 'conversation_message_created')).toEqual([['(opt-out)', 'opt_out']]);
});

test.each<[string, string | null, JsonObject, string]>([
  ['our own text', 'STOP', { direction: 'outbound' }, 'message_created'],
  ['a text of ours without a direction', 'STOP', { direction: '', source: tel('+15559876543') }, 'message_created'],
  [
    'a text on its way out',
    'STOP',
    { direction: '', targets: [{ destination: tel('+15559876543'), status: 'queued' }] },
    'message_created',
  ],
  ['a short code', 'STOP', { source: tel('73737') }, 'message_created'],
  ['a web chat', 'STOP', {}, 'webchat_message_created'],
  ['WhatsApp', 'STOP', { reference_type: 'whatsapp' }, 'conversation_message_created'],
  ['a later state of a text', 'STOP', {}, 'message_updated'],
  ['no text', null, {}, 'message_created'],
  ['a message', 'Please stop by', {}, 'message_created'],
])('%s changes nothing', (_what, text, data, type) => {
  expect(planned(text, data, type)).toBeNull();
});
