import { ApplicationFailure } from '@temporalio/activity';
import { ActionError } from '../../src/connectors/action-error';
import { recordOptOut } from '../../src/worker/record-opt-out';
import { inboundText, MemoryOptOuts } from '../connectors/voipbin/run-action';

const PAIR = { ours: '+15559876543', peer: '+15551234567' };
const AT = '2026-03-02T09:00:00.000Z';
const text = (words: string, changes = {}) => inboundText({ text: words, occurred_at: AT, ...changes });

test('an opt-out counts from the time of the text', async () => {
  const optOuts = new MemoryOptOuts();

  expect(await recordOptOut(optOuts)({ event: text('STOP'), state: 'out' })).toEqual({
    outcome: 'done',
    result: { opted_out_since: AT },
  });
  expect(await optOuts.since(PAIR)).toEqual(new Date(AT));
});

test('who asks for texts again and was not out is left alone', async () => {
  expect(await recordOptOut(new MemoryOptOuts())({ event: text('yes'), state: 'in' })).toEqual({
    outcome: 'skipped',
    reason: 'not_opted_out',
  });
});

test('who asks for texts again gets them', async () => {
  const optOuts = new MemoryOptOuts();
  await optOuts.record(PAIR, 'out', new Date('2026-03-01T00:00:00Z'));

  expect(await recordOptOut(optOuts)({ event: text('START'), state: 'in' })).toEqual({
    outcome: 'done',
    result: { opted_out_since: null },
  });
});

test('when there is no room, the step fails for good; when Temporal is away, it is tried again', async () => {
  const full = new MemoryOptOuts();
  full.record = () =>
    Promise.reject(
      new ActionError('permanent', 'there are too many', { connection: 'temporal', code: 'opt_outs_full' }),
    );
  await expect(recordOptOut(full)({ event: text('STOP'), state: 'out' })).rejects.toMatchObject({
    type: 'permanent',
    nonRetryable: true,
  });

  const away = new MemoryOptOuts();
  away.record = () => Promise.reject(new Error('14 UNAVAILABLE'));
  await expect(recordOptOut(away)({ event: text('STOP'), state: 'out' })).rejects.not.toBeInstanceOf(
    ApplicationFailure,
  );
});
