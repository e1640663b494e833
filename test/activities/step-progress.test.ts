import { MockActivityEnvironment } from '@temporalio/testing';
import { parseHeartbeat, StepProgress } from '../../activities/step-progress';

const INPUT = { earlier_attempts: 2, saved: { uploaded: 3 } };

/** Runs inside an activity, and returns what it sent as heartbeat details. */
async function inActivity(
  info: { attempt: number; heartbeatDetails?: unknown },
  run: (progress: StepProgress) => void,
): Promise<unknown[]> {
  const sent: unknown[] = [];
  const environment = new MockActivityEnvironment(info);
  environment.on('heartbeat', (details: unknown) => sent.push(details));
  await environment.run(async () => run(new StepProgress(INPUT)));
  return sent;
}

describe('the first attempt of an activity', () => {
  it('counts on from the attempts of earlier activities, with what they saved', async () => {
    await inActivity({ attempt: 1 }, (progress) => {
      expect([progress.attempt, progress.saved]).toEqual([3, { uploaded: 3 }]);
    });
  });

  it('keeps what it saves, and a held-back attempt, in the heartbeat details', async () => {
    const sent = await inActivity({ attempt: 1 }, (progress) => {
      progress.save('half');
      progress.recordHeldBack();
      expect(progress.saved).toBe('half');
    });
    expect(sent).toEqual([
      { held_back: 0, saved: 'half' },
      { held_back: 1, saved: 'half' },
    ]);
  });
});

describe('a later attempt', () => {
  it('does not count attempts that were held back', async () => {
    await inActivity({ attempt: 4, heartbeatDetails: { held_back: 2, saved: 'half' } }, (progress) => {
      expect([progress.attempt, progress.saved]).toEqual([4, 'half']);
    });
  });

  it('is at least the first, whatever the details say', async () => {
    await inActivity({ attempt: 1, heartbeatDetails: { held_back: 9, saved: null } }, (progress) => {
      expect(progress.attempt).toBe(1);
    });
  });
});

test.each([
  [undefined, null],
  [null, null],
  ['text', null],
  [{}, { held_back: 0, saved: null }],
  [
    { held_back: 'many', saved: [1] },
    { held_back: 0, saved: [1] },
  ],
])('parseHeartbeat(%j)', (details, expected) => {
  expect(parseHeartbeat(details)).toEqual(expected);
});
