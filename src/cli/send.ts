import { Command } from 'commander';
import { Refused, WrongUse } from '../errors/operator-errors';
import { readSettings } from './read-settings';
import { readEvent, sampleNames, sendEvent, setValue, webhookUrl, type Answer } from '../samples/send-event';

/** `bridge send`: replays an event through the webhook, as VoIPBIN would send it. */
export function sendCommand(): Command {
  return new Command('send')
    .description('send an event to the bridge, as VoIPBIN would (signed when a webhook secret is set)')
    .argument('<event>', 'a JSON file, or a sample by name; "list" shows the samples')
    .option(
      '--set <path=value>',
      'change a value first, such as data.id=my-call; may be given again',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option('--url <url>', "the webhook (default: this machine's bridge)")
    .option('--json', 'print the answer as JSON')
    .action(async (name: string, options: { set: string[]; url?: string; json?: true }, command: Command) => {
      if (name === 'list') {
        process.stdout.write(`${sampleNames().join('\n')}\n`);
        return;
      }
      const { receiver } = readSettings(command);
      const event = readEvent(name);
      for (const assignment of options.set) {
        setValue(event, assignment);
      }
      const url = options.url ?? webhookUrl(receiver);
      let answer: Answer;
      try {
        answer = await sendEvent(event, url, receiver);
      } catch (error) {
        throw new Refused(
          `no answer from ${url}: is the bridge running? (${error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : 'failed'})`,
        );
      }
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify(answer)}\n`
          : `${answer.status} ${answer.result ?? ''} ${answer.id ?? ''}`.trimEnd() + '\n',
      );
      if (answer.status !== 200) {
        if (answer.status === 401) {
          throw new WrongUse(
            'the bridge refused the signature: set VOIPBIN_WEBHOOK_SECRET here to what the bridge has',
          );
        }
        throw answer.status >= 500
          ? new Refused('the bridge could not keep the event; see /readyz')
          : new WrongUse('the bridge refused the event');
      }
      if (answer.id !== null && options.json !== true) {
        process.stdout.write(`What became of it: npx bridge events show ${answer.id}\n`);
      }
    });
}
