import { readEvent } from '../samples/samples';
import { happen } from '../connectors/voipbin/stand-in/happen';
import { canonicalize } from '../events/canonicalize';
import { parseEnvelope } from '../events/envelope';
import { toJsonText } from '../events/exact-number';
import type { JsonObject } from '../events/json';
import { OwnNumbers } from '../events/own-numbers';
import { sendEvent } from '../samples/send-event';
import { openStandIn } from './webhook-desk';
import type { ReceiverSettings } from '../settings/settings';
import type { FromChild } from './child/messages';

/** The three use cases of VoIPBIN's documentation: a call ends, a text comes in, a recording is ready. */
const SAMPLES = ['call_hungup_curl', 'message_created_page', 'recording_updated_done'];
const CLOSED_WITHIN_MS = 60_000;
const REGISTERED_WITHIN_MS = 20_000;

type ClosedRun = Extract<FromChild, { type: 'closed' }>;

/**
 * Shows a newcomer the whole way of an event: registers the webhook with VoIPBIN's stand-in, lets three sample events happen
 * there, and prints what each run did and where to look at it. It takes a minute at most.
 *
 * @param standIn the API of VoIPBIN's stand-in; null: there is none, and the samples are sent from here.
 * @param onClosed registers a listener for runs that close.
 * @param linkTo gives the run's page in the Temporal UI.
 */
export async function showDemo(options: {
  url: string;
  receiver: ReceiverSettings;
  standIn: string | null;
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
  if (options.standIn !== null) {
    await register(options.standIn, options.url);
    print(
      `  The webhook ${options.url} is registered with VoIPBIN's stand-in, which sends them (bridge webhook show).`,
    );
  }
  const sent: { sample: string; eventId: string }[] = [];
  for (const sample of SAMPLES) {
    const { status, eventId } = await send(readEvent(sample), options);
    if (status === 200 && eventId !== null) {
      sent.push({ sample, eventId });
    } else {
      print(`  ${sample}: ${status ?? 'no answer'}`);
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

/** Registers the webhook as `bridge webhook connect` does. */
async function register(standIn: string, uri: string): Promise<void> {
  const client = await openStandIn(standIn);
  try {
    await client.webhooks.setCustomerWebhook({ uri, method: 'POST' }, AbortSignal.timeout(REGISTERED_WITHIN_MS));
  } finally {
    await client.close();
  }
}

/** The webhook's answer, and the id that the bridge gives the event. */
async function send(
  event: JsonObject,
  { url, receiver, standIn }: { url: string; receiver: ReceiverSettings; standIn: string | null },
): Promise<{ status: number | null; eventId: string | null }> {
  if (standIn === null) {
    const { status, id } = await sendEvent(event, url, receiver);
    return { status, eventId: id };
  }
  return {
    status: await happen(standIn, event, receiver.webhookSecrets[0]?.reveal() ?? null),
    eventId: eventIdOf(event),
  };
}

function eventIdOf(event: JsonObject): string | null {
  const body = Buffer.from(toJsonText(event));
  const parsed = parseEnvelope(body);
  return parsed.ok ? canonicalize(parsed.envelope, body, new Date(), new OwnNumbers([], null)).event_id : null;
}

function describeStep(step: ClosedRun['steps'][number]): string {
  const mark = { done: '✓', skipped: '–', failed: '✗' }[step.outcome];
  const reason = step.outcome === 'skipped' ? step['reason'] : step.outcome === 'failed' ? step['message'] : undefined;
  return `${mark} ${step.action}${typeof reason === 'string' ? `: ${reason}` : ''}`;
}
