import { parseInstant, secondsBetween } from '../../src/events/time';
import { occurredAt, readEvent, sampleNames } from '../../src/samples/samples';
import { shiftTimes } from '../../src/samples/shift-times';

const NOW = new Date('2026-11-26T10:00:00Z');

test('the latest time of an event becomes now, and the intervals stay', () => {
  const event = readEvent('call_hangup');
  shiftTimes(event, NOW);
  expect(event['data']).toMatchObject({
    tm_create: '2026-11-26T09:59:56.356799Z',
    tm_progressing: '2026-11-26T09:59:57.333799Z',
    tm_hangup: '2026-11-26T10:00:00.000Z',
    action: { tm_execute: '2026-11-26T09:59:57.486809Z' },
  });
  expect(occurredAt(event)).toEqual(NOW);
});

test('times without a zone keep their form', () => {
  const event = readEvent('queuecall_done');
  shiftTimes(event, NOW);
  expect(event['data']).toMatchObject({
    tm_create: '2026-11-26 09:59:20.296830',
    tm_update: '2026-11-26 10:00:00.000000',
  });
});

test('"not yet", null and texts that look like times stay', () => {
  const data = { tm_hangup: '9999-01-01 00:00:00.000000', tm_update: null, text: '2026-08-22T06:10:58Z' };
  const event = { type: 'call_updated', data: { ...data, tm_create: '2026-08-22T06:10:58Z' } };
  shiftTimes(event, NOW);
  expect(event.data).toEqual({ ...data, tm_create: '2026-11-26T10:00:00.000Z' });
});

test.each(sampleNames())('the times of the sample %s are as far apart as before', (name) => {
  const [before, after] = [readEvent(name), readEvent(name)];
  shiftTimes(after, NOW);
  const intervals = ({ data }: ReturnType<typeof readEvent>) => {
    const times = Object.entries(data as object).flatMap(([key, value]) =>
      key.startsWith('tm_') ? [parseInstant(value)] : [],
    );
    return times.map((time) => secondsBetween(times[0] ?? null, time));
  };
  expect(intervals(after)).toEqual(intervals(before));
});
