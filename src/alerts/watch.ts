import type { Logger } from 'pino';
import type { AlertKind, AlertRoute } from '../rules/alert-route';
import { LASTING, quietOf, type Condition } from './alert';
import type { AlertBook } from './book';

/** Something that happened since the last look, `more` times. */
export interface Happening extends Condition {
  more: number;
}

/** Looks for what is wrong. Called every few seconds, so it must be quick. */
export type Probe =
  /** What is wrong now; what it named before and does not name any more is over. */
  | { kind: AlertKind; now: () => readonly Condition[] }
  /** What has happened since the last call. */
  | { kind: AlertKind; news: () => readonly Happening[] };

const LOOK_EVERY_MS = 5_000;

/** Looks at the probes, and keeps the book of alerts. */
export class AlertWatch {
  readonly #timer: NodeJS.Timeout;
  /** What failed at the last look: it is logged once until it works again. */
  readonly #failing = new Set<string>();

  /**
   * @param routes the alerts of the rule files in force.
   * @param onChanged called after every look: there may be something to send.
   */
  constructor(
    private readonly options: {
      book: AlertBook;
      probes: readonly Probe[];
      routes: () => readonly AlertRoute[];
      onChanged: () => void;
      log: Pick<Logger, 'warn'>;
      everyMs?: number;
    },
  ) {
    this.#timer = setInterval(() => this.look(), options.everyMs ?? LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Looks now. A probe that fails is left out: an alert must not stop the others. */
  look(): void {
    const { book, probes, routes, onChanged } = this.options;
    for (const probe of probes) {
      this.#attempt(probe.kind, () => this.#read(probe));
    }
    // The disk may be full: the bridge answers that to VoIPBIN, and must not end.
    this.#attempt('ends', () => book.endQuiet((kind) => quietOf(kind, routes())));
    this.#attempt('sending', onChanged);
  }

  #attempt(kind: AlertKind | 'ends' | 'sending', work: () => void): void {
    try {
      work();
      this.#failing.delete(kind);
    } catch (error) {
      if (!this.#failing.has(kind)) {
        this.#failing.add(kind);
        const problem = error instanceof Error ? error.name : 'unknown';
        this.options.log.warn({ kind, problem }, 'it cannot be seen whether an alert is due');
      }
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #read(probe: Probe): void {
    const { book, routes } = this.options;
    if ('news' in probe) {
      for (const { more, ...condition } of probe.news()) {
        book.raise(condition, routes(), more);
      }
      return;
    }
    const found = probe.now();
    const open = book.open().filter(({ kind }) => kind === probe.kind);
    for (const condition of found) {
      if (open.some(({ key }) => key === condition.key)) {
        book.lasts(condition.kind, condition.key);
      } else {
        book.raise(condition, routes());
      }
    }
    for (const { kind, key } of open) {
      if (LASTING.has(kind) && !found.some((condition) => condition.key === key)) {
        book.end(kind, key);
      }
    }
  }
}
