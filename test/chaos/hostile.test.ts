import { nowMs } from '../../bench/clock';
import { MemoryWatch } from '../../bench/processes';
import { InboxReader } from '../../src/inbox/archive/reader';
import { settleAndAudit } from './audit';
import { DONE_WITHIN_MS, LOAD_SECONDS, SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { Attacker } from './hostile';
import { CALLS } from './rules';
import { SupervisedBridge } from './supervised-bridge';
import { openRunsIn } from './temporal';
import { traffic } from './traffic';

jest.setTimeout(SCENARIO_WITHIN_MS);

const SECRET = 'secret of the chaos tests';
const PER_SECOND = 20;
/** Honest events are answered within this also now; VoIPBIN waits for 15 s. */
const ACK_WITHIN_MS = 5_000;
/** Bodies above 64 KiB that are being read together may take 256 MiB; this is for all of it. */
const MOST_MEMORY_MIB = 700;
const QUARANTINE_BYTES = 12_000_000;
/**
 * What each may be answered; null: the connection was broken off. Never a 5xx but for bodies that would take more
 * memory than all may.
 */
const ANSWERS: Readonly<Record<string, readonly (number | null)[]>> = {
  fuzzed: [200, 400],
  'wrong signature': [401],
  'no signature': [401],
  '20 MB declared': [413, null],
  '20 MB chunked': [413, null],
  '9 MB without a right signature': [401, 503, null],
  '9 MB of brackets': [400, 503],
  'gzip bomb': [415],
  'transfer-encoding gzip': [400, 401, null],
  'pipelined garbage': [200, 400, 431, null],
  'slow headers': [408, null],
  'slow body': [408, null],
};

describe('hostile requests under load', () => {
  let scenario: Scenario;

  beforeEach(async () => {
    scenario = await setUpScenario('hostile');
  });
  afterEach(() => scenario.tearDown());

  it('do not keep valid events from being answered and handled, and use bounded memory and disk', async () => {
    const { random, providers, witness } = scenario;
    const dataDir = scenario.folder.folder();
    const env = {
      ...providers.env,
      VOIPBIN_WEBHOOK_SECRET: SECRET,
      BRIDGE_QUARANTINE_MAX_SIZE: String(QUARANTINE_BYTES),
    };
    const bridge = await SupervisedBridge.start(random, { dataDir, rules: CALLS.text, env });
    scenario.endLater(() => bridge.end());
    const attacker = new Attacker(bridge.webhook, SECRET, random);
    scenario.endLater(async () => attacker.stop());
    const memory = new MemoryWatch(() => ({ bridge: bridge.current.process.pid ?? 0 }));
    scenario.endLater(async () => void memory.stop());

    const sender = scenario.newSender(SECRET);
    const attack = attacker.attack();
    await sender.deliverAll(
      traffic(random, { subjects: PER_SECOND * LOAD_SECONDS, kinds: ['call'] }),
      PER_SECOND,
      () => bridge.webhook,
    );
    attacker.stop();
    await attack;
    const mostMemory = memory.stop()['bridge'] ?? 0;

    const began = nowMs();
    const findings = await settleAndAudit(
      { sender, witness, expected: CALLS.expected },
      () => openRunsIn(dataDir),
      DONE_WITHIN_MS,
    );
    const slowest = Math.max(...sender.attempts.map(({ sentAt, answeredAt }) => answeredAt - sentAt));
    const inbox = InboxReader.open(dataDir);
    const quarantined = inbox.listQuarantine({ limit: 100_000 });
    inbox.close();
    const quarantinedBytes = quarantined.reduce((sum, { bytes }) => sum + bytes, 0);
    report(
      'hostile',
      `${sender.subjects().size} honest events, slowest ack ${Math.round(slowest)} ms, ${mostMemory} MiB at most, ${quarantined.length} bodies of ${quarantinedBytes} bytes in quarantine, done ${Math.round((nowMs() - began) / 1_000)} s after`,
    );
    report('hostile', `answers: ${JSON.stringify(attacker.summary())}`);
    expect(findings).toEqual([]);
    expect(sender.attempts.filter(({ status }) => status !== 200)).toEqual([]);
    expect(slowest).toBeLessThan(ACK_WITHIN_MS);
    expect(mostMemory).toBeLessThan(MOST_MEMORY_MIB);
    expect(quarantinedBytes).toBeLessThanOrEqual(QUARANTINE_BYTES);
    expect(quarantined.length).toBeGreaterThan(0);
    expect(Object.keys(attacker.summary()).sort()).toEqual(Object.keys(ANSWERS).sort());
    expect(attacker.answers.filter(({ kind, status }) => ANSWERS[kind]?.includes(status) !== true)).toEqual([]);
    expect(bridge.restarts).toBe(0);
  });
});
