import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time';
import { temporal } from '@temporalio/proto';
import pino from 'pino';
import { findTemporalCli } from '../../src/temporal/dev-server/find-cli';
import { startDevServer, type DevServer } from '../../src/temporal/dev-server/dev-server';
import { SEARCH_ATTRIBUTES } from '../../src/runs/names';
import { registerSearchAttributes } from '../../src/temporal/search-attributes';
import { startGrpcStub } from './grpc-stub';

jest.setTimeout(120_000);

const { IndexedValueType } = temporal.api.enums.v1;
const KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
const KEYWORD_LIST = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST;
const OURS = Object.fromEntries(
  Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, type === 'Keyword' ? KEYWORD : KEYWORD_LIST]),
);

describe('on a real server', () => {
  let dataDir: string;
  let server: DevServer;
  let connection: Connection;

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'bridge-attributes-'));
    const cli = await findTemporalCli({ env: process.env, onProgress: (line) => process.stderr.write(`${line}\n`) });
    server = await startDevServer({
      cli,
      dataDir,
      port: 0,
      uiPort: 0,
      log: pino({ level: 'silent' }),
      onExit: () => undefined,
    });
    connection = await Connection.connect({ address: server.address });
  }, 35 * 60_000);

  afterAll(async () => {
    await connection.close();
    await server.stop();
    rmSync(dataDir, { recursive: true });
  });

  /** Makes a namespace and waits until every part of the server knows it. */
  async function namespaceWith(namespace: string, searchAttributes: typeof OURS = {}): Promise<string> {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
    for (const deadline = Date.now() + 60_000; ; await delay(100)) {
      try {
        if (Object.keys(searchAttributes).length > 0) {
          await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
        } else {
          await connection.operatorService.listSearchAttributes({ namespace });
        }
        return namespace;
      } catch (error) {
        if (Date.now() > deadline) {
          throw error;
        }
      }
    }
  }

  test('a start can use them as soon as they are available', async () => {
    const namespace = await namespaceWith('fresh');
    expect(await registerSearchAttributes(connection, namespace)).toEqual({ available: true });
    const started = await new Client({ connection, namespace }).workflow.start('anything', {
      workflowId: 'one',
      taskQueue: 'nobody',
      typedSearchAttributes: [
        { key: defineSearchAttributeKey('BridgeEventType', 'KEYWORD'), value: 'call_hangup' },
        { key: defineSearchAttributeKey('BridgeRules', 'KEYWORD_LIST'), value: ['one', 'other'] },
      ],
    });
    expect(started.workflowId).toBe('one');
    expect(await registerSearchAttributes(connection, namespace)).toEqual({ available: true });
  });

  test('several workers can register at the same time', async () => {
    const namespace = await namespaceWith('contested');
    const states = await Promise.all([1, 2, 3].map(() => registerSearchAttributes(connection, namespace)));
    expect(states).toEqual([{ available: true }, { available: true }, { available: true }]);
  });

  test('runs do without them when one exists with another type', async () => {
    const namespace = await namespaceWith('other-type', { BridgeRules: KEYWORD });
    const state = await registerSearchAttributes(connection, namespace);
    expect(state).toEqual({
      available: false,
      problem: expect.stringContaining('another type than the bridge requires: BridgeRules.'),
    });
    expect(state.problem).toContain('BridgeRules (KeywordList)');
  });

  test('runs do without them when the namespace has no room', async () => {
    const namespace = await namespaceWith(
      'full',
      Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`Mine${index}`, KEYWORD])),
    );
    const state = await registerSearchAttributes(connection, namespace);
    expect(state).toEqual({
      available: false,
      problem: expect.stringMatching(
        /^Temporal does not permit the bridge to add search attributes \(.+\)\. Runs are started without them/,
      ),
    });
  });

  test('an unknown namespace is an error', async () => {
    await expect(registerSearchAttributes(connection, 'nowhere')).rejects.toMatchObject({ code: 5 });
  });
});

describe('without an operator service, as in Temporal Cloud', () => {
  const { GetSearchAttributesResponse, CountWorkflowExecutionsResponse } = temporal.api.workflowservice.v1;

  /** Registers on a server without operator service, where only the names can be read. */
  async function register(keys: typeof OURS, status = 7, countStatus = 0) {
    const stub = await startGrpcStub((method) => {
      if (method === 'GetSearchAttributes') {
        return GetSearchAttributesResponse.encode({ keys }).finish();
      }
      if (method === 'CountWorkflowExecutions') {
        return countStatus === 0 ? CountWorkflowExecutionsResponse.encode({}).finish() : countStatus;
      }
      return status;
    });
    try {
      return await registerSearchAttributes(stub.connection, 'default', 300);
    } finally {
      await stub.close();
    }
  }

  test('attributes that an administrator created are used', async () => {
    expect(await register(OURS)).toEqual({ available: true });
  });

  test('runs do without them when one is missing', async () => {
    const { BridgeOutcome: _missing, ...most } = OURS;
    expect(await register(most)).toEqual({
      available: false,
      problem: expect.stringContaining('BridgeOutcome (Keyword)'),
    });
  });

  test('the wait until they are usable is bounded', async () => {
    expect(await register(OURS, 7, 3)).toEqual({
      available: false,
      problem: expect.stringContaining('cannot be used after 0.3 s'),
    });
  });

  test('an unavailable server is an error', async () => {
    await expect(register(OURS, 14)).rejects.toMatchObject({ code: 14 });
  });
});
