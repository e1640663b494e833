import {
  canonicalType,
  eventType,
  happensOnce,
  knownTypeNames,
  resourceOf,
  typesFor,
} from '../../src/events/catalogue';
import names from '../fixtures/event-types.json';

describe('catalogue', () => {
  test('knows every name of the page and of the live sender, and no other', () => {
    expect(names.page).toHaveLength(35);
    expect(names.live).toHaveLength(94);
    expect(knownTypeNames()).toEqual([...new Set([...names.page, ...names.live])].sort());
    expect(knownTypeNames()).toHaveLength(108);
  });

  test.each(knownTypeNames())('%s says which dialects name it, and leads to a type that is known', (name) => {
    const entry = eventType(name);
    expect(entry?.dialects.includes('documented')).toBe(names.page.includes(name));
    expect(entry?.dialects.includes('live')).toBe(names.live.includes(name));
    expect(entry?.emitted).toBe(names.live.includes(name) && name !== 'transcribe_progressing');
    expect(name.startsWith(`${entry?.resource}_`)).toBe(true);
    expect(eventType(entry?.canonical ?? '')?.canonical).toBe(entry?.canonical);
    for (const type of typesFor(name) ?? []) {
      expect(eventType(type)?.canonical).toBe(type === 'transcribe_updated' ? 'transcribe_done' : type);
    }
  });

  test.each([
    ['call_hungup', {}, 'call_hangup'],
    ['call_answered', {}, 'call_progressing'],
    ['call_hangup', {}, 'call_hangup'],
    ['queuecall_entering', {}, 'queuecall_connecting'],
    ['queuecall_kicking', {}, 'queuecall_kicking'],
    ['recording_created', {}, 'recording_started'],
    ['recording_updated', { status: 'done' }, 'recording_finished'],
    ['recording_updated', { status: 'ended' }, 'recording_finished'],
    ['recording_updated', { status: 'recording' }, 'recording_updated'],
    ['recording_updated', {}, 'recording_updated'],
    ['transcribe_updated', { status: 'done' }, 'transcribe_done'],
    ['transcribe_updated', {}, 'transcribe_done'],
    ['transcribe_updated', { status: 'progressing' }, 'transcribe_updated'],
    ['call_parked', {}, 'call_parked'],
    ['__proto__', {}, '__proto__'],
    ['constructor', {}, 'constructor'],
  ])('%s %j is %s', (declared, data, canonical) => {
    expect(canonicalType(declared, data)).toBe(canonical);
  });

  test.each([
    ['call_hungup', ['call_hangup']],
    ['call_hangup', ['call_hangup']],
    ['recording_updated', ['recording_updated', 'recording_started', 'recording_finished']],
    ['recording_created', ['recording_started']],
    ['recording_finished', ['recording_finished']],
    ['transcribe_updated', ['transcribe_updated', 'transcribe_done']],
    ['transcribe_done', ['transcribe_done']],
    [
      'call_*',
      [
        'call_canceling',
        'call_created',
        'call_deleted',
        'call_hangup',
        'call_progressing',
        'call_ringing',
        'call_terminating',
        'call_updated',
      ],
    ],
    ['recording_*', ['recording_deleted', 'recording_finished', 'recording_started', 'recording_updated']],
    ['queue_*', ['queue_created', 'queue_deleted', 'queue_updated']],
    ['calls_*', null],
    ['*', null],
    ['_*', null],
    ['call_hang_up', null],
    ['constructor', null],
    ['', null],
  ])('a rule on %s hears %j', (name, types) => {
    expect(typesFor(name)).toEqual(types);
  });

  test.each([
    ['call_hangup', true],
    ['call_created', true],
    ['call_progressing', true],
    ['recording_finished', true],
    ['transcribe_done', true],
    ['queuecall_abandoned', true],
    ['webchat_session_ended', true],
    ['message_deleted', true],
    ['call_updated', false],
    ['recording_updated', false],
    ['aimessage_intermediate', false],
    ['agent_status_updated', false],
    ['transcribe_speech_interim', false],
    ['chatmessage_reaction_updated', false],
    ['no_such_type', false],
  ])('%s happens once: %s', (type, once) => {
    expect(happensOnce(type)).toBe(once);
  });

  test('no type that is called updated happens once', () => {
    expect(
      knownTypeNames().filter(
        (name) => name.endsWith('_updated') && eventType(name)?.canonical === name && happensOnce(name),
      ),
    ).toEqual([]);
  });

  test.each([
    ['call_hangup', 'call'],
    ['conversation_message_created', 'conversation_message'],
    ['call_parked', 'call'],
    ['conversation_message_read', 'conversation_message'],
    ['callback_created', null],
    ['constructor', null],
  ])('%s holds a %s', (type, resource) => {
    expect(resourceOf(type)).toBe(resource);
  });
});
