import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlertBook } from '../../src/alerts/book';
import { failingConnections, parkedConnections, type KnownConnections } from '../../src/alerts/connections';
import type { AlertRoute } from '../../src/rules/alert-route';

const MINUTE = 60_000;
const START = Date.parse('2026-03-02T08:00:00Z');
const ops: AlertRoute = {
  name: 'ops',
  at: { file: 'rules.yaml', line: 1, column: 1 },
  on: ['connection_failing', 'connection_parked'],
  quiet_ms: 15 * MINUTE,
  silence: null,
  failing_after_ms: 5 * MINUTE,
  steps: [],
  timezone: 'UTC',
  country: null,
};
let folder: string;
let book: AlertBook;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridge-alerts-'));
  book = new AlertBook(folder, () => START);
  for (const kind of ['connection_failing', 'connection_parked'] as const) {
    book.raise({ kind, key: 'hubspot', connection: 'hubspot', summary: 'hubspot: before the restart' }, [ops]);
  }
});
afterEach(() => {
  book.close();
  rmSync(folder, { recursive: true });
});

/** A worker that started at {@link START} and knows nothing yet. */
function worker(knows: Partial<KnownConnections> = {}): KnownConnections {
  return {
    parked: () => ({}),
    isParkedKnown: () => false,
    failing: () => ({}),
    seenWorking: () => ({ since: START, names: [] }),
    routes: () => [ops],
    ...knows,
  };
}
const failing = (knows: Partial<KnownConnections>, minutes: number): string[] =>
  failingConnections(worker(knows), book, START + minutes * MINUTE).map(({ summary }) => summary);
const parked = (knows: Partial<KnownConnections>): string[] =>
  parkedConnections(worker(knows), book).map(({ summary }) => summary);

describe('a connection that failed before the worker started again', () => {
  const BEFORE = ['hubspot: before the restart'];

  it.each<[string, Partial<KnownConnections>]>([
    ['nothing has tried it', {}],
    ['it failed again', { failing: () => ({ hubspot: { since: START, attempts: 3, code: 'network' } }) }],
    ['another one worked', { seenWorking: () => ({ since: START, names: ['slack'] }) }],
    ['the worker does not answer', { failing: () => undefined, seenWorking: () => undefined }],
  ])('still fails, and is told of once: %s', (_what, knows) => {
    expect(failing(knows, 4)).toEqual(BEFORE);
    expect(failing(knows, 29)).toEqual(BEFORE);
  });

  it('is over when it was seen working', () => {
    expect(failing({ seenWorking: () => ({ since: START, names: ['hubspot'] }) }, 1)).toEqual([]);
  });

  it('is over when nothing has tried it for half an hour', () => {
    expect(failing({}, 30)).toEqual([]);
  });

  it('goes on after half an hour when it fails at every attempt', () => {
    expect(failing({ failing: () => ({ hubspot: { since: START, attempts: 9, code: 'network' } }) }, 31)).toEqual([
      expect.stringContaining('hubspot has failed at every attempt since 2026-03-02T08:00Z (network)'),
    ]);
  });
});

describe('a connection that was parked before the worker started again', () => {
  it('is parked until the worker knows what is', () => {
    expect(parked({})).toEqual(['hubspot: before the restart']);
    expect(parked({ parked: () => undefined })).toEqual(['hubspot: before the restart']);
    expect(parked({ isParkedKnown: () => true })).toEqual([]);
  });

  it('does not hide one that the worker parks at once', () => {
    expect(parked({ parked: () => ({ slack: 'invalid_auth' }) })).toEqual([
      'hubspot: before the restart',
      expect.stringContaining('slack is parked: invalid_auth'),
    ]);
  });
});
