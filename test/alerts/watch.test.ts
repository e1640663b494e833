import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlertBook } from '../../src/alerts/book';
import { AlertWatch } from '../../src/alerts/watch';

test('a look at a book that cannot be read or written is survived, and each fault logged once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'alert-watch-'));
  const book = new AlertBook(folder);
  const warn = jest.fn((_fields: { kind: string }) => undefined);
  const onChanged = jest.fn(() => {
    book.due();
  });
  const watch = new AlertWatch({
    book,
    probes: [{ kind: 'run_failed', news: () => [] }],
    routes: () => [],
    onChanged,
    log: { warn },
  });
  try {
    book.close();
    watch.look();
    watch.look();
    watch.look();
    expect(onChanged).toHaveBeenCalledTimes(3);
    expect(warn.mock.calls.map(([fields]) => fields.kind)).toEqual(['ends', 'sending']);
  } finally {
    watch.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
