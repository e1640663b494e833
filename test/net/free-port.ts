import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take ports for outgoing connections: one of those could take a port of that range
 * between its choice and its use.
 */
const [LEAST_PORT, MOST_PORT] = [20_000, 29_999];

/**
 * A loopback port that is free now.
 *
 * @param choose gives a whole number of a range, both ends included; for tests whose choices must be repeatable.
 */
export async function freePort(
  choose: (least: number, most: number) => number = (least, most) => randomInt(least, most + 1),
): Promise<number> {
  for (;;) {
    const port = choose(LEAST_PORT, MOST_PORT);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) =>
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)),
    );
    if (isFree) {
      await new Promise((resolve) => server.close(resolve));
      return port;
    }
  }
}
