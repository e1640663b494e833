import { GroupCommit } from '../../src/inbox/group-commit';
import { InboxUnavailable } from '../../src/inbox/inbox-unavailable';
import { sentences } from './entries';

/** A commit that waits until the test lets it end. */
interface HeldCommit {
  entries: readonly string[];
  end: () => void;
  fail: (code: string) => void;
}

/** A group commit of texts; the result of an entry is the entry in upper case. */
function groupCommit() {
  const held: HeldCommit[] = [];
  const problems: string[] = [];
  const committed: number[] = [];
  const log = sentences();
  const commits = new GroupCommit<string, string>({
    commit: (entries) =>
      new Promise((resolve, reject) =>
        held.push({
          entries,
          end: () => resolve(entries.map((entry) => entry.toUpperCase())),
          fail: (code) => reject(InboxUnavailable.of(Object.assign(new Error('original'), { code }))),
        }),
      ),
    sizeOf: (entry) => entry.length,
    log,
    onCommitted: (results) => committed.push(results.length),
    onProblem: (code) => problems.push(code),
  });
  /** The commit in progress. */
  const current = (): HeldCommit => {
    const last = held.at(-1);
    if (last === undefined) {
      throw new Error('no commit is in progress');
    }
    return last;
  };
  return { commits, held, current, problems, committed, log };
}

/** Lets promises and immediates run. */
const settle = () => jest.advanceTimersByTimeAsync(0);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('commits what arrives in one turn together, and what arrives meanwhile with the next commit', async () => {
  const { commits, held, current, committed } = groupCommit();
  const first = [commits.add('a'), commits.add('b')];
  await settle();
  const second = [commits.add('c'), commits.add('d')];
  await settle();
  expect(held.map(({ entries }) => entries)).toEqual([['a', 'b']]);
  current().end();
  expect(await Promise.all(first)).toEqual(['A', 'B']);
  expect(held.map(({ entries }) => entries)).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
  current().end();
  expect(await Promise.all(second)).toEqual(['C', 'D']);
  expect(committed).toEqual([2, 2]);
});

test('bounds a commit by the number and the size of its entries', async () => {
  const { commits, held, current } = groupCommit();
  const entries = [
    ...Array.from({ length: 600 }, () => 'x'),
    ...Array.from({ length: 3 }, () => 'y'.repeat(9 * 1_048_576)),
  ];
  const all = entries.map((entry) => commits.add(entry));
  for (let commit = 0; commit < 5; commit += 1) {
    await settle();
    current().end();
  }
  await Promise.all(all);
  expect(held.map((one) => one.entries.length)).toEqual([512, 89, 1, 1]);
});

test('rejects the entries of a failed commit, and recovers without traffic', async () => {
  const { commits, held, current, problems, committed, log } = groupCommit();
  const outcomes = Promise.allSettled([commits.add('a'), commits.add('b')]);
  await settle();
  current().fail('ENOSPC');
  expect(await outcomes).toMatchObject([{ reason: { code: 'ENOSPC' } }, { reason: { code: 'ENOSPC' } }]);
  expect(commits.problem()).toMatchObject({ code: 'ENOSPC', message: expect.stringContaining('the disk is full') });
  await jest.advanceTimersByTimeAsync(1_000);
  expect(current().entries).toEqual([]);
  current().fail('ENOSPC');
  await jest.advanceTimersByTimeAsync(1_000);
  current().end();
  await settle();
  expect(commits.problem()).toBeNull();
  expect(held).toHaveLength(3);
  expect(problems).toEqual(['ENOSPC', 'ENOSPC']);
  expect(committed).toEqual([]);
  expect(log.said).toEqual([expect.stringContaining('the disk is full'), 'events can be kept again']);
});

test('an entry after a failed commit is tried at once', async () => {
  const { commits, current } = groupCommit();
  const refused = Promise.allSettled([commits.add('a')]);
  await settle();
  current().fail('EIO');
  await refused;
  const second = commits.add('b');
  await settle();
  current().end();
  expect(await second).toBe('B');
  expect(commits.problem()).toBeNull();
});

