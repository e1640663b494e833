import { startProviders, type Providers } from '../e2e/providers';
import { HttpSink } from './http-sink';
import { Random, SEED } from './random';
import { RunFolder } from './run-folder';
import { HonestSender } from './sender';
import { Witness } from './witness';

/** How long each scenario puts the bridge under load. Seconds; `CHAOS_SECONDS=120` for longer runs. */
export const LOAD_SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 20);

/**
 * How long it may take, after the load, until everything is done: a step whose worker was killed is noticed after 30 s,
 * and a small machine has a backlog to work off.
 */
export const DONE_WITHIN_MS = 90_000 + LOAD_SECONDS * 2_000;

/** For jest: a whole scenario. */
export const SCENARIO_WITHIN_MS = 120_000 + LOAD_SECONDS * 1_000 + DONE_WITHIN_MS;

/** What a scenario needs: providers in this process, a folder, random numbers, and the clean-up. */
export interface Scenario {
  random: Random;
  folder: RunFolder;
  providers: Providers;
  http: HttpSink;
  witness: Witness;
  /** A sender that stops when the scenario ends. @param secret signs the events when given. */
  newSender(secret?: string): HonestSender;
  /** Ended in {@link tearDown}, the last one first. */
  endLater(end: () => Promise<unknown>): void;
  /** Ends all that was started. @throws when something outlived it. */
  tearDown(): Promise<void>;
}

/** Starts what a scenario needs. */
export async function setUpScenario(name: string): Promise<Scenario> {
  const folder = RunFolder.make();
  const providers = await startProviders();
  const http = await HttpSink.start();
  const witness = new Witness(providers, http);
  const ends: (() => Promise<unknown>)[] = [];
  report(name, `seed ${SEED}, ${LOAD_SECONDS} s of load`);
  return {
    random: new Random(SEED),
    folder,
    providers,
    http,
    witness,
    newSender: (secret) => {
      const sender = new HonestSender(secret);
      ends.push(async () => sender.stop());
      return sender;
    },
    endLater: (end) => void ends.push(end),
    tearDown: async () => {
      const failed: unknown[] = [];
      for (const end of ends.reverse()) {
        await end().catch((error: unknown) => failed.push(error));
      }
      witness.stop();
      await Promise.all([providers.stop(), http.stop()]);
      await folder.end();
      if (failed.length > 0) {
        throw new AggregateError(failed, 'not everything could be ended');
      }
    },
  };
}

/** Prints a scenario's result. */
export function report(name: string, what: string): void {
  process.stderr.write(`chaos ${name}: ${what}\n`);
}
