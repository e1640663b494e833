import { once } from 'node:events';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
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

jest.setTimeout(60_000);

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

  /** A namespace without custom search attributes, usable by every part of the server. */
  async function namespaceWith(namespace: string, searchAttributes: typeof OURS = {}): Promise<string> {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
    for (const deadline = Date.now() + 30_000; ; await delay(100)) {
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

  test('they can be used in a start as soon as they are said to be available', async () => {
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

  test('several workers may do it at once', async () => {
    const namespace = await namespaceWith('contested');
    const states = await Promise.all([1, 2, 3].map(() => registerSearchAttributes(connection, namespace)));
    expect(states).toEqual([{ available: true }, { available: true }, { available: true }]);
  });

  test('one of another type is a reason to do without, in words', async () => {
    const namespace = await namespaceWith('other-type', { BridgeRules: KEYWORD });
    const state = await registerSearchAttributes(connection, namespace);
    expect(state).toEqual({
      available: false,
      problem: expect.stringContaining('another type than the bridge needs: BridgeRules.'),
    });
    expect(state.problem).toContain('BridgeRules (KeywordList)');
  });

  test('no room for them is a reason to do without, in words', async () => {
    const namespace = await namespaceWith(
      'full',
      Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`Mine${index}`, KEYWORD])),
    );
    const state = await registerSearchAttributes(connection, namespace);
    expect(state).toEqual({
      available: false,
      problem: expect.stringMatching(
        /^Temporal does not let the bridge add search attributes \(.+\)\. Runs go without them/,
      ),
    });
  });

  test('an unknown namespace is no such reason', async () => {
    await expect(registerSearchAttributes(connection, 'nowhere')).rejects.toMatchObject({ code: 5 });
  });
});

describe('where there is no operator service, as in Temporal Cloud', () => {
  const { GetSearchAttributesResponse, CountWorkflowExecutionsResponse } = temporal.api.workflowservice.v1;
  let stub: Http2Server;

  /** Answers as a server that lets nobody administer: only the names may be read. */
  async function connectTo(keys: typeof OURS, status = 7, countStatus = 0): Promise<Connection> {
    stub = createHttp2Server();
    stub.on('stream', (stream, headers) => {
      const method = String(headers[':path']).split('/').pop();
      const message =
        method === 'GetSearchAttributes'
          ? GetSearchAttributesResponse.encode({ keys }).finish()
          : method === 'CountWorkflowExecutions' && countStatus === 0
            ? CountWorkflowExecutionsResponse.encode({}).finish()
            : null;
      stream.on('error', () => undefined).resume();
      if (message === null) {
        const refusal = method === 'CountWorkflowExecutions' ? countStatus : status;
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(refusal), 'grpc-message': 'no' },
          { endStream: true },
        );
        return;
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      stream.end(Buffer.concat([prefix, message]));
    });
    stub.listen(0, '127.0.0.1');
    await once(stub, 'listening');
    return Connection.lazy({ address: `127.0.0.1:${(stub.address() as AddressInfo).port}`, interceptors: [] });
  }

  async function register(connection: Connection) {
    try {
      return await registerSearchAttributes(connection, 'default', 300);
    } finally {
      await connection.close();
      stub.close();
    }
  }

  test('those that an administrator made are used', async () => {
    expect(await register(await connectTo(OURS))).toEqual({ available: true });
  });

  test('without them runs go without', async () => {
    const { BridgeOutcome: _missing, ...most } = OURS;
    expect(await register(await connectTo(most))).toEqual({
      available: false,
      problem: expect.stringContaining('BridgeOutcome (Keyword)'),
    });
  });

  test('those that never become usable are waited for only so long', async () => {
    expect(await register(await connectTo(OURS, 7, 3))).toEqual({
      available: false,
      problem: expect.stringContaining('cannot be used after 0.3 s'),
    });
  });

  test('a server that is away is no reason to do without', async () => {
    await expect(register(await connectTo(OURS, 14))).rejects.toMatchObject({ code: 14 });
  });
});