describe('a disk that does not answer', () => {
  test('is given up after four seconds; new entries are rejected at once, until it answers', async () => {
    const { commits, current, problems, log } = groupCommit();
    const outcomes = Promise.allSettled([commits.add('a')]);
    await settle();
    const queued = Promise.allSettled([commits.add('b')]);
    await jest.advanceTimersByTimeAsync(4_000);
    expect(await outcomes).toMatchObject([{ reason: { code: 'slow' } }]);
    expect(await queued).toMatchObject([{ reason: { code: 'slow' } }]);
    expect(commits.problem()?.message).toContain('the disk has not answered');
    await expect(commits.add('c')).rejects.toMatchObject({ code: 'slow' });
    expect(current().entries).toEqual(['a']);
    current().end();
    await settle();
    expect(commits.problem()).toBeNull();
    const late = commits.add('d');
    await settle();
    current().end();
    expect(await late).toBe('D');
    expect(problems).toEqual(['slow']);
    expect(log.said.filter((sentence) => sentence.includes('the disk has not answered'))).toHaveLength(1);
  });

  test('makes an entry that came later wait no longer than the entry in progress', async () => {
    const { commits, current } = groupCommit();
    const first = Promise.allSettled([commits.add('a')]);
    await jest.advanceTimersByTimeAsync(3_000);
    const second = Promise.allSettled([commits.add('b')]);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await first).toMatchObject([{ reason: { code: 'slow' } }]);
    expect(await second).toMatchObject([{ reason: { code: 'slow' } }]);
    current().end();
    await settle();
    expect(commits.problem()).toBeNull();
  });

  test('is found out by the test of the disk after an error, too', async () => {
    const { commits, current } = groupCommit();
    const refused = Promise.allSettled([commits.add('a')]);
    await settle();
    current().fail('EIO');
    await refused;
    await jest.advanceTimersByTimeAsync(1_000);
    const waiting = Promise.allSettled([commits.add('b')]);
    await jest.advanceTimersByTimeAsync(4_000);
    expect(await waiting).toMatchObject([{ reason: { code: 'slow' } }]);
    current().end();
    await settle();
    expect(commits.problem()).toBeNull();
  });
});

test('entries that arrive faster than they are committed are rejected as busy after four seconds', async () => {
  const { commits, current, problems } = groupCommit();
  const outcomes = Promise.allSettled(Array.from({ length: 1_200 }, () => commits.add('x')));
  for (let commit = 0; commit < 2; commit += 1) {
    await jest.advanceTimersByTimeAsync(1_900);
    current().end();
  }
  await jest.advanceTimersByTimeAsync(300);
  expect(problems).toEqual(['busy']);
  expect(commits.problem()).toBeNull();
  current().end();
  const reasons = (await outcomes).map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : 'rejected'));
  expect(reasons.filter((reason) => reason === 'X').length).toBeGreaterThanOrEqual(1_024);
});

test('an entry in a commit that hangs after a slow one is rejected within five seconds, and the disk is reported', async () => {
  const { commits, current, problems } = groupCommit();
  const first = commits.add('a');
  await jest.advanceTimersByTimeAsync(100);
  const second = commits.add('b');
  await jest.advanceTimersByTimeAsync(2_400);
  current().end();
  expect(await first).toBe('A');
  const outcome = Promise.allSettled([second]);
  await jest.advanceTimersByTimeAsync(1_700);
  expect(await outcome).toMatchObject([{ reason: { code: 'busy' } }]);
  await jest.advanceTimersByTimeAsync(500);
  expect(commits.problem()).toMatchObject({ code: 'slow' });
  expect(problems).toEqual(['busy', 'slow']);
});

test('what is pending is bounded', async () => {
  const { commits, current } = groupCommit();
  const large = 'x'.repeat(100 * 1_048_576);
  const first = commits.add(large);
  await expect(commits.add(large)).rejects.toMatchObject({ code: 'busy' });
  await settle();
  current().end();
  await first;
  const next = commits.add('a');
  await settle();
  current().end();
  expect(await next).toBe('A');
});

describe('close', () => {
  test('commits what is pending, and rejects what comes later', async () => {
    const { commits, current } = groupCommit();
    const pending = commits.add('a');
    const closed = commits.close();
    await settle();
    current().end();
    expect(await closed).toBe(true);
    expect(await pending).toBe('A');
    await expect(commits.add('b')).rejects.toMatchObject({ code: 'closed' });
  });

  test('does not wait for ever for a disk that does not answer', async () => {
    const { commits } = groupCommit();
    const outcomes = Promise.allSettled([commits.add('a')]);
    await settle();
    const closed = commits.close();
    await jest.advanceTimersByTimeAsync(8_000);
    expect(await closed).toBe(false);
    expect(await outcomes).toMatchObject([{ status: 'rejected' }]);
  });
});
