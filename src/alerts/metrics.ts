import { Gauge, type Registry } from 'prom-client';
import { ALERT_KINDS } from '../rules/alert-route';
import type { AlertBook } from './book';

/** Adds metrics of the alerts, which are read at every scrape. Once per registry. */
export function watchAlerts(registry: Registry, book: Pick<AlertBook, 'open' | 'untold'>): void {
  const registers = [registry];
  const open: Gauge<'kind'> = new Gauge({
    name: 'bridge_alerts_open',
    help: 'Alerts that last, by kind.',
    labelNames: ['kind'],
    registers,
    collect: () => {
      Object.keys(ALERT_KINDS).forEach((kind) => open.set({ kind }, 0));
      book.open().forEach(({ kind }) => open.inc({ kind }));
    },
  });
  const untold: Gauge = new Gauge({
    name: 'bridge_alerts_untold',
    help: 'Tellings of alerts that are due or that nobody could deliver yet.',
    registers,
    collect: () => untold.set(book.untold()),
  });
}
