import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { Connector } from '../connectors/connector';
import type { Proof } from '../connectors/proof';
import { connectors } from '../connectors/registry';
import { EXIT_FAILED, EXIT_OK, OperationFailed, WrongUse } from '../errors/operator-errors';
import type { Settings } from '../settings/settings';
import { missingNeeds, proveConnection, type ProofReport } from '../status/connection-proof';
import { printMessage } from '../text/print';
import { printableLines } from '../text/printable';
import { didYouMean } from '../yaml/nearest-name';
import { printResult } from './print';
import { readSettings } from './read-settings';

interface Options {
  only: string[];
  with: Record<string, string>;
  standIn?: true;
  yes?: true;
  json?: true;
}

/** What will be asked of one connection. `settings` is null for its stand-in. */
interface Plan {
  connector: Connector;
  proofs: readonly Proof<unknown>[];
  settings: unknown;
}

/** `bridge connections prove`: asks test accounts how they behave where no manual says it. */
export function defineProve(prove: Command): void {
  prove
    .description('find out, in a TEST account, how a provider behaves where its documentation does not say')
    .argument('[name]', 'the connection: hubspot, slack, ...; all of them if absent')
    .option(
      '--only <proof>',
      'run this proof; may be given several times',
      (value, before: string[]) => [...before, value],
      [],
    )
    .option('--with <name=value>', 'what a proof needs, such as a channel; may be given several times', addPair, {})
    .option('--stand-in', 'ask the stand-ins, to try the proofs themselves')
    .option('--yes', 'do not ask before records are made')
    .option('--json', 'print JSON')
    .action(run);
}

async function run(name: string | undefined, options: Options, command: Command): Promise<void> {
  const settings = readSettings(command);
  if (settings.environment === 'production' && options.standIn !== true) {
    throw new OperationFailed(
      'These settings are for production. Proofs make and remove records: give this command the settings of a test account, without BRIDGE_ENV=production.',
    );
  }
  const plans = chooseConnectors(name).map((connector) => planOf(connector, settings, options));
  expectKnownProofs(options.only);
  const asked = plans.filter(({ proofs }) => proofs.length > 0);
  if (asked.length === 0) {
    throw new OperationFailed(
      'Nothing to prove: no connection that has proofs has credentials. Set those of a test account, or try the proofs with --stand-in.',
    );
  }
  printMessage(printableLines(describePlans(asked, options)));
  await expectConsent(options);

  const stop = new AbortController();
  process.once('SIGINT', () => {
    printMessage('Stopping, and removing what was made. Press Ctrl-C again to leave it where it is.');
    stop.abort();
  });
  const reports: ProofReport[] = [];
  for (const plan of asked) {
    reports.push(...(await prove(plan, options, stop.signal)));
  }
  printResult(options.json, reports, () => printableLines(reports.flatMap(describeReport)));
  const isSettled = reports.every(({ verdict, left }) => verdict === 'as_assumed' && left.length === 0);
  process.exitCode = isSettled ? EXIT_OK : EXIT_FAILED;
}

function addPair(pair: string, before: Record<string, string>): Record<string, string> {
  const split = pair.indexOf('=');
  if (split < 1) {
    throw new WrongUse(`--with ${pair}: write it as name=value`);
  }
  return { ...before, [pair.slice(0, split)]: pair.slice(split + 1) };
}

function chooseConnectors(name: string | undefined): readonly Connector[] {
  const names = connectors.map((connector) => connector.name);
  if (name !== undefined && !names.includes(name)) {
    const { hint } = { hint: `there are ${names.join(', ')}`, ...didYouMean(name, names) };
    throw new WrongUse(`unknown connection "${name}"; ${hint}`);
  }
  return connectors.filter((connector) => name === undefined || connector.name === name);
}

function planOf(connector: Connector, settings: Settings, { only, standIn }: Options): Plan {
  const found = standIn === true ? null : (settings.connections[connector.name]?.settings ?? null);
  const canAsk = standIn === true ? connector.connection.standIn !== undefined : found !== null;
  const proofs = (connector.connection.prove ?? []).filter((proof) => only.length === 0 || only.includes(proof.name));
  return { connector, proofs: canAsk ? proofs : [], settings: found };
}

function expectKnownProofs(only: readonly string[]): void {
  const known = connectors.flatMap(({ connection }) => (connection.prove ?? []).map((proof) => proof.name));
  for (const name of only) {
    if (!known.includes(name)) {
      const { hint } = { hint: `there are ${known.join(', ')}`, ...didYouMean(name, known) };
      throw new WrongUse(`unknown proof "${name}"; ${hint}`);
    }
  }
}

function describePlans(plans: readonly Plan[], { standIn, with: given }: Options): string[] {
  return [
    standIn === true ? 'The stand-ins are asked:' : 'These accounts are asked, and must be test accounts:',
    ...plans.flatMap(({ connector, proofs }) =>
      proofs.flatMap((proof) => [
        `${connector.name} ${proof.name}: ${proof.question}`,
        `    makes, and removes again: ${proof.creates}`,
        ...missingNeeds(proof, given).map(
          (need) => `    left out, for lack of --with ${need}=...: ${proof.needs?.[need] ?? ''}`,
        ),
      ]),
    ),
  ];
}

/** @throws OperationFailed unless the person agrees, or agreed with `--yes`. A stand-in needs no consent. */
async function expectConsent({ yes, standIn }: Options): Promise<void> {
  if (yes === true || standIn === true) {
    return;
  }
  if (!process.stdin.isTTY) {
    throw new OperationFailed('Nothing was made. If these are test accounts: --yes');
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question('Are these test accounts? Type yes: ').finally(() => lines.close());
  if (answer.trim().toLowerCase() !== 'yes') {
    throw new OperationFailed('Nothing was made.');
  }
}

async function prove(
  { connector, proofs, settings }: Plan,
  options: Options,
  signal: AbortSignal,
): Promise<ProofReport[]> {
  const { connection } = connector;
  const standIn = options.standIn === true ? await connection.standIn?.() : undefined;
  try {
    const target = standIn === undefined ? settings : connection.settings.parse(standIn.settings);
    const say = (_fields: Record<string, unknown>, message: string): void =>
      printMessage(`${connector.name}: ${message}`);
    return await proveConnection(connector, proofs, target, {
      given: options.with,
      signal,
      log: { info: say, warn: say },
    });
  } finally {
    await standIn?.stop();
  }
}

const VERDICTS: Record<ProofReport['verdict'], string> = {
  as_assumed: 'as assumed',
  differs: 'DIFFERS',
  unknown: 'unknown',
};

function describeReport({ connection, proof, verdict, answer, means, left }: ProofReport): string[] {
  return [
    `${connection} ${proof}: ${VERDICTS[verdict]}`,
    `    ${answer}`,
    `    ${means}`,
    ...left.map(({ what, why }) => `    NOT REMOVED: ${what}: ${why}`),
  ];
}
