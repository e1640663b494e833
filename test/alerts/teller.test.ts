import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlertBook } from '../../src/alerts/book';
import { Teller } from '../../src/alerts/teller';
import type { AlertRoute } from '../../src/rules/alert-route';

const ROUTE: AlertRoute = {
  name: 'ops',
  at: { file: 'rules.yaml', line: 1, column: 1 },
  on: ['disk'],
  quiet_ms: 60_000,
  failing_after_ms: 60_000,
  silence: null,
  timezone: 'UTC',
  country: null,
  steps: [],
};

test('a notification whose end cannot be recorded is recorded later, and not sent again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'teller-'));
  const book = new AlertBook(folder);
  const full = (): never => {
    throw new Error('database or disk is full');
  };
  const told = jest.spyOn(book, 'told').mockImplementationOnce(full).mockImplementationOnce(full);
  const sent = jest.fn();
  const log = { info: sent, warn: jest.fn() };
  const script = join(__dirname, 'delivers.cjs');
  const teller = new Teller({ book, routes: () => [ROUTE], script, argument: () => ({}), log });
  try {
    book.raise({ kind: 'disk', key: '', summary: 'The disk is full.' }, [ROUTE]);
    while (book.untold() > 0) {
      try {
        teller.tell();
      } catch {
        // The watch calls again.
      }
      await new Promise(setImmediate);
    }
    expect(told).toHaveBeenCalledTimes(3);
    expect(sent).toHaveBeenCalledTimes(1);
  } finally {
    teller.stop();
    book.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
