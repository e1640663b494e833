import type { ReceiverSettings } from '../settings/settings';
import { readEvent, sendEvent } from '../samples/send-event';
import type { FromChild } from './child/messages';

/** The page's three use cases: a call ends, a text comes in, a recording is ready. */
const SAMPLES = ['call_hungup_curl', 'message_created_page', 'recording_updated_done'];
const WITHIN_MS = 60_000;

type Closed = Extract<FromChild, { type: 'closed' }>;

/**
 * Shows a newcomer the whole job: sends the page's three samples through the bridge's own door and tells, in a few
 * lines, what each did and where to look at it.
 *
 * @param onClosed registers a listener for runs that close.
 * @param linkTo the run's page in the Temporal UI.
 */
export async function showFirstSteps(options: {
  url: string;
  receiver: ReceiverSettings;
  onClosed: (listener: (closed: Closed) => void) => void;
  linkTo: (eventId: string) => string;
  print: (line: string) => void;
}): Promise<void> {
  const { print } = options;
  const closed = new Map<string, Closed>();
  let changed = (): void => undefined;
  options.onClosed((run) => {
    closed.set(run.event_id, run);
    changed();
  });
  print(
    'First steps: three sample events, sent through the webhook and handled with stand-ins (nothing leaves this machine).',
  );
  const waiting: { sample: string; eventId: string }[] = [];
  for (const sample of SAMPLES) {
    const answer = await sendEvent(readEvent(sample), options.url, options.receiver);
    if (answer.result === 'received' && answer.id !== null) {
      waiting.push({ sample, eventId: answer.id });
    } else {
      print(`  ${sample}: ${answer.status} ${answer.result ?? ''}`.trimEnd());
    }
  }
  const deadline = Date.now() + WITHIN_MS;
  for (const { sample, eventId } of waiting) {
    while (!closed.has(eventId) && Date.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - Date.now());
        changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    print('');
    print(`  ${sample} → ${eventId}`);
    const run = closed.get(eventId);
    for (const line of run === undefined ? ['still under way'] : run.steps.map(describeStep)) {
      print(`    ${line}`);
    }
    print(`    look: ${options.linkTo(eventId)}`);
  }
}

function describeStep(step: Closed['steps'][number]): string {
  const reason = step.outcome === 'skipped' ? step['reason'] : step.outcome === 'failed' ? step['message'] : undefined;
  return `${step.outcome === 'done' ? '✓' : step.outcome === 'skipped' ? '–' : '✗'} ${step.action}${typeof reason === 'string' ? `: ${reason}` : ''}`;
}
