import { setTimeout as delay } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { EXIT_FAILED, OperationFailed, WrongUse } from '../errors/operator-errors';
import { ERROR_CLASSES } from '../errors/step-errors';
import { ApiClient } from '../operations/api-client';
import { EVERY_STEP, LEFT_OUT, type Job, type JobPlan, type LeftOut } from '../operations/job';
import type { Settings } from '../settings/settings';
import { counted } from '../text/counted';
import { printMessage, printOutput } from '../text/print';
import { printableLines } from '../text/printable';
import { isConfirmed } from './confirm';
import { describeProgress, summaryOf } from './job-text';
import { printResult } from './print';
import { readSettings } from './read-settings';
import { parsePeriod, TIME_FORMS, withTimezone, zoneOf } from './since';

const POLL_MS = 1_000;
/** Runs that wait for something may wait for hours: following ends when nothing has changed for so long. */
const STILL_FOR_MS = 60_000;

interface CommonOptions {
  since?: string;
  until?: string;
  timezone?: string;
  type?: string;
  rule?: string;
  late?: true;
  ambiguous: string[];
  dryRun?: true;
  yes?: true;
  detach?: true;
  json?: true;
}

interface RetryOptions extends CommonOptions {
  failed?: true;
  step?: string;
  connection?: string;
  class?: string;
}

interface RerunOptions extends CommonOptions {
  failed?: true;
  again?: true;
}

/** `bridge events retry` and `bridge events rerun`. */
export function defineRetry(events: Command): void {
  common(
    events
      .command('retry')
      .description('do the failed steps of events again, with the rules as they were then')
      .argument('[ids...]', 'event ids; or choose with --failed and the options below'),
  )
    .option('--failed', 'every event with a failed step')
    .option('--step <id>', 'only this step')
    .option('--connection <name>', 'only steps of this connection: hubspot, slack, ...')
    .option('--class <class>', `only failures of this class: ${ERROR_CLASSES.join(', ')}`)
    .action(retry);
  common(
    events
      .command('rerun')
      .description('match events against the rules in force now, and do what has not been done for them')
      .argument('[ids...]', 'event ids; or choose with --since, --failed and the options below'),
  )
    .option('--failed', 'only events with a failed step')
    .option('--again', 'do everything a second time, for one event')
    .action(rerun);
}

function common(command: Command): Command {
  return withTimezone(command)
    .option('--since <time>', `only events that came since then: ${TIME_FORMS}`)
    .option('--until <time>', 'only events that came before then')
    .option('--type <type>', 'only this type')
    .option('--rule <name>', 'only this rule')
    .option('--late', 'also what would come too late, such as replies to old texts')
    .addOption(
      new Option(
        '--ambiguous [rule/step]',
        'also this step, or without a name every step, that may have happened: look at the provider first; needs ids, or --rule and --since; may be given several times',
      )
        .preset(EVERY_STEP)
        .default([], 'none')
        .argParser((value: string, before: string[]) => [...before, value]),
    )
    .option('--dry-run', 'print the plan and stop')
    .option('--yes', 'do not ask')
    .option('--detach', 'do not wait for the end')
    .option('--json', 'print JSON');
}

async function retry(ids: string[], options: RetryOptions, command: Command): Promise<void> {
  if (ids.length === 0 && options.failed !== true && options.ambiguous.length === 0) {
    throw new WrongUse('name the events, or use --failed (with --since, --rule, --type, ...) for all that failed');
  }
  if (ids.length > 0 && options.failed === true) {
    throw new WrongUse('name the events, or use --failed, not both');
  }
  const { step, connection, class: errorClass } = options;
  const settings = readSettings(command);
  await operate(
    '/retry',
    'Retry',
    { ...(await selectionOf(ids, options, settings)), step, connection, class: errorClass },
    options,
    settings,
  );
}

async function rerun(ids: string[], options: RerunOptions, command: Command): Promise<void> {
  if (ids.length === 0 && options.since === undefined && options.failed !== true) {
    throw new WrongUse('name the events, or say how far back with --since, or use --failed for all that failed');
  }
  if (ids.length > 0 && options.failed === true) {
    throw new WrongUse('name the events, or use --failed, not both');
  }
  const settings = readSettings(command);
  await operate(
    '/rerun',
    'Rerun',
    { ...(await selectionOf(ids, options, settings)), again: options.again === true, failed: options.failed === true },
    options,
    settings,
  );
}

