import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_OK, WrongUse } from '../errors/operator-errors';
import { shownUrl } from '../net/url-host';
import { webhookChange, type WebhookPlan, type WebhookResult } from '../operations/webhook/change';
import type { RegisteredWebhooks } from '../operations/webhook/desk';
import type { WebhookStatus } from '../operations/webhook/status';
import { allButWebhookSecret } from '../settings/load';
import type { WebhookCalls } from '../service/webhook-desk';
import { printMessage, printOutput } from '../text/print';
import { printableLines } from '../text/printable';
import { isConfirmed } from './confirm';
import { printResult } from './print';
import { readSettings } from './read-settings';

interface Options {
  name?: string;
  detail?: string;
  uri?: string;
  method?: string;
  eventTypes?: string;
  force?: true;
  dryRun?: true;
  yes?: true;
  json?: true;
}

/** `bridge webhook`: what VoIPBIN calls, and for which events. */
export function defineWebhook(webhook: Command): void {
  const change = (name: string, description: string): Command =>
    webhook
      .command(name)
      .description(description)
      .option('--dry-run', 'only show what would be changed')
      .option('--yes', 'do not ask')
      .option('--json', 'print JSON');
  change('connect', 'register the bridge with VoIPBIN for the events that its rules need, and fetch the secret')
    .argument(
      '[url]',
      'what VoIPBIN is to call: https://bridge.example.com/voipbin/webhook (default: BRIDGE_PUBLIC_URL)',
    )
    .option('--force', 'also when a request to the URL does not reach the bridge')
    .action((url: string | undefined, options: Options, command: Command) =>
      run({ do: 'connect', uri: url, force: options.force ?? false }, options, command),
    );
  webhook
    .command('status')
    .description('compare what is registered with the rules and with what came')
    .option('--json', 'print JSON')
    .action(status);
  webhook.command('list').description('list the webhooks of the account').option('--json', 'print JSON').action(list);
  withFields(change('create', 'register a webhook (accounts with several webhooks)'))
    .argument('<url>', 'what VoIPBIN is to call')
    .action((url: string, options: Options, command: Command) =>
      run({ do: 'create', ...fieldsOf(options), uri: url }, options, command),
    );
  withFields(change('update', 'change a webhook (accounts with several webhooks)'))
    .argument('<id>', 'its id in bridge webhook list')
    .option('--uri <url>', 'what VoIPBIN is to call')
    .action((id: string, options: Options, command: Command) =>
      run({ do: 'update', id, ...fieldsOf(options), uri: options.uri }, options, command),
    );
  change('delete', 'delete a webhook (accounts with several webhooks)')
    .argument('<id>', 'its id in bridge webhook list')
    .action((id: string, options: Options, command: Command) => run({ do: 'delete', id }, options, command));
  webhook
    .command('show')
    .description("show the webhook in the customer's record (accounts with one webhook)")
    .option('--json', 'print JSON')
    .action(list);
  change('set', "set the webhook in the customer's record; the rest of the record stays (accounts with one webhook)")
    .argument('<url>', 'what VoIPBIN is to call')
    .option('--method <method>', 'POST or PUT')
    .action((url: string, options: Options, command: Command) =>
      run({ do: 'set', uri: url, method: options.method }, options, command),
    );
  change('clear', "clear the webhook in the customer's record: no more events come (accounts with one webhook)").action(
    (options: Options, command: Command) => run({ do: 'clear' }, options, command),
  );
}

function withFields(command: Command): Command {
  return command
    .option('--name <name>', 'a name for people')
    .option('--detail <text>', 'a description for people')
    .option('--method <method>', 'POST or PUT')
    .option('--event-types <names>', 'comma-separated (default of a new webhook: what the rules in force need)');
}

function fieldsOf({ name, detail, method, eventTypes }: Options): object {
  const event_types = eventTypes
    ?.split(',')
    .map((type) => type.trim())
    .filter((type) => type !== '');
  return { name, detail, method, event_types };
}

