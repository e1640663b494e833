import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { VoipbinClient } from '../../../src/connectors/voipbin/client';
import { downloadRecording, findRecordingFiles, type RecordingFile } from '../../../src/connectors/voipbin/recordings';
import { startVoipbinStandIn, type VoipbinStandIn } from '../../../src/connectors/voipbin/stand-in/server';
import { HostList } from '../../../src/net/host-list';
import { Secret } from '../../../src/settings/secret';

const LIMIT = 1_000_000;
let standIn: VoipbinStandIn;
let client: VoipbinClient;
const { signal } = new AbortController();

beforeEach(async () => {
  standIn = await startVoipbinStandIn({ unknownRecordingsExist: false });
  client = new VoipbinClient({
    apiUrl: standIn.url,
    accessKey: new Secret('vb_stand-in'),
    downloadAllow: HostList.EMPTY,
  });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await client.close();
  await standIn.stop();
});

async function storedFiles(id: string): Promise<RecordingFile[]> {
  const found = await findRecordingFiles(client, id, signal);
  if (found.state === 'unknown') {
    throw new Error('expected it known');
  }
  return found.files;
}

describe('whether a recording is stored', () => {
  test('leg by leg', async () => {
    const missing = (...legs: string[]) => legs.map((leg) => ({ name: `r-1_${leg}.wav`, why: 'not_stored' }));
    standIn.addRecording({ id: 'r-1' });
    expect(await findRecordingFiles(client, 'r-1', signal)).toEqual({
      state: 'known',
      files: [],
      missing: missing('in', 'out'),
    });
    standIn.store('r-1', 1);
    expect(await findRecordingFiles(client, 'r-1', signal)).toMatchObject({
      files: [{ name: 'r-1_in.wav' }],
      missing: missing('out'),
    });
    standIn.store('r-1', 2);
    expect((await storedFiles('r-1')).map(({ name }) => name)).toEqual(['r-1_in.wav', 'r-1_out.wav']);
  });

  test.each([0, 44, 58])('a leg of %d bytes is empty', async (size) => {
    standIn.addRecording({ id: 'r-1', stored: true, legBytes: { out: size } });
    expect(await findRecordingFiles(client, 'r-1', signal)).toMatchObject({
      files: [{ name: 'r-1_in.wav' }],
      missing: [{ name: 'r-1_out.wav', why: 'empty' }],
    });
  });

  test('one leg that is listed twice is one leg', async () => {
    standIn.addRecording({ id: 'r-1', listedTimes: 2 });
    standIn.store('r-1', 1);
    expect(await findRecordingFiles(client, 'r-1', signal)).toMatchObject({
      files: [{ name: 'r-1_in.wav' }],
      missing: [{ name: 'r-1_out.wav', why: 'not_stored' }],
    });
  });

  test("a file's own link works for a week", async () => {
    standIn.addRecording({ id: 'r-1', stored: true });
    const [file] = await storedFiles('r-1');
    const days = (Date.parse(file?.linkExpiresAt ?? '') - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(7);
  });

  test('one file is all of a conference', async () => {
    standIn.addRecording({ id: 'r-2', referenceType: 'confbridge', stored: true });
    expect((await storedFiles('r-2')).map(({ name }) => name)).toEqual(['r-2_in.wav']);
  });

  test('a recording that is not there', async () => {
    expect(await findRecordingFiles(client, 'r-none', signal)).toEqual({ state: 'unknown' });
  });

  test('it is found behind pages of other files', async () => {
    standIn.addRecording({ id: 'r-1', stored: true });
    for (let n = 0; n < 120; n += 1) {
      standIn.addRecording({ id: `other-${n}`, stored: true });
    }
    expect(await storedFiles('r-1')).toHaveLength(2);
    expect(standIn.requests.filter(({ path }) => path === '/v1.0/storage_files')).toHaveLength(4);
  });

  test('the stand-in has recordings that nobody added, stored a moment after they were first asked for', async () => {
    const demo = await startVoipbinStandIn();
    const other = new VoipbinClient({
      apiUrl: demo.url,
      accessKey: new Secret('vb_stand-in'),
      downloadAllow: HostList.EMPTY,
    });
    const missing = async (): Promise<number> => {
      const found = await findRecordingFiles(other, 'r-sample', signal);
      return found.state === 'known' ? found.missing.length : 9;
    };
    const now = Date.now();
    const clock = jest.spyOn(Date, 'now').mockReturnValue(now);
    const first = await missing();
    clock.mockReturnValue(now + 1_000);
    const later = await missing();
    await other.close();
    await demo.stop();

    expect([first, later]).toEqual([2, 0]);
  });

  test('a link that carries a credential is no link', async () => {
    const key = encodeURIComponent('vb_stand-in');
    for (const [query, kept] of [
      ['X-Goog-Signature=1', true],
      ['token=1', false],
      ['AccessKey=1', false],
      [`x=${key}`, false],
    ] as const) {
      expect(client.holdsCredential(new URL(`https://storage.example/f.wav?${query}`))).toBe(!kept);
    }
  });
});

test.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd'])(
  'what is no address of the web is no link: %s',
  async (uri) => {
    standIn.addRecording({ id: 'r-1', stored: true });
    const file = {
      id: 'f',
      reference_type: 'recording',
      reference_id: 'r-1',
      filename: 'r-1_in.wav',
      filesize: 100_000,
    };
    standIn.failNext({
      path: '/storage_files',
      how: { status: 200, body: { result: [{ ...file, uri_download: uri }] } },
    });
    expect(await storedFiles('r-1')).toMatchObject([{ name: 'r-1_in.wav', link: null }]);
  },
);

