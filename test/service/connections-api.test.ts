import { Registry } from 'prom-client';
import { createAdmin, type Admin } from '../../src/admin/server';
import type { Question } from '../../src/service/child/messages';
import { connectionRoutes } from '../../src/service/connections-api';
import { ruleSetOf } from '../rules/load-text';

const RULES = ruleSetOf(
  'version: 1\nrules:\n  - { name: post, on: call_hangup, do: [{ slack.post_message: { channel: "#c", text: hi } }] }\n',
).rules;
const TOKEN = 'a'.repeat(64);
let parked: string[];
let isAway: boolean;
let asked: Question[];
let audit: unknown[][];
let admin: Admin;
let url: string;

beforeEach(async () => {
  parked = [];
  isAway = false;
  asked = [];
  audit = [];
  admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    registry: new Registry(),
    parts: () => ({}),
    ready: () => true,
    api: {
      token: TOKEN,
      routes: connectionRoutes({
        mode: 'all',
        ask: (question) => {
          asked.push(question);
          return isAway
            ? Promise.reject(new Error('the worker process is not there: it is starting'))
            : Promise.resolve(
                question.about === 'resume' ? question.connections.filter((name) => parked.includes(name)) : [],
              );
        },
        rules: () => RULES,
        record: (...entry) => audit.push(entry),
      }),
    },
  });
  url = await admin.listen();
});
afterEach(() => admin.close());

async function resume(name: string): Promise<[status: number, answer: unknown]> {
  const response = await fetch(`${url}/api/v1/connections/${encodeURIComponent(name)}/resume`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'x-bridge-user': 'ann' },
  });
  return [response.status, await response.json()];
}

test('a connection is resumed with all its parts, and the audit log says who did it to which', async () => {
  parked = ['hubspot/owners', 'slack'];
  expect(await resume('hubspot')).toEqual([200, { connection: 'hubspot', resumed: ['hubspot/owners'] }]);
  expect(asked).toEqual([
    { about: 'resume', connections: expect.arrayContaining(['hubspot', 'hubspot/owners']) as string[] },
  ]);
  expect(audit).toEqual([['ann', 'connections.resume', { connections: ['hubspot/owners'] }, 1]]);
});

test('a part is resumed alone', async () => {
  parked = ['hubspot', 'hubspot/owners'];
  expect(await resume('hubspot/owners')).toEqual([200, { connection: 'hubspot/owners', resumed: ['hubspot/owners'] }]);
});

test('what is not parked is not resumed, and leaves no audit entry', async () => {
  expect(await resume('slack')).toEqual([200, { connection: 'slack', resumed: [] }]);
  expect(audit).toEqual([]);
});

test('an unknown connection is 404, a process that is away 503 with the reason', async () => {
  expect(await resume('hubspt')).toEqual([
    404,
    { error: 'unknown_connection', message: expect.stringContaining('there are ') as string },
  ]);
  isAway = true;
  expect(await resume('slack')).toEqual([
    503,
    { error: 'not_resumed', message: 'the worker process is not there: it is starting' },
  ]);
  expect(audit).toEqual([]);
});

test('a check asks with what the live rules in force need', async () => {
  const response = await fetch(`${url}/api/v1/connections/check`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect([response.status, await response.json()]).toEqual([200, { mode: 'all', checks: [] }]);
  expect(asked).toEqual([
    {
      about: 'check',
      uses: expect.objectContaining({
        hubspot: [],
        slack: [{ action: 'slack.post_message', input: { channel: '#c', text: 'hi' }, rules: ['post'] }],
      }) as object,
    },
  ]);
});

test('the worker is asked which secrets it has; a request without a list of them is wrong', async () => {
  const check = async (body: object): Promise<[status: number, answer: unknown]> => {
    const response = await fetch(`${url}/api/v1/secrets/check`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return [response.status, await response.json()];
  };
  expect(await check({ references: ['env:CRM_TOKEN'] })).toEqual([200, { mode: 'all', secrets: [] }]);
  expect(asked).toEqual([{ about: 'secrets', references: ['env:CRM_TOKEN'] }]);
  expect(await check({ references: 'env:CRM_TOKEN' })).toEqual([
    400,
    { error: 'wrong_request', message: expect.stringContaining('references') as string },
  ]);
});
