import { fork, type ChildProcess } from 'node:child_process';
import { setPriority } from 'node:os';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { AlertRoute } from '../rules/alert-route';
import type { NamedValues } from '../rules/language/named-values';
import type { PlannedStep } from '../rules/plan';
import { quietOf, type Alert, type Telling } from './alert';
import type { AlertBook } from './book';
import { endedSummary } from './ended-summary';

const NICENESS = 10;
/** A process that sends notifications has so long; then it is killed, and they are tried again later. */
const TOLD_WITHIN_MS = 120_000;

/** One notification, as the process that delivers it gets it. */
export const order = z.object({
  /** The same on every try, so that a provider can recognise it. */
  key: z.string(),
  route: z.string(),
  timezone: z.string(),
  country: z.string().nullable(),
  steps: z.array(z.unknown()),
  /** Lists, maps and windows that the texts use. */
  names: z.unknown().optional(),
  /** The fields `alert.*`. */
  alert: z.record(z.string(), z.json()),
});
export type Order = Omit<z.infer<typeof order>, 'steps' | 'names'> & {
  steps: readonly PlannedStep[];
  names?: NamedValues | undefined;
};

/** How a notification ended. */
export const delivered = z.object({
  key: z.string(),
  /** A code; null when one of the ways worked. */
  problem: z.string().nullable(),
  /** The action that told it; null when none did. */
  by: z.string().nullable(),
  /** Whether that was a stand-in, where nobody sees it. */
  stand_in: z.boolean(),
  /** The ways that failed before, in their order. */
  failed: z.array(z.object({ action: z.string(), code: z.string() })),
});
export type Delivered = z.infer<typeof delivered>;
/** {@link Delivered} of one notification that is known otherwise. */
export type Outcome = Omit<Delivered, 'key'>;

/** What {@link Teller} needs. */
export interface TellerOptions {
  book: AlertBook;
  routes: () => readonly AlertRoute[];
  /** The script that delivers, and its JSON argument at that time. */
  script: string;
  argument: () => object;
  log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Sends the notifications that are due, in a process of its own: it needs no Temporal and no worker, and its SDKs do
 * not slow down answers. It runs only while there is something to send.
 *
 * A notification that cannot be delivered is tried again; it never raises an alert.
 */
export class Teller {
  readonly #children = new Set<ChildProcess>();
  /** Ends of notifications that the book could not take, as on a full disk. They are not sent again meanwhile. */
  readonly #unrecorded = new Map<string, () => void>();
  #isTelling = false;
  #isStopped = false;

  constructor(private readonly options: TellerOptions) {}

  /** Sends what is due, unless it is being sent already. */
  tell(): void {
    if (this.#isTelling || this.#isStopped) {
      return;
    }
    const { book, routes } = this.options;
    const known = routes();
    for (const [key, write] of this.#unrecorded) {
      write();
      this.#unrecorded.delete(key);
    }
    const due = book.due();
    for (const { route } of due) {
      if (!known.some(({ name }) => name === route)) {
        book.dropRoute(route);
      }
    }
    const tellings = due.filter(({ route }) => known.some(({ name }) => name === route));
    if (tellings.length > 0) {
      this.#deliver(tellings, known);
    }
  }

  /** Sends a test alert by one route, whatever is due. */
  async test(route: AlertRoute, who: string): Promise<Outcome> {
    const now = new Date().toISOString();
    const alert: Alert = {
      id: 0,
      kind: route.on[0] ?? 'run_failed',
      key: 'test',
      rule: null,
      connection: null,
      error_class: null,
      summary: `This is a test of the alert "${route.name}", sent by ${who}. Nothing is wrong.`,
      count: 1,
      since: now,
      last_at: now,
      ended_at: null,
      acked_by: null,
    };
    const order = { ...orderOf({ alert, route: route.name, ended: false }, route, 0), key: `alert/test/${now}` };
    let outcome: Outcome = { problem: 'not_delivered', by: null, stand_in: false, failed: [] };
    await this.#run([order], ({ key: _key, ...answer }) => {
      outcome = answer;
    });
    return outcome;
  }

  stop(): void {
    this.#isStopped = true;
    this.#children.forEach((child) => child.kill());
  }

  #deliver(tellings: readonly Telling[], routes: readonly AlertRoute[]): void {
    const { book, log } = this.options;
    const open = new Map(tellings.map((telling) => [keyOf(telling), telling]));
    const orders = tellings.flatMap((telling) => {
      const route = routes.find(({ name }) => name === telling.route);
      return route === undefined ? [] : [orderOf(telling, route, quietOf(telling.alert.kind, routes))];
    });
    this.#isTelling = true;
    void this.#run(orders, ({ key, problem, by, stand_in }) => {
      const telling = open.get(key);
      if (telling === undefined) {
        return;
      }
      open.delete(key);
      const fields = { alert: telling.alert.kind, route: telling.route, ended: telling.ended };
      if (problem === null) {
        this.#record(telling, () => book.told(telling));
        log.info({ ...fields, by, stand_in }, 'an alert was sent');
      } else {
        this.#record(telling, () => book.notTold(telling, problem));
        log.warn({ ...fields, problem }, 'an alert could not be sent; it is tried again');
      }
    }).then(() => {
      this.#isTelling = false;
      if (!this.#isStopped) {
        open.forEach((telling) => this.#record(telling, () => book.notTold(telling, 'not_delivered')));
      }
    });
  }

  #record(telling: Telling, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#unrecorded.set(keyOf(telling), write);
      const problem = error instanceof Error ? error.name : 'unknown';
      this.options.log.warn({ problem }, 'the end of a notification could not be recorded; that is tried again');
    }
  }

  /** Runs a process that delivers; resolves when it has ended. */
  #run(orders: readonly Order[], onDelivered: (answer: Delivered) => void): Promise<void> {
    const { script, argument } = this.options;
    const child = fork(script, [JSON.stringify(argument())]);
    this.#children.add(child);
    if (child.pid !== undefined) {
      try {
        setPriority(child.pid, NICENESS);
      } catch {
        // It has ended already.
      }
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), TOLD_WITHIN_MS);
    child.on('message', (raw) => {
      const answer = delivered.safeParse(raw);
      if (answer.success && !this.#isStopped) {
        onDelivered(answer.data);
      }
    });
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#children.delete(child);
        resolve();
      };
      child.on('exit', end);
      child.on('error', end);
      // The callback takes the error of a child that has ended already.
      child.send(orders, () => undefined);
    });
  }
}

function keyOf({ alert, route, ended }: Telling): string {
  return `alert/${alert.id}/${route}/${ended ? 'ended' : 'began'}`;
}

function orderOf(telling: Telling, { name, timezone, country, steps, names }: AlertRoute, quietMs: number): Order {
  const { alert, ended } = telling;
  return {
    key: keyOf(telling),
    route: name,
    timezone,
    country,
    steps,
    ...(names === undefined ? {} : { names }),
    alert: {
      kind: alert.kind,
      summary: ended ? endedSummary(alert, quietMs) : alert.summary,
      count: alert.count,
      since: alert.since,
      ended,
      rule: alert.rule,
      connection: alert.connection,
      error_class: alert.error_class,
    },
  };
}