describe('fetching it', () => {
  test('the legs come byte by byte, without the access key', async () => {
    standIn.addRecording({ id: 'r-1', stored: true, sizeBytes: 100_000 });

    expect(await downloadRecording(client, 'r-1', await storedFiles('r-1'), LIMIT, signal)).toEqual({
      state: 'downloaded',
      files: standIn.wavs('r-1'),
      missing: [],
    });
    const storage = standIn.requests.filter(({ path }) => path.startsWith('/storage/'));
    expect(storage.map(({ credential }) => credential)).toEqual(['none', 'none']);
  });

  test.each([
    ['files have no address of their own', false],
    ['their addresses have expired', true],
  ])('out of the ZIP when %s', async (_why, signed) => {
    standIn.addRecording({ id: 'r-1', stored: true, signed });
    const files = await storedFiles('r-1');
    if (signed) {
      standIn.failNext({ path: '/storage/r-1_in.wav', how: { status: 403 } });
    }

    expect(await downloadRecording(client, 'r-1', files, LIMIT, signal)).toEqual({
      state: 'downloaded',
      files: standIn.wavs('r-1'),
      missing: [],
    });
    const storage = standIn.requests.filter(({ path }) => path.startsWith('/storage/'));
    expect(storage.every(({ credential }) => credential === 'none')).toBe(true);
  });

  test.each([0, 1] as const)('a ZIP with %d of two legs: the others are not stored yet', async (legs) => {
    standIn.addRecording({ id: 'r-1', signed: false });
    if (legs === 1) {
      standIn.store('r-1', legs);
    }
    const file = { sizeBytes: null, link: null, linkExpiresAt: null };
    const files = [
      { ...file, name: 'r-1_in.wav' },
      { ...file, name: 'r-1_out.wav' },
    ];

    expect(await downloadRecording(client, 'r-1', files, LIMIT, signal)).toEqual({
      state: 'downloaded',
      files: standIn.wavs('r-1'),
      missing: files.slice(legs).map(({ name }) => ({ name, why: 'not_stored' })),
    });
  });

  test.each([true, false])(
    'a header without sound is empty, whatever VoIPBIN says of its size; signed: %s',
    async (signed) => {
      standIn.addRecording({ id: 'r-1', stored: true, legBytes: { out: 44 }, sizesKnown: false, signed });

      expect(await downloadRecording(client, 'r-1', await storedFiles('r-1'), LIMIT, signal)).toMatchObject({
        files: [{ name: 'r-1_in.wav' }],
        missing: [{ name: 'r-1_out.wav', why: 'empty' }],
      });
    },
  );

  test.each([
    ['known before: nothing is fetched', true, 0],
    ['counted while streaming', false, 1],
  ])('a limit for all legs together, %s', async (_how, sizeKnown, fetched) => {
    standIn.addRecording({ id: 'r-1', stored: true, sizeBytes: LIMIT });
    const files = (await storedFiles('r-1')).map((file) => ({ ...file, sizeBytes: sizeKnown ? file.sizeBytes : null }));

    expect(await downloadRecording(client, 'r-1', files, LIMIT - 1, signal)).toEqual({ state: 'too_large' });
    expect(standIn.requests.filter(({ path }) => path.startsWith('/storage/'))).toHaveLength(fetched);
  });

  test('a ZIP that unpacks to too much', async () => {
    standIn.addRecording({ id: 'r-1', stored: true, sizeBytes: LIMIT, signed: false });
    const files = (await storedFiles('r-1')).map((file) => ({ ...file, sizeBytes: null }));

    expect(await downloadRecording(client, 'r-1', files, LIMIT, signal)).toEqual({ state: 'too_large' });
  });

  test('storage in trouble passes', async () => {
    standIn.addRecording({ id: 'r-1', stored: true });
    const files = await storedFiles('r-1');
    standIn.failNext({ path: '/storage/', how: { status: 503 } });

    await expect(downloadRecording(client, 'r-1', files, LIMIT, signal)).rejects.toMatchObject({
      errorClass: 'transient',
      detail: { code: 'storage_http_503' },
    });
  });
});

