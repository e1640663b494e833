import type { Job } from '../operations/job';

const BAR = 30;

/** How far a job is, in one line: `[#####-----] 120 of 200: 118 done, 2 failed, 4 under way`. */
export function describeProgress({ progress }: Job): string {
  const { total, under_way, ended } = progress;
  const finished = Object.values(ended).reduce((sum, count) => sum + count, 0);
  const filled = total === 0 ? BAR : Math.floor((finished / total) * BAR);
  const parts = [
    ...Object.entries(ended).map(([outcome, count]) => `${count} ${outcomeText(outcome)}`),
    ...(under_way === 0 ? [] : [`${under_way} under way`]),
  ];
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}] ${finished} of ${total}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}

/** How a job ended, or stands. */
export function summaryOf(job: Job): string[] {
  const refused = job.progress.ended['refused'] ?? 0;
  const failed = (job.progress.ended['failed'] ?? 0) + (job.progress.ended['partial'] ?? 0);
  return [
    `Job ${job.id}: ${job.state}`,
    `  ${describeProgress(job)}`,
    ...(failed > 0 ? ['  What failed: npx bridge events list --status failed,partial'] : []),
    ...(refused > 0 ? ['  Why events were refused: npx bridge events show <id>'] : []),
  ];
}

/** An outcome as people say it. */
function outcomeText(outcome: string): string {
  return outcome === 'nothing' ? 'with nothing left to do' : outcome;
}
