import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { eventually, nowMs } from '../../bench/clock';
import { SCENARIO_WITHIN_MS, setUpScenario, report, type Scenario } from './chaos';
import { SupervisedBridge, type Victim } from './supervised-bridge';

jest.setTimeout(SCENARIO_WITHIN_MS);

const EVENTS = 200;
const DONE_WITHIN_MS = 150_000;
const VICTIMS: readonly Victim[] = ['worker', 'bridge', 'temporal'];

const RULES = `
version: 1
rules:
  - name: score
    on: call_hangup
    do:
      - id: post
        http.request: { method: POST, url: 'SINK/{{ id }}', headers: { Idempotency-Key: 'score' }, body: { id: '{{ id }}' } }
      - id: property
        hubspot.update_contact: { properties: { lead_score_2: '{{ id }}' }, unknown_contact: create }
      - id: told
        hubspot.create_task: { subject: 'score {{ id }}' }
`;
/** The rule that somebody adds later. */
const LATER_RULE = `
  - name: thanks
    on: call_hangup
    do:
      - hubspot.create_task: { subject: 'thanks {{ id }}' }
`;

function expected(word: string): string[] {
  return Array.from({ length: EVENTS }, (_, index) => `${word} call-${index}`).sort();
}

/** As somebody does it in HubSpot's settings. */
async function createProperty(hubspot: string, name: string): Promise<void> {
  const response = await fetch(`${hubspot}/crm/v3/properties/contacts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer stand-in-token' },
    body: JSON.stringify({ name, label: name, type: 'string', fieldType: 'text', groupName: 'contactinformation' }),
  });
  expect(response.status).toBe(201);
}

const job = z.looseObject({
  id: z.string(),
  state: z.string(),
  plan: z.looseObject({ events: z.number(), effects: z.record(z.string(), z.number()) }),
  progress: z.looseObject({ ended: z.record(z.string(), z.number()) }),
});

describe('retry and rerun', () => {
  let scenario: Scenario;
  let bridge: SupervisedBridge;

  beforeEach(async () => {
    scenario = await setUpScenario('retry');
  });
  afterEach(() => scenario.tearDown());

  const hangup = (index: number): object => ({
    type: 'call_hangup',
    data: {
      id: `call-${index}`,
      direction: 'incoming',
      source: { type: 'tel', target: `+1555123${String(4000 + (index % 10))}` },
      destination: { type: 'tel', target: '+15559876543' },
      status: 'hangup',
      tm_create: '2026-08-22T06:10:54.788Z',
      tm_progressing: '2026-08-22T06:10:55.765Z',
      tm_hangup: '2026-08-22T06:10:58.431201Z',
    },
  });

  const subjects = (): string[] =>
    scenario.providers.hubspot.tasks.map(({ properties }) => properties['hs_task_subject'] ?? '').sort();

  const run = async (...args: string[]): Promise<z.infer<typeof job>> => {
    const { stdout, stderr } = await bridge.current.run(...args, '--json');
    try {
      return job.parse(JSON.parse(stdout));
    } catch {
      throw new Error(`bridge ${args.join(' ')} printed:\n${stdout}\n${stderr}`);
    }
  };

  const list = async (status: string): Promise<number> => {
    const { stdout } = await bridge.current.run('events', 'list', '--status', status, '--limit', '1000', '--json');
    return z.array(z.unknown()).parse(JSON.parse(stdout)).length;
  };

  /** Follows a job to its end while processes are killed. */
  const killDuring = async (id: string): Promise<z.infer<typeof job>> => {
    const killed: string[] = [];
    let next = 0;
    return eventually(
      'the job ends',
      async () => {
        const { stdout } = await bridge.current.run('jobs', 'show', id, '--json');
        const parsed = job.safeParse(stdout === '' ? null : JSON.parse(stdout));
        if (!parsed.success) {
          return null;
        }
        const { state, progress } = parsed.data;
        const ended = Object.values(progress.ended).reduce((sum, count) => sum + count, 0);
        const victim = VICTIMS[next];
        if (victim !== undefined && ended > (next + 1) * (EVENTS / 5) && bridge.kill(victim) > 0) {
          killed.push(`${victim} at ${ended}`);
          next += 1;
        }
        if (state === 'running') {
          return null;
        }
        report('retry', `job ${state}: ${JSON.stringify(progress.ended)}, killed ${killed.join(', ')}`);
        expect(killed).toHaveLength(VICTIMS.length);
        return parsed.data;
      },
      DONE_WITHIN_MS,
      200,
    );
  };

  it('do what failed, and what a new rule wants, exactly once, although everything is killed', async () => {
    const { providers, http } = scenario;
    const rules = RULES.replace('SINK', http.url);
    const file = join(scenario.folder.folder(), 'rules.yaml');
    writeFileSync(file, rules);
    bridge = await SupervisedBridge.start(scenario.random, {
      dataDir: scenario.folder.folder(),
      env: { ...providers.env, BRIDGE_RULES: file },
    });
    scenario.endLater(() => bridge.end());
    for (let index = 0; index < EVENTS; index += 1) {
      await fetch(bridge.webhook, { method: 'POST', body: JSON.stringify(hangup(index)) });
    }
    // HubSpot has no such property: the first step is done, the second fails, the third does not run.
    await eventually('all have failed', async () => ((await list('partial')) === EVENTS ? true : null), DONE_WITHIN_MS);
    const posts = http.requests.length;
    expect(subjects()).toEqual([]);

    await createProperty(providers.env['HUBSPOT_BASE_URL'] ?? '', 'lead_score_2');
    const planned = await run('events', 'retry', '--failed', '--since', '1h', '--dry-run');
    expect(planned.plan).toMatchObject({ events: EVENTS, effects: { 'CRM write': 2 * EVENTS } });
    const started = nowMs();
    const retried = await run('events', 'retry', '--failed', '--since', '1h', '--yes', '--detach');
    const ended = await killDuring(retried.id);
    report('retry', `${EVENTS} events in ${Math.round((nowMs() - started) / 1_000)} s`);
    expect(ended.progress.ended).toEqual({ done: EVENTS });
    expect(await list('done')).toBe(EVENTS);
    // What was done is not done again, and what follows the failed step is done once.
    expect(http.requests).toHaveLength(posts);
    expect(subjects()).toEqual(expected('score'));
    expect((await run('events', 'retry', '--failed', '--since', '1h', '--dry-run')).plan.events).toBe(0);

    writeFileSync(file, rules + LATER_RULE);
    await eventually(
      'the new rules are in force',
      () => (bridge.output.includes('the rule files changed and are in force') ? true : null),
      10_000,
    );
    const rerun = await run('events', 'rerun', '--since', '1h', '--yes', '--detach');
    expect(rerun.plan).toMatchObject({ events: EVENTS, effects: { 'CRM write': EVENTS } });
    expect((await killDuring(rerun.id)).progress.ended).toEqual({ done: EVENTS });
    expect(subjects()).toEqual([...expected('score'), ...expected('thanks')].sort());
    expect((await run('events', 'rerun', '--since', '1h', '--dry-run')).plan.events).toBe(0);

    const { stdout } = await bridge.current.run('audit', '--json');
    expect(JSON.parse(stdout)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ operation: 'events.retry', count: EVENTS }),
        expect.objectContaining({ operation: 'events.rerun', count: EVENTS }),
        expect.objectContaining({ operation: 'rules.reload', who: 'the bridge' }),
      ]),
    );
  });
});
