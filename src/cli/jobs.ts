import type { Command } from 'commander';
import { ApiClient } from '../operations/api-client';
import type { Job } from '../operations/job';
import { printableLines } from '../text/printable';
import { describeProgress, summaryOf } from './job-text';
import { printResult } from './print';
import { readSettings } from './read-settings';
import { shownTime, withTimezone, zoneLines, zoneOf } from './since';

interface Options {
  limit?: string;
  timezone?: string;
  json?: true;
}

/** `bridge jobs`: retries and reruns that operators started. */
export function defineJobs(jobs: Command): void {
  withTimezone(jobs.command('list'))
    .description('list the latest jobs')
    .option('--limit <n>', 'how many', '20')
    .option('--json', 'print JSON')
    .action(list);
  withTimezone(jobs.command('show'))
    .description('show how far a job is')
    .argument('<id>', 'the job')
    .option('--json', 'print JSON')
    .action(show);
  jobs
    .command('cancel')
    .description('stop a job from starting more runs; those that have started go on')
    .argument('<id>', 'the job')
    .option('--json', 'print JSON')
    .action(cancel);
}

async function list(options: Options, command: Command): Promise<void> {
  const { limit, json } = options;
  const settings = readSettings(command);
  const zone = await zoneOf(options, settings);
  const api = new ApiClient(settings);
  const jobs = (await api.get(`/jobs?limit=${encodeURIComponent(limit ?? '20')}`)) as Job[];
  const lines = jobs.map(
    (job) => `${shownTime(job.created_at, zone)}  ${job.id}  ${job.state.padEnd(9)}  ${describeProgress(job)}`,
  );
  const shown = lines.length === 0 ? ['There have been no jobs.'] : [...lines, ...zoneLines(zone)];
  printResult(json, jobs, () => printableLines(shown));
}

async function show(id: string, options: Options, command: Command): Promise<void> {
  const settings = readSettings(command);
  const zone = await zoneOf(options, settings);
  const api = new ApiClient(settings);
  const job = (await api.get(`/jobs/${encodeURIComponent(id)}`)) as Job;
  printResult(options.json, job, () =>
    printableLines([
      ...summaryOf(job),
      `  asked for by ${job.who} at ${shownTime(job.created_at, zone)}`,
      `  request ${JSON.stringify(job.request)}`,
      ...zoneLines(zone),
    ]),
  );
}

async function cancel(id: string, { json }: Options, command: Command): Promise<void> {
  const api = new ApiClient(readSettings(command));
  const job = (await api.post(`/jobs/${encodeURIComponent(id)}/cancel`)) as Job;
  printResult(json, job, () => printableLines(summaryOf(job)));
}
