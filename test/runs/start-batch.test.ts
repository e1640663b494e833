import type { Plan } from '../../src/rules/plan';
import { batchInput } from '../../src/runs/start-batch';
import { eventOf } from '../events/event-of';

function planNamed(...names: string[]): Plan {
  return {
    ruleset: 'abcdef012345',
    rules: names.map((name) => ({ name, timezone: 'UTC', country: null, steps: [] })),
  };
}

describe('the input of a batch', () => {
  it('holds each plan once, however many events have it', () => {
    const shared = planNamed('one');
    const input = batchInput(
      [
        { event: eventOf({}), plan: shared },
        { event: eventOf({}), plan: planNamed('two') },
        { event: eventOf({}), plan: shared },
        { event: eventOf({}), plan: planNamed('one') },
      ],
      true,
    );
    expect(input.plans).toEqual([planNamed('one'), planNamed('two')]);
    expect(input.events.map(({ plan }) => plan)).toEqual([0, 1, 0, 0]);
  });

  it('holds what each event’s own run would be started with', () => {
    const [event] = batchInput(
      [{ event: eventOf({ customer_id: 'A customer' }), plan: planNamed('one', 'two') }],
      true,
    ).events;
    expect(event?.labels).toEqual({
      summary: `${event?.event.type}: one, two`,
      attributes: {
        BridgeEventType: event?.event.type,
        BridgeResourceId: event?.event.id,
        BridgeCustomerId: expect.stringMatching(/^sha256:[0-9a-f]{16}$/),
        BridgeRules: ['one', 'two'],
        BridgeRuleset: 'abcdef012345',
      },
    });
  });

  it('has no search attributes where the server has none', () => {
    const [event] = batchInput([{ event: eventOf({}), plan: planNamed('one') }], false).events;
    expect(event?.labels.attributes).toEqual({});
  });
});
