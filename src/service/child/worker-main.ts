/** The worker's process in mode `all`; the dispatcher runs in it too. */
import { connectors } from '../../connectors/registry';
import type { RunEnding } from '../../dispatch/run-tracker';
import { resolveTemporal } from '../../temporal/connection';
import { startWorkerProcess } from '../worker-process';
import { runChild } from './child';
import { fromChild, type FromChild } from './messages';

/** The demo of the first start is about the first few runs; nobody reads of those after it. */
const MOST_TOLD = 100;
let told = 0;

runChild('worker', ({ start, settings, registry, log, send }) =>
  startWorkerProcess({
    temporal: resolveTemporal({
      settings: settings.temporal,
      env: process.env,
      embeddedAddress: start.embeddedAddress,
    }),
    settings,
    connectors,
    registry,
    log,
    dispatch: {
      onClosed: (eventId, ending) => {
        if (told < MOST_TOLD) {
          told += 1;
          send(closedMessage(eventId, ending));
        }
      },
    },
  }),
);

function closedMessage(eventId: string, { status, report }: RunEnding): FromChild {
  const rules: unknown = typeof report === 'object' && report !== null && 'rules' in report ? report.rules : [];
  const steps = Array.isArray(rules)
    ? rules.flatMap((rule: { steps?: unknown }) => (Array.isArray(rule.steps) ? rule.steps : []))
    : [];
  const message = fromChild.safeParse({ type: 'closed', event_id: eventId, status, steps });
  return message.success ? message.data : { type: 'closed', event_id: eventId, status, steps: [] };
}