async function selectionOf(ids: string[], options: CommonOptions, settings: Settings): Promise<object> {
  const { type, rule, late, ambiguous } = options;
  const unclear = ambiguous.find((name) => name !== EVERY_STEP && !name.includes('/'));
  if (unclear !== undefined) {
    throw new WrongUse(`--ambiguous ${unclear}: write RULE/STEP, or --ambiguous alone for every such step`);
  }
  const { since, until } = parsePeriod(options, new Date(), await zoneOf(options, settings));
  return {
    events: ids.length === 0 ? undefined : ids,
    since: since?.toISOString(),
    until: until?.toISOString(),
    type,
    rule,
    late: late === true,
    ambiguous,
  };
}

/** Plans, prints the plan, asks, starts, and follows the job. */
async function operate(
  path: string,
  title: string,
  request: object,
  options: CommonOptions,
  settings: Settings,
): Promise<void> {
  const api = new ApiClient(settings);
  const isDry = options.dryRun === true;
  const planned = (await api.post(`${path}${isDry ? '?dry_run=true' : ''}`, request)) as Job;
  if (options.json !== true) {
    printOutput(printableLines(describePlan(title, planned.plan)));
  }
  if (isDry || planned.plan.events === 0) {
    if (options.json === true) {
      printOutput(JSON.stringify(planned, null, 2));
    }
    return;
  }
  if (!(await isConfirmed(options))) {
    printMessage('Nothing was done.');
    process.exitCode = EXIT_FAILED;
    return;
  }
  const started = (await api.post(`/jobs/${planned.id}/run`)) as Job;
  if (options.detach === true) {
    printResult(options.json, started, () =>
      printableLines([`Job ${started.id} has started; see bridge jobs show ${started.id}`]),
    );
    return;
  }
  const ended = await follow(api, started, options.json === true);
  printResult(options.json, ended, () => printableLines(summaryOf(ended)));
  process.exitCode = hasFailures(ended) ? EXIT_FAILED : 0;
}

function describePlan(title: string, plan: JobPlan): string[] {
  const left = Object.entries(plan.left_out) as [LeftOut, number][];
  const leftOut = left.map(([reason, count]) => `  left out  ${count}: ${LEFT_OUT[reason]}`);
  if (plan.events === 0) {
    return [`${title}: nothing to do.`, ...leftOut];
  }
  return [
    `${title} of ${counted(plan.events, 'event')}${plan.cut ? ' (more are selected: run it again afterwards)' : ''}`,
    `  rules     ${list(plan.rules)}`,
    `  steps     ${list(plan.steps)}`,
    `  effects   at most ${Object.entries(plan.effects)
      .map(([unit, count]) => counted(count, unit))
      .join(', ')}`,
    ...(plan.may_have_happened === undefined
      ? []
      : [`  caution   ${counted(plan.may_have_happened, 'step')} may have happened already`]),
    ...leftOut,
    `  events    ${plan.sample.join(', ')}${plan.events > plan.sample.length ? ', ...' : ''}`,
  ];
}

function list(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} (${count})`)
    .join(', ');
}

/** Follows a job until it has ended, or what is left of it waits. Ctrl-C ends the following, not the job. */
async function follow(api: ApiClient, started: Job, isQuiet: boolean): Promise<Job> {
  let job = started;
  let shown = '';
  let changedAt = performance.now();
  while (job.state === 'running') {
    const line = describeProgress(job);
    if (line !== shown) {
      shown = line;
      changedAt = performance.now();
      if (!isQuiet) {
        printMessage(line);
      }
    } else if (performance.now() - changedAt > STILL_FOR_MS) {
      printMessage(`The rest waits; the job goes on by itself. See bridge jobs show ${job.id}`);
      return job;
    }
    await delay(POLL_MS);
    job = (await api.get(`/jobs/${job.id}`).catch((error: unknown) => {
      if (error instanceof OperationFailed) {
        throw new OperationFailed(`${error.message}. The job ${job.id} goes on when the bridge runs again.`);
      }
      throw error;
    })) as Job;
  }
  return job;
}

function hasFailures({ progress }: Job): boolean {
  return Object.entries(progress.ended).some(
    ([outcome, count]) => count > 0 && !['done', 'skipped', 'nothing'].includes(outcome),
  );
}