describe('where downloads may go', () => {
  let elsewhere: Server;
  let port: number;

  beforeEach(async () => {
    elsewhere = createServer((request, response) => {
      if (request.url === '/with-credential') {
        response.writeHead(302, { location: `http://user:secret@127.0.0.1:${port}/x` }).end();
      } else if (request.url === '/to-private') {
        response.writeHead(302, { location: `http://10.0.0.1:${port}/x` }).end();
      } else {
        response.end('secret');
      }
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    port = (elsewhere.address() as AddressInfo).port;
  });

  afterEach(() => new Promise((resolve) => elsewhere.close(resolve)));

  test.each([
    'http://127.0.0.1',
    'https://127.0.0.1',
    'https://2130706433',
    'https://[::ffff:127.0.0.1]',
    'https://[::127.0.0.1]',
    'https://localhost',
    'https://169.254.169.254',
    'http://example.com',
    'ftp://127.0.0.1',
  ])('not to %s', async (origin) => {
    await expect(client.downloads.download(new URL(`${origin}:${port}/x`), LIMIT, signal)).rejects.toMatchObject({
      errorClass: 'permanent',
      detail: { code: 'address_not_allowed' },
    });
  });

  test.each(['127.0.0.1', '127.0.0.0/8', 'localhost'])('where the operator allows %s', async (entry) => {
    const allowing = new VoipbinClient({
      apiUrl: standIn.url,
      accessKey: new Secret('vb_stand-in'),
      downloadAllow: HostList.parse([entry]).list,
    });
    const host = entry === 'localhost' ? 'localhost' : '127.0.0.1';
    const url = (path: string): URL => new URL(`http://${host}:${port}${path}`);

    expect(await allowing.downloads.download(url('/x'), LIMIT, signal)).toEqual({
      state: 'downloaded',
      content: Buffer.from('secret'),
    });
    for (const path of ['/to-private', '/with-credential']) {
      await expect(allowing.downloads.download(url(path), LIMIT, signal)).rejects.toMatchObject({
        errorClass: 'permanent',
        detail: { code: 'address_not_allowed' },
      });
    }
    await allowing.close();
  });
});
