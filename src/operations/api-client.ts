import { userInfo } from 'node:os';
import { z } from 'zod';
import { OperationFailed, WrongUse } from '../errors/operator-errors';
import type { Settings } from '../settings/settings';
import type { SingleAnswer } from '../net/request-once';
import { findApi } from './api-access';

const ANSWER_WITHIN_MS = 120_000;
const ANSWERS_WITHIN_MS = 5_000;
/** The token is for the bridge alone: an address that is not loopback would else be asked through a proxy. */
const TO_THE_BRIDGE = { followRedirects: false, direct: true };
const errorBody = z.object({ error: z.string(), message: z.string() });

/** No bridge runs with the data folder that answers. */
export class BridgeNotRunning extends OperationFailed {}

/** Calls the API of the bridge that runs with these settings, for commands on the same machine. */
export class ApiClient {
  constructor(private readonly settings: Pick<Settings, 'dataDir'>) {}

  /** Whether a bridge runs with these settings, and answers. */
  async answers(): Promise<boolean> {
    const access = findApi(this.settings.dataDir);
    if (access === null) {
      return false;
    }
    try {
      const { requestOnce } = await import('../net/request-once.js');
      const { status } = await requestOnce(`${access.url}/api/v1/jobs?limit=1`, {
        headers: { authorization: `Bearer ${access.token}` },
        timeoutMs: ANSWERS_WITHIN_MS,
        ...TO_THE_BRIDGE,
      });
      return status === 200;
    } catch {
      return false;
    }
  }

  get(path: string): Promise<unknown> {
    return this.#call('GET', path);
  }

  /** @param withinMs how long the answer is waited for. */
  post(path: string, body: object = {}, withinMs = ANSWER_WITHIN_MS): Promise<unknown> {
    return this.#call('POST', path, body, withinMs);
  }

  /** @throws BridgeNotRunning; OperationFailed when the bridge cannot do it; WrongUse for a wrong request. */
  async #call(method: 'GET' | 'POST', path: string, body?: object, timeoutMs = ANSWER_WITHIN_MS): Promise<unknown> {
    const { dataDir } = this.settings;
    const access = findApi(dataDir);
    if (access === null) {
      throw new BridgeNotRunning(
        `no bridge has run with the data folder ${dataDir}, or the folder is another user's: start the bridge (npm start), or set BRIDGE_DATA_DIR as it has it`,
      );
    }
    // Loaded only now: commands that do not call the bridge start faster without it.
    const { requestOnce } = await import('../net/request-once.js');
    let response: SingleAnswer;
    try {
      response = await requestOnce(`${access.url}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${access.token}`,
          'x-bridge-user': userInfo().username,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        timeoutMs,
        ...TO_THE_BRIDGE,
      });
    } catch {
      throw new BridgeNotRunning(
        `the bridge that used the data folder ${dataDir} does not answer at ${access.url}: is it running?`,
      );
    }
    const answer = readJson(response.text);
    if (response.status >= 200 && response.status < 300) {
      return answer;
    }
    const error = errorBody.safeParse(answer);
    const message = error.success ? error.data.message : `the bridge answered ${response.status}`;
    throw response.status === 400 ? new WrongUse(message) : new OperationFailed(message);
  }
}

/** @returns null for text that is not JSON. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
