import { z } from 'zod';
import type { BatchedEnd } from '../runs/batch-contract';

/** What the dispatcher reads of a {@link BatchedEnd}; the report is recorded as it is. */
const end = z.discriminatedUnion('end', [
  z.looseObject({ event_id: z.string(), end: z.literal('over' satisfies BatchedEnd['end']), report: z.unknown() }),
  z.looseObject({ event_id: z.string(), end: z.literal('own_run' satisfies BatchedEnd['end']) }),
]);
const batchReport = z.looseObject({ events: z.array(end) });

/** How the part of each event in a batch ended, by event id; empty for a batch that left no report. */
export function endsIn(report: unknown): Map<string, z.infer<typeof end>> {
  const parsed = batchReport.safeParse(report);
  return new Map((parsed.success ? parsed.data.events : []).map((each) => [each.event_id, each]));
}
