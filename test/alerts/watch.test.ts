import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlertBook } from '../../src/alerts/book';
import { AlertWatch } from '../../src/alerts/watch';

test('a look at a book that cannot be read or written is survived', () => {
  const folder = mkdtempSync(join(tmpdir(), 'alert-watch-'));
  const book = new AlertBook(folder);
  const warn = jest.fn();
  const onChanged = jest.fn(() => {
    book.due();
  });
  const watch = new AlertWatch({ book, probes: [], routes: () => [], onChanged, log: { warn } });
  try {
    book.close();
    watch.look();
    watch.look();
    expect(onChanged).toHaveBeenCalledTimes(2);
    expect(warn).toHaveBeenCalledTimes(1);
  } finally {
    watch.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
