import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { actionCatalogue } from '../../../src/connectors/registry';
import { VoipbinClient } from '../../../src/connectors/voipbin/client';
import {
  startVoipbinStandIn,
  type VoipbinStandIn,
  type VoipbinStandInOptions,
} from '../../../src/connectors/voipbin/stand-in/server';
import { HostList } from '../../../src/net/host-list';
import { WebhookDesk, type WebhookDeskOptions } from '../../../src/operations/webhook/desk';
import { loadRules } from '../../../src/rules/parse/load';
import { Secret } from '../../../src/settings/secret';
import { closeDoors, openDoor, type Door } from '../../receiver/door';

const SECRET = 'the-secret-of-the-account';
const LOG_CALLS = `
  - name: log-calls
    on: call_hungup
    do: [{ slack.post_message: { channel: "#ops", text: "x" } }]`;
const QUEUES = `
  - name: queues
    on: queuecall_abandoned
    mode: shadow
    do: [{ slack.post_message: { channel: "#ops", text: "x" } }]`;
const OFF = `
  - name: retired
    on: recording_finished
    mode: off
    do: [{ slack.post_message: { channel: "#ops", text: "x" } }]`;
const REPLY = `
  - name: reply
    on: call_hungup
    do: [{ voipbin.send_message: { text: "We call back." } }]`;
const ALL = `
  - name: all
    on: "*"
    do: [{ slack.post_message: { channel: "#ops", text: "x" } }]`;

let folder: string;
let standIn: VoipbinStandIn;
let door: Door;
let uri: string;
let audit: { who: string; operation: string; detail: object }[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-desk-'));
  audit = [];
});

afterEach(async () => {
  await standIn.stop();
  await closeDoors();
  rmSync(folder, { recursive: true, force: true });
});

function rulesOf(text: string): ReturnType<WebhookDeskOptions['rules']> {
  const file = join(folder, 'rules.yaml');
  writeFileSync(file, `version: 1\nrules:${text}\n`);
  const loaded = loadRules({ file, actions: actionCatalogue });
  if (!loaded.ok) {
    throw new Error(JSON.stringify(loaded.findings));
  }
  return loaded.ruleSet.rules;
}

/** A desk of a bridge that runs, with a VoIPBIN on this machine. */
async function open(
  options: VoipbinStandInOptions & {
    rules?: string;
    secrets?: string[];
    source?: WebhookDeskOptions['receiver']['webhookSecretSource'];
  } = {},
): Promise<WebhookDesk> {
  const { rules = LOG_CALLS, secrets = [SECRET], source = null, ...account } = options;
  standIn = await startVoipbinStandIn({ webhookSecret: SECRET, webhookRetryAfterMs: 1, ...account });
  const known = secrets.map((secret) => new Secret(secret));
  door = await openDoor({ secrets: known });
  uri = `${door.url}/voipbin/webhook`;
  const inForce = rulesOf(rules);
  return new WebhookDesk({
    dataDir: folder,
    receiver: { webhookSecrets: known, webhookSecretSource: source, publicUrl: uri },
    open: () => {
      const client = new VoipbinClient({
        apiUrl: standIn.url,
        accessKey: new Secret('vb_stand-in'),
        downloadAllow: HostList.EMPTY,
      });
      return Promise.resolve({ webhooks: client.webhooks, close: () => client.close() });
    },
    rules: () => inForce,
    received: () => {
      const { since, accepted, refused } = door.metrics.totals();
      return { since: since.toISOString(), last_event_at: null, accepted, refused: { ...refused } };
    },
    hasEvent: (id) => door.reader.has(id),
    record: (who, operation, detail) => audit.push({ who, operation, detail }),
  });
}

describe.each([
  ['the customer record', { webhookApi: 'customer' }],
  ['several webhooks', { webhookApi: 'subscriptions' }],
  ['several webhooks, with the names of the list only', { webhookApi: 'subscriptions', eventNames: 'listed' }],
  ['several webhooks, with dotted names only', { webhookApi: 'subscriptions', eventNames: 'dotted' }],
] as const)('an account with %s', (_name, account) => {
  const event = { type: account.webhookApi === 'customer' ? 'call_hangup' : 'call_hungup', data: { id: 'c-1' } };

  test('connect shows the change, makes it once, and events come in', async () => {
    const desk = await open(account);
    const planned = await desk.plan({ do: 'connect' });
    expect(planned.api).toBe(account.webhookApi);
    expect(planned.steps).toHaveLength(1);
    expect(await standIn.emit(event)).toEqual([]);

    const result = await desk.apply({ do: 'connect' }, 'kim', planned.plan);

    expect(result).toMatchObject({ ok: true, problems: [] });
    expect(result.done[0]).toBe(`sent a signed test event to ${uri}: it came in`);
    expect(await standIn.emit(event)).toMatchObject([{ attempts: [200], delivered: true }]);
    expect(door.reader.has('call_hangup/c-1')).toBe(true);
    expect(audit).toMatchObject([{ who: 'kim', operation: 'webhook.connect' }]);
    expect(await desk.plan({ do: 'connect' })).toMatchObject({ steps: [] });
    expect(await desk.status()).toMatchObject({ secret: 'held', problems: [] });
  });

  test('status says that nothing is registered', async () => {
    const desk = await open(account);

    expect((await desk.status()).problems).toEqual([
      `no webhook is registered: no event comes. Register it with bridge webhook connect ${uri}`,
    ]);
  });
});