/** Shows the plan, asks, and does it. */
async function run(input: object, options: Options, command: Command): Promise<void> {
  const parsed = webhookChange.safeParse(withoutUndefined(input));
  if (!parsed.success) {
    throw new WrongUse(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  }
  const calls = await callsOf(command);
  const planned = await calls.plan(parsed.data);
  const { json } = options;
  if (options.dryRun === true || (planned.steps.length === 0 && parsed.data.do !== 'connect')) {
    printResult(json, planned, () => printableLines(describePlan(planned)));
    return;
  }
  if (json !== true) {
    printOutput(printableLines(describePlan(planned)));
  }
  if (planned.steps.length > 0 && !(await isConfirmed(options))) {
    printMessage('Nothing was done.');
    process.exitCode = EXIT_FAILED;
    return;
  }
  const result = await calls.apply(parsed.data, planned.plan);
  printResult(json, result, () => printableLines(describeResult(result, planned)));
  process.exitCode = result.ok ? EXIT_OK : EXIT_FAILED;
}

function withoutUndefined(input: object): object {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

async function callsOf(command: Command): Promise<WebhookCalls> {
  const { webhookCalls } = await import('../service/webhook-desk.js');
  return webhookCalls(readSettings(command, undefined, { isNeeded: allButWebhookSecret }));
}

function describePlan({ steps, notes }: WebhookPlan): string[] {
  return [
    ...(steps.length === 0
      ? ['Nothing to change at VoIPBIN: everything is as it is to be.']
      : ['This would:', ...steps.map((step) => `  ${step}`)]),
    ...notes.map((note) => `Note: ${note}`),
  ];
}

function describeResult({ done, problems, notes }: WebhookResult, planned: WebhookPlan): string[] {
  return [
    ...done.map((step) => `✓ ${step}`),
    ...problems.map((problem) => `✗ ${problem}`),
    ...notes.filter((note) => !planned.notes.includes(note)).map((note) => `  ${note}`),
  ];
}

async function list({ json }: Options, command: Command): Promise<void> {
  const found = await (await callsOf(command)).registered();
  printResult(json, found, () => printableLines(describeRegistered(found)));
}

function describeRegistered({ webhooks, customer }: RegisteredWebhooks): string[] {
  if (customer !== null) {
    return [
      customer.uri === ''
        ? 'No webhook is set: VoIPBIN sends events nowhere. Set it with bridge webhook connect URL.'
        : `${shownUrl(customer.uri)}  ${customer.method}  every event`,
    ];
  }
  return webhooks.length === 0
    ? ['No webhook is registered: VoIPBIN sends events nowhere. Register one with bridge webhook connect URL.']
    : webhooks.flatMap(({ id, name, uri, method, event_types, status: state }) => [
        `${id}  ${shownUrl(uri)}  ${method}${state === null ? '' : `  ${state}`}${name === '' ? '' : `  ${name}`}`,
        `    ${event_types.join(', ')}`,
      ]);
}

async function status({ json }: Options, command: Command): Promise<void> {
  const found = await (await callsOf(command)).status();
  printResult(json, found, () => printableLines(describeStatus(found, new Date())));
  process.exitCode = found.problems.length === 0 ? EXIT_OK : EXIT_FAILED;
}

const SECRETS: Readonly<Record<WebhookStatus['secret'], string>> = {
  held: 'the bridge has the secret of the account',
  other: 'the bridge has another secret than the account',
  not_held: 'the bridge has none',
  none: 'VoIPBIN shows none',
};

function describeStatus({ registered, secret, received, problems }: WebhookStatus, now: Date): string[] {
  return [
    ...registered.map(
      ({ url, method, event_types }) =>
        `Registered  ${url} (${method}), ${event_types === null ? 'every event' : `${event_types.length} event types`}`,
    ),
    `Secret      ${SECRETS[secret]}`,
    ...(received === null
      ? []
      : [
          `Received    ${received.last_event_at === null ? 'no event yet' : `last event ${agoOf(received.last_event_at, now)}`}; ${received.accepted} since the bridge started (${received.since})${describeRefused(received.refused)}`,
        ]),
    ...problems.map((problem) => `✗ ${problem}`),
    ...(problems.length === 0 ? ['✓ the rules get the events that they listen to'] : []),
  ];
}

function describeRefused(refused: Readonly<Record<string, number>>): string {
  const parts = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
  return parts.length === 0 ? '' : `; refused: ${parts.join(', ')}`;
}

function agoOf(time: string, now: Date): string {
  const minutes = Math.max(0, Math.round((now.getTime() - Date.parse(time)) / 60_000));
  if (minutes < 1) {
    return 'less than a minute ago';
  }
  return minutes < 120 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
}
