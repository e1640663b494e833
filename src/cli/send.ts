import type { Command } from 'commander';
import { z } from 'zod';
import { OperationFailed, WrongUse } from '../errors/operator-errors';
import { occurredAt, readEvent, sampleNames } from '../samples/samples';
import { setValue } from '../samples/set-value';
import { shiftTimes } from '../samples/shift-times';
import { expectSafeUrl, sendEvent, webhookUrl, type Answer } from '../samples/send-event';
import { printMessage, printOutput } from '../text/print';
import { readSettings } from './read-settings';
import { askRunningBridge } from './running-bridge';
import { shownTime, zoneOf } from './since';

/** An event that is older than this has another date, weekday or hour than today's events. */
const OLD_MS = 3_600_000;

interface Options {
  set: string[];
  now?: true;
  url?: string;
  yes?: true;
  json?: true;
}

/** `bridge send`: sends an event to the webhook, as VoIPBIN does. */
export function defineSend(send: Command): void {
  send
    .argument('<event>', 'a JSON file, or a sample by name; "list" prints the names')
    .option(
      '--set <path=value>',
      'change a value first, such as data.id=my-call or data.targets.0.status=sent; may be given several times',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option('--now', 'move the times of the event, so that the latest one is now')
    .option('--url <url>', "the webhook (default: this machine's bridge)")
    .option('--yes', 'send the event to a production bridge, whose live rules act on it')
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, options: Options, command: Command) => {
      if (name === 'list') {
        printOutput(sampleNames().join('\n'));
        return;
      }
      const settings = readSettings(command);
      const { receiver, environment } = settings;
      if (options.url !== undefined) {
        expectSafeUrl(options.url, environment);
      }
      const event = readEvent(name);
      if (options.now === true) {
        shiftTimes(event, new Date());
      }
      for (const assignment of options.set) {
        const added = setValue(event, assignment);
        if (added !== null) {
          const hint = added.near === null ? '' : `; did you mean "${added.near}"?`;
          printMessage(`Note: --set ${assignment}: the event had no ${added.path}, so it was added${hint}`);
        }
      }
      if (environment === 'production' && options.yes !== true) {
        const { describeEffects } = await import('../service/live-effects.js');
        throw new OperationFailed(
          `These settings are for production, so the event is not sent yet. ${describeEffects(event, settings)} To send it: --yes`,
        );
      }
      const url = options.url ?? webhookUrl(receiver);
      const answer = await sendEvent(event, url, receiver).catch((error: unknown) => {
        throw new OperationFailed(`no answer from ${url}: is the bridge running? (${reasonOf(error)})`);
      });
      printAnswer(answer, options);
      expectAccepted(answer);
      if (answer.result === 'duplicate') {
        printMessage('It came before, so nothing is done. Send it as another event: --set data.id=another-id');
      }
      if (answer.id !== null && options.json !== true) {
        printOutput(`See what happens to it: npx bridge events show ${answer.id}`);
        const time = occurredAt(event);
        if (time !== null && Date.now() - time.getTime() > OLD_MS) {
          const zone = await zoneOf({}, settings);
          printOutput(
            `It is of ${shownTime(time.toISOString(), zone)}${zone === 'UTC' ? '' : ` (${zone})`}, and rules go by that time; with --now it is of now.`,
          );
        }
      }
      const refused = options.url === undefined ? await refusedRules(settings.dataDir) : null;
      if (refused !== null) {
        printMessage(`Note: the event went by earlier rules: ${refused}`);
      }
    });
}

const readiness = z.object({ parts: z.object({ rules: z.object({ ok: z.boolean(), detail: z.string() }) }) });

/** Why the bridge does not go by the rule files as they are; null when it does, or does not answer. */
async function refusedRules(dataDir: string): Promise<string | null> {
  const text = await askRunningBridge(dataDir, '/readyz');
  const parsed = text === null ? null : readiness.safeParse(parsedJson(text));
  return parsed?.success === true && !parsed.data.parts.rules.ok ? parsed.data.parts.rules.detail : null;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function printAnswer(answer: Answer, { json }: Options): void {
  const text =
    json === true ? JSON.stringify(answer) : `${answer.status} ${answer.result ?? ''} ${answer.id ?? ''}`.trimEnd();
  printOutput(text);
}

/** @throws WrongUse, OperationFailed when the bridge did not take the event. */
function expectAccepted({ status }: Answer): void {
  if (status === 401) {
    throw new WrongUse("the bridge rejected the signature: set VOIPBIN_WEBHOOK_SECRET here to the bridge's secret");
  }
  if (status >= 500) {
    throw new OperationFailed('the bridge could not store the event; see /readyz');
  }
  if (status !== 200) {
    throw new WrongUse('the bridge rejected the event');
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return 'failed';
  }
  // fetch's own error says nothing; the connection's, two levels below, says why.
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
