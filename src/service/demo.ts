import { readEvent } from '../samples/samples';
import { sendEvent } from '../samples/send-event';
import type { ReceiverSettings } from '../settings/settings';
import type { FromChild } from './child/messages';

/** The three use cases of VoIPBIN's documentation: a call ends, a text comes in, a recording is ready. */
const SAMPLES = ['call_hungup_curl', 'message_created_page', 'recording_updated_done'];
const CLOSED_WITHIN_MS = 60_000;

type ClosedRun = Extract<FromChild, { type: 'closed' }>;

/**
 * Shows a newcomer the whole way of an event: sends three sample events through the webhook, and prints what each run
 * did and where to look at it. It takes a minute at most.
 *
 * @param onClosed registers a listener for runs that close.
 * @param linkTo gives the run's page in the Temporal UI.
 */
export async function showDemo(options: {
  url: string;
  receiver: ReceiverSettings;
  onClosed: (listener: (run: ClosedRun) => void) => void;
  linkTo: (eventId: string) => string;
  print: (line: string) => void;
}): Promise<void> {
  const { print } = options;
  const closed = new Map<string, ClosedRun>();
  let notify = (): void => undefined;
  options.onClosed((run) => {
    closed.set(run.event_id, run);
    notify();
  });
  print(
    'First steps: three sample events, sent through the webhook and handled with stand-ins (nothing leaves this machine).',
  );
  const sent: { sample: string; eventId: string }[] = [];
  for (const sample of SAMPLES) {
    const answer = await sendEvent(readEvent(sample), options.url, options.receiver);
    if (answer.result === 'received' && answer.id !== null) {
      sent.push({ sample, eventId: answer.id });
    } else {
      print(`  ${sample}: ${answer.status} ${answer.result ?? ''}`.trimEnd());
    }
  }
  const deadline = Date.now() + CLOSED_WITHIN_MS;
  for (const { sample, eventId } of sent) {
    while (!closed.has(eventId) && Date.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - Date.now());
        notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const run = closed.get(eventId);
    print('');
    print(`  ${sample} → ${eventId}`);
    for (const line of run === undefined ? ['still running'] : run.steps.map(describeStep)) {
      print(`    ${line}`);
    }
    print(`    look: ${options.linkTo(eventId)}`);
  }
}

function describeStep(step: ClosedRun['steps'][number]): string {
  const mark = { done: '✓', skipped: '–', failed: '✗' }[step.outcome];
  const reason = step.outcome === 'skipped' ? step['reason'] : step.outcome === 'failed' ? step['message'] : undefined;
  return `${mark} ${step.action}${typeof reason === 'string' ? `: ${reason}` : ''}`;
}
