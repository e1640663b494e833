import type { Logger } from 'pino';
import { fetch } from 'undici';
import { guardedDispatcher, isAddressRefused } from '../net/guarded-dispatcher';
import type { HostList } from '../net/host-list';
import type { Heartbeat } from '../rules/alert-route';

const ANSWER_WITHIN_MS = 10_000;
/** The rule files are looked at so often for a heartbeat that begins or changes. */
const LOOK_EVERY_MS = 1_000;

/**
 * Calls the heartbeat's address as long as the bridge can take events. A service that expects the calls reports when
 * they stop: a dead bridge cannot.
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
      /** Private hosts that may be called, as for `http.request`. */
      allow: HostList;
      /** Whether events can be taken. */
      isWell: () => boolean;
      log: Pick<Logger, 'info' | 'warn'>;
    },
  ) {
    this.#timer = setInterval(() => this.beat(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Calls when it is time. */
  beat(now: number = performance.now()): void {
    const { heartbeat, resolve, isWell, allow, log } = this.options;
    const current = heartbeat();
    if (current === null || now - this.#calledAt < current.every_ms || !isWell()) {
      return;
    }
    this.#calledAt = now;
    const url = resolve(current.url);
    const answered = url === null ? Promise.reject(new Error('no address')) : call(url, allow);
    answered.then(
      () => {
        if (this.#isFailing) {
          this.#isFailing = false;
          log.info({}, 'the heartbeat is answered again');
        }
      },
      (error: unknown) => {
        if (!this.#isFailing) {
          this.#isFailing = true;
          // Without the address: it is a secret at most services.
          log.warn(
            {},
            isAddressRefused(error)
              ? 'the heartbeat is not sent: its host is at an address that is not public. If it may be called, add the host to BRIDGE_HTTP_ALLOW'
              : 'the heartbeat is not answered: look at heartbeat.url in the rule file',
          );
        }
      },
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/**
 * Calls an address once. It connects where `http.request` may, redirects included, and through the same proxies.
 * @throws Error when it is not answered with a success.
 */
async function call(url: string, allow: HostList): Promise<void> {
  const dispatcher = guardedDispatcher({ allow });
  try {
    const { body, ok } = await fetch(url, { dispatcher, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    await body?.cancel();
    if (!ok) {
      throw new Error('not a success');
    }
  } finally {
    await dispatcher.destroy();
  }
}