test('only the types that rules in force need are subscribed; rules in shadow mode count, rules that are off do not', async () => {
  const desk = await open({ webhookApi: 'subscriptions', rules: LOG_CALLS + QUEUES + OFF });
  await desk.apply({ do: 'connect' }, 'kim');

  const [webhook] = (await desk.registered()).webhooks;
  expect(webhook?.event_types).toEqual([
    'call.completed',
    'call.status',
    'call_hangup',
    'call_hungup',
    'queuecall_abandoned',
  ]);
});

test('a rule that sends texts needs the texts of people who want none', async () => {
  const desk = await open({ webhookApi: 'subscriptions', rules: REPLY });
  await desk.apply({ do: 'connect' }, 'kim');

  expect((await desk.registered()).webhooks[0]?.event_types).toContain('message_created');
});

test('connect changes the types of the webhook that is registered, and status names the rule that misses one', async () => {
  const desk = await open({ webhookApi: 'subscriptions', rules: LOG_CALLS + QUEUES });
  await desk.apply({ do: 'create', uri, event_types: ['call_hungup', 'number_created'] }, 'kim');
  expect((await desk.status()).problems).toEqual([
    'rule queues listens to queuecall_abandoned, which is not subscribed: bridge webhook connect',
  ]);

  const planned = await desk.plan({ do: 'connect' });
  expect(planned.steps).toEqual([expect.stringMatching(/add .*queuecall_abandoned; remove number_created$/)]);
  await desk.apply({ do: 'connect' }, 'kim', planned.plan);

  expect((await desk.registered()).webhooks).toHaveLength(1);
  expect((await desk.status()).problems).toEqual([]);
});

test('a plan is made only while it would still do the same', async () => {
  const desk = await open({ webhookApi: 'subscriptions' });
  const planned = await desk.plan({ do: 'connect' });
  await desk.apply({ do: 'create', uri, event_types: ['call_hungup'] }, 'lee');

  await expect(desk.apply({ do: 'connect' }, 'kim', planned.plan)).rejects.toMatchObject({ code: 'plan_changed' });
});

