import { Gauge, type Registry } from 'prom-client';
import type { JobsLeft } from './operations';

/** Adds metrics of the jobs. Once per registry. @param left is called at every scrape, once for each metric. */
export function watchJobs(registry: Registry, left: () => JobsLeft): void {
  const registers = [registry];
  const running: Gauge = new Gauge({
    name: 'bridge_jobs_running',
    help: 'Jobs (retries and reruns) that have been started and not ended.',
    registers,
    collect: () => running.set(left().jobs),
  });
  const events: Gauge = new Gauge({
    name: 'bridge_job_events_left',
    help: 'Events of these jobs whose run has not ended.',
    registers,
    collect: () => events.set(left().events),
  });
}
