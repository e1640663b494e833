import type { Logger } from 'pino';
import type { Heartbeat } from '../rules/alert-route';

const ANSWER_WITHIN_MS = 10_000;
/** The rule files are looked at so often for a heartbeat that begins or changes. */
const LOOK_EVERY_MS = 1_000;

/**
 * Calls the heartbeat's address as long as the bridge can take events. A service that expects the calls tells when they
 * stop: a dead bridge cannot tell anything.
 */
export class HeartbeatCaller {
  readonly #timer: NodeJS.Timeout;
  #calledAt = -Infinity;
  #isFailing = false;

  constructor(
    private readonly options: {
      heartbeat: () => Heartbeat | null;
      /** The address with its references resolved; null when that is not possible. */
      resolve: (url: string) => string | null;
      /** Whether events can be taken. */
      isWell: () => boolean;
      call: (url: string, signal: AbortSignal) => Promise<void>;
      log: Pick<Logger, 'info' | 'warn'>;
    },
  ) {
    this.#timer = setInterval(() => this.beat(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Calls when it is time. */
  beat(now: number = performance.now()): void {
    const { heartbeat, resolve, isWell, call, log } = this.options;
    const current = heartbeat();
    if (current === null || now - this.#calledAt < current.every_ms || !isWell()) {
      return;
    }
    this.#calledAt = now;
    const url = resolve(current.url);
    const answered =
      url === null ? Promise.reject(new Error('no address')) : call(url, AbortSignal.timeout(ANSWER_WITHIN_MS));
    answered.then(
      () => {
        if (this.#isFailing) {
          this.#isFailing = false;
          log.info({}, 'the heartbeat is answered again');
        }
      },
      () => {
        if (!this.#isFailing) {
          this.#isFailing = true;
          // Without the address: it is a secret at most services.
          log.warn({}, 'the heartbeat is not answered: look at heartbeat.url in the rule file');
        }
      },
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
