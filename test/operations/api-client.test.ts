import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { publishApi } from '../../src/operations/api-access';
import { ApiClient } from '../../src/operations/api-client';
import { dataFolder, removeDataFolders } from '../inbox/entries';

const TOKEN = 'a'.repeat(64);
let server: Server;
let url: string;
let seen: string[];
let answer: { status: number; location?: string };

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(`${request.url ?? ''} ${request.headers.authorization ?? ''}`);
    response.writeHead(answer.status, answer.location === undefined ? {} : { location: answer.location }).end('[]');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  removeDataFolders();
});
beforeEach(() => {
  [seen, answer] = [[], { status: 200 }];
});

function clientOf(at: string): ApiClient {
  const dataDir = dataFolder();
  publishApi(dataDir, at, TOKEN);
  return new ApiClient({ dataDir });
}

test('the bridge gets the token', async () => {
  expect(await clientOf(url).get('/jobs')).toEqual([]);
  expect(seen).toEqual([`/api/v1/jobs Bearer ${TOKEN}`]);
});

test('a proxy does not, also where the admin port has an address that is not loopback', async () => {
  const before = { ...process.env };
  process.env['HTTP_PROXY'] = url;
  process.env['http_proxy'] = url;
  try {
    const client = clientOf('http://bridge.invalid:5001');
    await expect(client.get('/jobs')).rejects.toThrow('does not answer at http://bridge.invalid:5001');
    expect(await client.answers()).toBe(false);
    expect(seen).toEqual([]);
  } finally {
    process.env = before;
  }
});

test('nor does whoever a redirect names', async () => {
  answer = { status: 307, location: `${url}/elsewhere` };
  await expect(clientOf(url).post('/forget', { number: '+15551234567' })).rejects.toThrow('the bridge answered 307');
  expect(seen).toHaveLength(1);
});
