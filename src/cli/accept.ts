import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { OperationFailed, WrongUse } from '../errors/operator-errors';
import { typesFor } from '../events/catalogue';
import { InboxReader } from '../inbox/archive/reader';
import { ApiClient } from '../operations/api-client';
import { printOutput } from '../text/print';
import { printableLines } from '../text/printable';
import { printResult } from './print';
import { readSettings, readSettingsWithoutSecrets } from './read-settings';
import { parseSince, TIME_FORMS, withTimezone, zoneOf } from './since';

interface AcceptOptions {
  as?: string;
  json?: true;
}

interface ExportOptions {
  quarantine?: true;
  since?: string;
  timezone?: string;
  type?: string;
  output?: string;
}

const MOST_QUARANTINED = 10_000;

/** `bridge events accept` and `bridge events export`. */
export function defineAccept(events: Command): void {
  events
    .command('accept')
    .description('take a request out of the quarantine, as an event')
    .argument('<id>', 'its id in bridge events list --quarantine')
    .option('--as <type>', 'the type of the event, for a body that names none or a wrong one')
    .option('--json', 'print JSON')
    .action(accept);
  withTimezone(events.command('export'))
    .description('write events as they came, or requests in quarantine, as lines of JSON')
    .option('--quarantine', 'the requests in quarantine')
    .option('--since <time>', `only events that came since then: ${TIME_FORMS}`)
    .option('--type <type>', 'only this type')
    .option('--output <file>', 'a new file; default: standard output')
    .action(write);
}

async function accept(id: string, { as, json }: AcceptOptions, command: Command): Promise<void> {
  const api = new ApiClient(readSettings(command));
  const accepted = (await api.post(`/quarantine/${encodeURIComponent(id)}/accept`, as === undefined ? {} : { as })) as {
    event_id: string;
    outcome: string;
  };
  printResult(json, accepted, () =>
    printableLines([
      `${accepted.event_id}: ${accepted.outcome}`,
      `See what happens to it: npx bridge events show ${accepted.event_id}`,
    ]),
  );
}

async function write(options: ExportOptions, command: Command): Promise<void> {
  const { quarantine, since, type, output } = options;
  const settings = readSettingsWithoutSecrets(command);
  const types = type === undefined ? null : typesFor(type);
  if (type !== undefined && types === null) {
    throw new WrongUse(`unknown event type "${type}"`);
  }
  if (quarantine === true && (since !== undefined || type !== undefined)) {
    throw new WrongUse('requests in quarantine have no type: use --quarantine with --output only');
  }
  const from = since === undefined ? new Date(0) : parseSince(since, new Date(), await zoneOf(options, settings));
  const print = lineWriter(output);
  const reader = InboxReader.open(settings.dataDir);
  try {
    if (quarantine === true) {
      for (const { id } of reader.listQuarantine({ limit: MOST_QUARANTINED })) {
        const found = reader.getQuarantined(id);
        if (found !== null) {
          const { body, ...rest } = found;
          print(JSON.stringify({ ...rest, body_base64: body.toString('base64') }));
        }
      }
      return;
    }
    for (const { event, body } of reader.iterate({ since: from })) {
      if (types === null || types.includes(event.type)) {
        const { event_id, received_at } = event;
        // The body is JSON already; parsing it could change its numbers.
        print(
          `{"event_id":${JSON.stringify(event_id)},"received_at":${JSON.stringify(received_at)},"body":${oneLine(body)}}`,
        );
      }
    }
  } finally {
    reader.close();
  }
}

/** JSON text has line breaks only between its tokens: within texts they are escaped. */
function oneLine(body: Buffer): string {
  return body.toString().replace(/[\r\n]+/g, ' ');
}

/** @throws WrongUse when the file exists. */
function lineWriter(file: string | undefined): (line: string) => void {
  if (file === undefined) {
    return printOutput;
  }
  try {
    writeFileSync(file, '', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw exists
      ? new WrongUse(`${file} exists already: give the export another name`)
      : new OperationFailed(`${file} cannot be written`);
  }
  return (line) => writeFileSync(file, `${line}\n`, { flag: 'a' });
}
