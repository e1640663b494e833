import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { Secret } from '../../src/settings/secret';
import { TemporalMisconfigured, type TemporalSettings } from '../../src/temporal/configured-temporal';
import { startGrpcStub } from './grpc-stub';
import { connectClient, connectNative, resolveTemporal, TemporalUnreachable } from '../../src/temporal/connection';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bridge-temporal-'));
});

afterEach(() => rmSync(home, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(home, name);
  writeFileSync(path, text);
  return path;
}

/** Writes Temporal's configuration file to the default path of its clients. */
function defaultFile(text: string): void {
  for (const folder of ['.config/temporalio', 'Library/Application Support/temporalio']) {
    mkdirSync(join(home, folder), { recursive: true });
    file(join(folder, 'temporal.toml'), text);
  }
}

function resolve(
  env: Record<string, string> = {},
  settings: TemporalSettings = {},
  embeddedAddress: string | null = '127.0.0.1:7999',
) {
  return resolveTemporal({ settings, env: { HOME: home, ...env }, embeddedAddress });
}

const profiles =
  '[profile.default]\naddress = "from-default:7233"\n[profile.prod]\naddress = "from-prod:7233"\nnamespace = "prod.a1"\napi_key = "key-of-prod"\n[profile.empty]\n';

describe('the chosen server', () => {
  test('is the embedded server when nothing is configured, else the default address', () => {
    expect(resolve()).toMatchObject({ kind: 'embedded', address: '127.0.0.1:7999', namespace: 'default' });
    expect(resolve({}, {}, null)).toMatchObject({ kind: 'default', address: '127.0.0.1:7233' });
    expect(resolve({ TEMPORAL_ADDRESS: '', TEMPORAL_PROFILE: '' })).toMatchObject({ kind: 'embedded' });
    expect(resolve({ TEMPORAL_NAMESPACE: 'mine' })).toMatchObject({ kind: 'embedded', namespace: 'mine' });
    expect(resolve({}, { address: null, namespace: 'ours' })).toMatchObject({ kind: 'embedded', namespace: 'ours' });
  });

  test('precedence: TEMPORAL_ADDRESS, a selected profile, the settings, the default profile', () => {
    defaultFile(profiles);
    const settings = { address: 'from-settings:7233', namespace: 'ours' };
    expect(resolve()).toMatchObject({
      kind: 'configured',
      address: 'from-default:7233',
      source: 'profile "default" in Temporal\'s configuration file',
    });
    expect(resolve({}, settings)).toMatchObject({
      address: 'from-settings:7233',
      namespace: 'ours',
      source: 'temporal.address in the settings',
    });
    expect(resolve({ TEMPORAL_PROFILE: 'prod' }, settings)).toMatchObject({
      address: 'from-prod:7233',
      namespace: 'prod.a1',
    });
    expect(resolve({ TEMPORAL_ADDRESS: 'from-env:7233', TEMPORAL_PROFILE: 'prod' }, settings)).toMatchObject({
      address: 'from-env:7233',
      source: 'TEMPORAL_ADDRESS',
    });
    const elsewhere = file('other.toml', '[profile.default]\naddress = "from-other:7233"\n');
    expect(resolve({ TEMPORAL_CONFIG_FILE: elsewhere }, settings)).toMatchObject({
      address: 'from-other:7233',
      source: `profile "default" in ${elsewhere}`,
    });
  });

  test('a default profile without an address does not count', () => {
    defaultFile('[profile.prod]\naddress = "from-prod:7233"\n');
    expect(resolve()).toMatchObject({ kind: 'embedded' });
  });

  test('credentials are passed to the connection, and never printed', () => {
    defaultFile(profiles);
    const key = resolve({ TEMPORAL_PROFILE: 'prod' });
    expect(key.connectionOptions()).toMatchObject({ address: 'from-prod:7233', apiKey: 'key-of-prod', tls: true });
    const own = resolve({}, { address: 'a:1', apiKey: new Secret('key-of-settings') });
    expect(own.connectionOptions()).toMatchObject({ apiKey: 'key-of-settings', tls: true });
    const tls = {
      TEMPORAL_TLS_CLIENT_CERT_PATH: file('cert.pem', 'the certificate'),
      TEMPORAL_TLS_CLIENT_KEY_PATH: file('key.pem', 'the key'),
      TEMPORAL_TLS_SERVER_NAME: 'temporal.internal',
    };
    const mutual = resolve({ TEMPORAL_ADDRESS: 'a:1', ...tls });
    const pair = { crt: Buffer.from('the certificate'), key: Buffer.from('the key') };
    expect(mutual.connectionOptions().tls).toMatchObject({ serverNameOverride: 'temporal.internal' });
    expect(JSON.stringify(mutual.connectionOptions().tls)).toBe(
      JSON.stringify({
        serverNameOverride: 'temporal.internal',
        clientCertPair: { crt: new Uint8Array(pair.crt), key: new Uint8Array(pair.key) },
      }),
    );
    for (const resolved of [key, own, mutual]) {
      expect(`${inspect(resolved)}${JSON.stringify(resolved)}`).not.toMatch(/key-of|the key/);
    }
  });
});

describe('a misconfigured address is reported with its variable or file', () => {
  test.each<[string, () => Record<string, string>, string]>([
    [
      'an address with a scheme',
      () => ({ TEMPORAL_ADDRESS: 'https://temporal.example.com' }),
      'TEMPORAL_ADDRESS: "https://temporal.example.com" is not an address',
    ],
    [
      'a port out of range',
      () => ({ TEMPORAL_ADDRESS: 'temporal.example.com:99999' }),
      'TEMPORAL_ADDRESS: "temporal.example.com:99999" is not an address',
    ],
    [
      'an API key without a server',
      () => ({ TEMPORAL_API_KEY: 'secret-key', XDG_CONFIG_HOME: '/nowhere' }),
      'TEMPORAL_API_KEY: no server is configured for it; set TEMPORAL_ADDRESS',
    ],
    [
      'a missing file',
      () => ({ TEMPORAL_CONFIG_FILE: '/no/such.toml' }),
      'TEMPORAL_CONFIG_FILE: /no/such.toml cannot be read',
    ],
    ['a missing profile', () => ({ TEMPORAL_PROFILE: 'staging' }), 'TEMPORAL_PROFILE: there is no profile "staging"'],
    [
      'a profile without an address',
      () => ({ TEMPORAL_PROFILE: 'empty' }),
      'profile "empty" in Temporal\'s configuration file: has no address',
    ],
    [
      'a file that is not TOML',
      () => ({ TEMPORAL_CONFIG_FILE: file('bad.toml', '[profile.default]\napi_key = secret-key\n') }),
      'bad.toml, line 2, column 11: is not a configuration file',
    ],
    [
      'a certificate without its key',
      () => ({ TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS_CLIENT_CERT_PATH: file('c.pem', 'c') }),
      'TEMPORAL_TLS_CLIENT_KEY_PATH: is missing',
    ],
    [
      'a missing certificate',
      () => ({ TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/no/ca.pem' }),
      'TEMPORAL_TLS_SERVER_CA_CERT_PATH: /no/ca.pem cannot be read',
    ],
    [
      'a certificate given twice',
      () => ({ TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS_CLIENT_CERT_PATH: '/c', TEMPORAL_TLS_CLIENT_CERT_DATA: 'c' }),
      'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_CERT_DATA',
    ],
    [
      'verification turned off',
      () => ({ TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: 'true' }),
      'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: this SDK always verifies',
    ],
  ])('%s', (_case, env, expected) => {
    defaultFile(profiles);
    const error = thrownBy(() => resolve(env()));
    expect(error).toBeInstanceOf(TemporalMisconfigured);
    expect(String(error)).toContain(expected);
    expect(String(error)).not.toContain('secret-key');
  });

  test('all findings are reported together', () => {
    const error = thrownBy(() =>
      resolve({ TEMPORAL_ADDRESS: 'http://x', TEMPORAL_TLS_CLIENT_KEY_PATH: '/no/key.pem' }),
    );
    expect(error).toMatchObject({
      findings: [
        expect.stringContaining('TEMPORAL_ADDRESS'),
        expect.stringContaining('TEMPORAL_TLS_CLIENT_KEY_PATH'),
        expect.stringContaining('TEMPORAL_TLS_CLIENT_CERT_PATH'),
      ],
    });
  });
});

describe('connecting', () => {
  let silent: Server;
  const sockets: Socket[] = [];
  let address: string;

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
    silent = createServer((socket) => void sockets.push(socket.on('error', () => undefined).resume()));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    silent.close();
    for (const socket of sockets) {
      socket.destroy();
    }
  });

  test('the client connects lazily, and its calls end before their deadline when Temporal is unavailable', async () => {
    const connection = connectClient(resolve({}, {}, '127.0.0.1:4'));
    // A call that is still tried at its deadline fails with code 4.
    await expect(
      connection.withDeadline(Date.now() + 20_000, () => connection.workflowService.getSystemInfo({})),
    ).rejects.toMatchObject({ code: 14 });
    await connection.close();
  });

  test("a client's call without a deadline ends when the server is silent", async () => {
    const connection = connectClient(resolve({}, {}, address), 300);
    await expect(connection.workflowService.getSystemInfo({})).rejects.toMatchObject({ code: 4 });
    await connection.close();
  });

  test("a failure of the worker's connection names the address and its source", async () => {
    const failure: unknown = await connectNative(resolve({ TEMPORAL_ADDRESS: '127.0.0.1:4' })).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(TemporalUnreachable);
    expect(String(failure)).toContain('Temporal at 127.0.0.1:4 (from TEMPORAL_ADDRESS) cannot be reached');
  });

  test.each([
    ['the server of this machine', 'identity', (at: string) => resolveTemporal({ env: {}, embeddedAddress: at })],
    ['a configured server', 'gzip', (at: string) => resolve({ TEMPORAL_ADDRESS: at })],
  ])(
    "the worker's requests to %s are sent as %s",
    async (_server, compression, temporalAt) => {
      const compressions = new Set<string>();
      const stub = await startGrpcStub((_method, _request, how) => {
        compressions.add(how);
        return new Uint8Array();
      });
      try {
        const connection = await connectNative(temporalAt(stub.address));
        await connection.workflowService.describeNamespace({ namespace: 'default' });
        await connection.close();
        expect([...compressions]).toEqual([compression]);
      } finally {
        await stub.close();
      }
    },
    20_000,
  );

  test("the worker's connection fails when the server accepts and is silent", async () => {
    const failure: unknown = await connectNative(resolve({ TEMPORAL_ADDRESS: address }), 500).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(TemporalUnreachable);
    expect(String(failure)).toContain('no answer within 0.5 s');
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
