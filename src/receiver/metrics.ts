import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { LabelValues } from '../admin/label-values';
import { knownTypeNames } from '../events/catalogue';
import type { Backlog } from '../inbox/archive/reader';
import type { InboxOutcome } from '../inbox/stored-event';
import { REFUSAL_REASONS, type RefusalReason } from '../errors/webhook-errors';
import { INVALID_REASONS, type InvalidEvent } from '../ingest/match-event';
import { DROP_REASONS, type DropReason } from './connections';

/** What the gauges read at every scrape. */
export interface InboxGauges {
  backlog(): Backlog;
  heldBytes(): number;
  quarantined(): { count: number; bytes: number };
  problem(): object | null;
}

const KNOWN = new Set(knownTypeNames());

/** An event type as a label: a known one, else `other`, so that a sender cannot create series without bound. */
export function typeLabel(type: string): string {
  return KNOWN.has(type) ? type : 'other';
}

/** Metrics of the receiver and the inbox. Create it once per registry; other rooms add theirs to the same one. */
export class ReceiverMetrics {
  readonly #received: Counter<'type' | 'outcome'>;
  readonly #refused: Counter<'reason'>;
  readonly #since = new Date();
  #accepted = 0;
  readonly #refusals = new Map<RefusalReason, number>();
  readonly #dropped: Counter<'reason'>;
  readonly #quarantined: Counter<'reason'>;
  readonly #ruleFailures: Counter<'rule'>;
  readonly #ruleNames = new LabelValues();
  readonly #ack: Histogram;
  readonly #commit: Histogram;
  readonly #batch: Histogram;
  readonly #failures: Counter<'code'>;

  constructor(readonly registry: Registry) {
    const registers = [registry];
    this.#received = new Counter({
      name: 'bridge_events_received_total',
      help: 'Events acknowledged, by type and outcome.',
      labelNames: ['type', 'outcome'],
      registers,
    });
    this.#refused = new Counter({
      name: 'bridge_requests_refused_total',
      help: 'Requests to the webhook that were refused, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.#dropped = new Counter({
      name: 'bridge_connections_dropped_total',
      help: 'Connections to the webhook that were closed because there were too many, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.#quarantined = new Counter({
      name: 'bridge_quarantined_total',
      help: 'Bodies put into quarantine, by reason.',
      labelNames: ['reason'],
      registers,
    });
    this.#ruleFailures = new Counter({
      name: 'bridge_rule_failures_total',
      help: 'Rules that failed on a new event because their condition took too many steps, by rule.',
      labelNames: ['rule'],
      registers,
    });
    this.#ack = new Histogram({
      name: 'bridge_ack_seconds',
      help: 'Time from the headers of an event to its answer.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
      registers,
    });
    this.#commit = new Histogram({
      name: 'bridge_inbox_commit_seconds',
      help: 'Time of one commit to inbox.db, its sync included.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2],
      registers,
    });
    this.#batch = new Histogram({
      name: 'bridge_inbox_commit_entries',
      help: 'Entries that shared one commit to inbox.db.',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 512],
      registers,
    });
    // A series that starts with its first hit hides that hit from increase().
    REFUSAL_REASONS.forEach((reason) => this.#refused.inc({ reason }, 0));
    DROP_REASONS.forEach((reason) => this.#dropped.inc({ reason }, 0));
    INVALID_REASONS.forEach((reason) => this.#quarantined.inc({ reason }, 0));
    this.#failures = new Counter({
      name: 'bridge_inbox_failures_total',
      help: 'Failed writes to the inbox, by error code.',
      labelNames: ['code'],
      registers,
    });
  }

  /** Adds gauges that read the inbox at every scrape. */
  watch(inbox: InboxGauges): void {
    const registers = [this.registry];
    const gauges: [name: string, help: string, read: () => number][] = [
      ['bridge_inbox_depth', 'Events waiting to be dispatched (counted up to 100,000).', () => inbox.backlog().depth],
      [
        'bridge_inbox_oldest_age_seconds',
        'Age of the oldest event waiting to be dispatched; 0 when none is.',
        () => inbox.backlog().oldestAgeMs / 1_000,
      ],
      ['bridge_inbox_bytes', 'Size of inbox.db, without its write-ahead log.', () => inbox.heldBytes()],
      ['bridge_quarantine_entries', 'Bodies in quarantine.', () => inbox.quarantined().count],
      ['bridge_quarantine_bytes', 'Size of the bodies in quarantine.', () => inbox.quarantined().bytes],
      [
        'bridge_inbox_unavailable',
        '1 while events cannot be stored and are answered with 503.',
        () => (inbox.problem() === null ? 0 : 1),
      ],
    ];
    for (const [name, help, read] of gauges) {
      const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
    }
  }

  received(type: string, outcome: InboxOutcome, seconds: number): void {
    this.#accepted += 1;
    this.#received.inc({ type: typeLabel(type), outcome });
    this.#ack.observe(seconds);
  }

  refused(reason: RefusalReason): void {
    this.#refused.inc({ reason });
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  /** What came since the start: events, and refused requests by reason. */
  totals(): { since: Date; accepted: number; refused: Partial<Record<RefusalReason, number>> } {
    return { since: this.#since, accepted: this.#accepted, refused: Object.fromEntries(this.#refusals) };
  }

  /** Requests that were refused for their signature so far. */
  refusedSignatures(): number {
    return this.#refusals.get('signature') ?? 0;
  }

  connectionDropped(reason: DropReason): void {
    this.#dropped.inc({ reason });
  }

  quarantined(reason: InvalidEvent['reason']): void {
    this.#quarantined.inc({ reason });
  }

  ruleFailed(rule: string): void {
    this.#ruleFailures.inc({ rule: this.#ruleNames.of(rule) });
  }

  committed(entries: number, tookMs: number): void {
    this.#batch.observe(entries);
    this.#commit.observe(tookMs / 1_000);
  }

  storeFailed(code: string): void {
    this.#failures.inc({ code });
  }
}