test('connect writes the secret into a file of its owner, says which line refers to it, and shows it nowhere', async () => {
  const desk = await open({ secrets: [] });
  expect((await desk.status()).problems).toContain(
    'the bridge has no webhook secret, and takes events from everyone who reaches it: bridge webhook connect',
  );
  await desk.plan({ do: 'connect' });
  const path = join(folder, 'webhook.secret');
  expect(existsSync(path)).toBe(false);

  const result = await desk.apply({ do: 'connect' }, 'kim');

  expect(readFileSync(path, 'utf8')).toBe(`${SECRET}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(result.notes.join('\n')).toContain(`webhook_secrets: ["\${file:${path}}"]`);
  expect(result.notes.join('\n')).toContain('Not checked: the signature.');
  expect(JSON.stringify([result, audit])).not.toContain(SECRET);
  // Now only the line and a restart are missing.
  const { problems } = await desk.status();
  expect(problems).toEqual([
    expect.stringContaining(`${path} has the secret. Put this line below receiver: in bridge.yaml`),
  ]);
  expect(problems.join('\n')).not.toContain('bridge webhook connect');
});

test('connect writes the secret into the file that the settings refer to, and registers nothing while the bridge refuses it', async () => {
  const path = join(folder, 'secret-of-ours');
  writeFileSync(path, 'of another account', { mode: 0o644 });
  const desk = await open({ secrets: ['of another account'], source: { kind: 'file', path } });
  expect((await desk.status()).problems.join('\n')).toContain('refuses its events');

  const result = await desk.apply({ do: 'connect' }, 'kim');

  expect(readFileSync(path, 'utf8')).toBe(`${SECRET}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(result.ok).toBe(false);
  expect(result.problems.join('\n')).toMatch(/refused the signature.*Nothing was changed at VoIPBIN/);
  expect((await desk.status()).problems.join('\n')).toContain(`${path} has the secret. Restart the bridge`);
  expect(standIn.customer['webhook_uri']).toBe('');
});

test('connect names the variable that the secret belongs into', async () => {
  const desk = await open({ secrets: [], source: { kind: 'variable', name: 'MY_SECRET' } });

  const { notes } = await desk.apply({ do: 'connect' }, 'kim');

  const use = `export MY_SECRET="$(cat ${join(folder, 'webhook.secret')})"`;
  expect(notes.join('\n')).toContain(use);
  expect((await desk.status()).problems.join('\n')).toContain(use);
});

test.each([
  ['leads nowhere', 'http://127.0.0.1:9/voipbin/webhook', /no answer from the URL/],
  ['leads to another path', '/somewhere', /answered 404 instead of 200/],
])('a URL that %s is not registered, but with force', async (_how, url, problem) => {
  const desk = await open();
  const change = { do: 'connect', uri: url.startsWith('/') ? door.url + url : url };

  const refused = await desk.apply(change, 'kim');
  expect([refused.ok, refused.problems.join('\n')]).toEqual([false, expect.stringMatching(problem)]);
  expect(standIn.customer['webhook_uri']).toBe('');

  expect(await desk.apply({ ...change, force: true }, 'kim')).toMatchObject({ ok: true });
  expect(standIn.customer['webhook_uri']).toBe(change.uri);
});

test('no test event is sent while a rule would act on it', async () => {
  const desk = await open({ rules: ALL });

  const result = await desk.apply({ do: 'connect' }, 'kim');

  expect(result.ok).toBe(true);
  expect(result.notes.join('\n')).toContain('A rule listens to every type');
  expect(door.metrics.totals().accepted).toBe(0);
});

test('set replaces the webhook of the account, and clear ends it; the rest of the record stays', async () => {
  const desk = await open();
  const { webhook_uri: _, ...rest } = standIn.customer;
  await desk.apply({ do: 'set', uri: 'https://old.example.com/voipbin/webhook?key=hidden' }, 'kim');

  const planned = await desk.plan({ do: 'set', uri });
  expect(planned.steps).toEqual([
    `set the webhook of the account to ${uri} (POST), in place of https://old.example.com/voipbin/webhook?…`,
  ]);
  await desk.apply({ do: 'set', uri }, 'kim', planned.plan);
  expect(standIn.customer).toMatchObject({ ...rest, webhook_uri: uri });

  expect(await desk.apply({ do: 'clear' }, 'kim')).toMatchObject({ ok: true });
  expect(standIn.customer).toMatchObject({ ...rest, webhook_uri: '' });
  expect(audit.map(({ operation }) => operation)).toEqual(['webhook.set', 'webhook.set', 'webhook.clear']);
});

test.each([
  ['customer', { do: 'create', uri: 'https://a.example.com/voipbin/webhook' }, /has one webhook/],
  ['subscriptions', { do: 'clear' }, /can have several webhooks/],
] as const)('what an account with the API %s does not have is refused', async (webhookApi, change, message) => {
  const desk = await open({ webhookApi });

  await expect(desk.plan(change)).rejects.toThrow(message);
});

test('a webhook is changed and deleted by its id', async () => {
  const desk = await open({ webhookApi: 'subscriptions' });
  await desk.apply({ do: 'create', uri, name: 'first' }, 'kim');
  const id = (await desk.registered()).webhooks[0]?.id ?? '';

  await desk.apply({ do: 'update', id, name: 'second', event_types: ['message_created'] }, 'kim');
  expect((await desk.registered()).webhooks).toMatchObject([{ name: 'second', event_types: ['message_created'], uri }]);
  await expect(desk.plan({ do: 'update', id: 'unknown', name: 'x' })).rejects.toThrow(/no webhook unknown/);
  await expect(desk.plan({ do: 'update', id })).rejects.toThrow(/say what to change/);

  await desk.apply({ do: 'delete', id }, 'kim');
  expect((await desk.registered()).webhooks).toEqual([]);
});

test('a webhook that leads elsewhere is named', async () => {
  const desk = await open();
  await desk.apply({ do: 'set', uri: 'https://elsewhere.example.com/hook' }, 'kim');

  expect((await desk.status()).problems.join('\n')).toContain('leads elsewhere: https://elsewhere.example.com/hook');
});

test('a VoIPBIN that refuses the key, or does not answer, is named', async () => {
  const desk = await open();
  standIn.failNext({ path: '/webhooks', how: { status: 401 } });
  await expect(desk.status()).rejects.toMatchObject({
    status: 409,
    message: expect.stringContaining('VOIPBIN_ACCESS_KEY'),
  });
  standIn.failNext({ path: '/customer', how: 'reset' });
  await expect(desk.status()).rejects.toMatchObject({ status: 503 });
});

test('a change whose answer is lost is in the audit log, and a second call finds out that it was made', async () => {
  const desk = await open({ webhookApi: 'subscriptions' });
  standIn.failNext({ path: '/webhooks', method: 'POST', how: 'lose_answer' });

  await expect(desk.apply({ do: 'connect' }, 'kim')).rejects.toMatchObject({
    status: 503,
    message: expect.stringContaining('may have been done'),
  });

  expect(audit).toMatchObject([{ operation: 'webhook.connect', detail: { failed: expect.any(String) } }]);
  expect(await desk.plan({ do: 'connect' })).toMatchObject({ steps: [] });
  expect((await desk.registered()).webhooks).toHaveLength(1);
});
