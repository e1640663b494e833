import { parseHeartbeat, StepProgress } from '../../activities/step-progress';

const INPUT = { earlier_attempts: 2, saved: { uploaded: 3 } };

/** Gives the progress of an activity's attempt to `run`, and returns what it sent as heartbeat details. */
function inActivity(
  info: { attempt: number; heartbeatDetails?: unknown },
  run: (progress: StepProgress) => void,
): unknown[] {
  const sent: unknown[] = [];
  run(new StepProgress(INPUT, { heartbeatDetails: null, ...info, heartbeat: (details) => sent.push(details) }));
  return sent;
}

describe('the first attempt of an activity', () => {
  it('counts on from the attempts of earlier activities, with what they saved', () => {
    inActivity({ attempt: 1 }, (progress) => {
      expect([progress.attempt, progress.saved]).toEqual([3, { uploaded: 3 }]);
    });
  });

  it('keeps what it saves, and a held-back attempt, in the heartbeat details', () => {
    const sent = inActivity({ attempt: 1 }, (progress) => {
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
  it('does not count attempts that were held back', () => {
    inActivity({ attempt: 4, heartbeatDetails: { held_back: 2, saved: 'half' } }, (progress) => {
      expect([progress.attempt, progress.saved]).toEqual([4, 'half']);
    });
  });

  it('is at least the first, whatever the details say', () => {
    inActivity({ attempt: 1, heartbeatDetails: { held_back: 9, saved: null } }, (progress) => {
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
