import { z } from 'zod';
import { ActionError } from '../../src/connectors/action-error';
import { defineConnector } from '../../src/connectors/connector';
import type { Proof, ProofResult } from '../../src/connectors/proof';
import { proveConnection, type ProofRun } from '../../src/status/connection-proof';

/** An account in memory: the names of its records. */
type Account = Set<string>;

const ANSWER: ProofResult = { answer: 'it does', verdict: 'as_assumed', means: 'Nothing to do.' };
const refused = new ActionError('permanent', 'the account refused it', { connection: 'shop', code: 'http_403' });

let account: Account;
let isClosed: boolean;
beforeEach(() => {
  account = new Set();
  isClosed = false;
});

const shop = defineConnector<unknown, Account>({
  name: 'shop',
  summary: 'A shop.',
  connection: {
    settings: z.unknown(),
    environment: {},
    credentials: [],
    open: () => account,
    close: () => {
      isClosed = true;
      return Promise.resolve();
    },
  },
  actions: {},
});

function proofOf(run: Proof<Account>['run'], rest: Partial<Proof<Account>> = {}): Proof<unknown> {
  // The connector above makes the client, so it is an Account.
  return { name: 'p', question: 'Does it?', creates: 'a record', ...rest, run } as Proof<unknown>;
}

const QUIET = { info: (): void => undefined, warn: (): void => undefined };

function prove(proofs: readonly Proof<unknown>[], run: Partial<ProofRun> = {}): ReturnType<typeof proveConnection> {
  return proveConnection(shop, proofs, {}, { given: {}, signal: new AbortController().signal, log: QUIET, ...run });
}

function record(name: string, tools: Parameters<Proof<Account>['run']>[1], removed: string[]): void {
  tools.cleanup(name, () => {
    removed.push(name);
    account.delete(name);
    return Promise.resolve();
  });
  account.add(name);
}

test('a proof reports what the account did, and its records are removed, the latest first', async () => {
  const removed: string[] = [];
  const reports = await prove([
    proofOf((client, tools) => {
      record('first', tools, removed);
      record('second', tools, removed);
      expect(client.size).toBe(2);
      return Promise.resolve(ANSWER);
    }),
  ]);
  expect(reports).toEqual([{ connection: 'shop', proof: 'p', question: 'Does it?', ...ANSWER, left: [] }]);
  expect(removed).toEqual(['second', 'first']);
  expect(account.size).toBe(0);
  expect(isClosed).toBe(true);
});

test('the records of a proof that fails are removed, and the next proof runs', async () => {
  const removed: string[] = [];
  const reports = await prove([
    proofOf((_client, tools) => {
      record('first', tools, removed);
      return Promise.reject(refused);
    }),
    proofOf(() => Promise.resolve(ANSWER)),
  ]);
  expect(removed).toEqual(['first']);
  expect(reports.map(({ verdict }) => verdict)).toEqual(['unknown', 'as_assumed']);
  expect(reports[0]?.answer).toBe('the proof failed: the account refused it (http_403)');
});

test('a record that cannot be removed is reported, and the others are removed all the same', async () => {
  const removed: string[] = [];
  const [report] = await prove([
    proofOf((_client, tools) => {
      record('first', tools, removed);
      tools.cleanup('second', () => Promise.reject(refused));
      return Promise.resolve(ANSWER);
    }),
  ]);
  expect(removed).toEqual(['first']);
  expect(report?.left).toEqual([{ what: 'second', why: 'the account refused it (http_403)' }]);
});

test('the report of a bug holds no text of the error', async () => {
  const [report] = await prove([proofOf(() => Promise.reject(new TypeError('Ann, +15551234567')))]);
  expect(report?.answer).toBe('the proof failed: unexpected TypeError in the bridge');
});

test('a proof whose needs nobody gave is not run, and says what to give', async () => {
  const run = jest.fn(() => Promise.resolve(ANSWER));
  const needs = { channel: 'a channel for tests' };
  const [without] = await prove([proofOf(run, { needs })]);
  expect(run).not.toHaveBeenCalled();
  expect(without).toMatchObject({ verdict: 'unknown', answer: 'not asked: it needs --with channel' });
  const [given] = await prove([proofOf(run, { needs })], { given: { channel: 'C1' } });
  expect(given?.verdict).toBe('as_assumed');
});

test('a proof that hangs ends at its timeout; after a stop no further one runs', async () => {
  const stop = new AbortController();
  const removed: string[] = [];
  const untilAborted = proofOf(
    (_client, tools) =>
      new Promise((_resolve, reject) => {
        record('made', tools, removed);
        tools.signal.addEventListener('abort', () => {
          stop.abort();
          reject(refused);
        });
      }),
    { timeoutMs: 1 },
  );
  const reports = await prove([untilAborted, proofOf(() => Promise.resolve(ANSWER))], { signal: stop.signal });
  expect(reports.map(({ answer }) => answer)).toEqual([
    'the proof failed: the account refused it (http_403)',
    'not asked: stopped before',
  ]);
  expect(removed).toEqual(['made']);
});

test('every proof gets a mark of its own, which is one word', async () => {
  const marks: string[] = [];
  const proof = proofOf((_client, { mark }) => {
    marks.push(mark);
    return Promise.resolve(ANSWER);
  });
  await prove([proof, proof]);
  expect(new Set(marks).size).toBe(2);
  expect(marks[0]).toMatch(/^[a-z][a-z0-9]+$/);
});
