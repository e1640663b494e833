import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectionLimitsFor, openFilesLimit } from '../../src/receiver/connection-limits';
import { connectTo, type Client } from './crowd';
import { closeDoors, hangup, openDoor } from './door';

afterEach(closeDoors);

test.each([
  [null, 4_096, 1_024],
  [1_048_576, 4_096, 1_024],
  [4_596, 4_096, 1_024],
  [4_096, 3_596, 899],
  [1_024, 524, 131],
  [256, 64, 16],
])('with %p open files: %d connections, %d of one address', (openFiles, total, perAddress) => {
  expect(connectionLimitsFor(openFiles)).toEqual({ total, perAddress });
});

test('the limit is read from what Linux says; elsewhere it is unknown', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bridge-limits-'));
  const limits = join(folder, 'limits');
  const header = 'Limit                     Soft Limit           Hard Limit           Units     \n';
  const read = (soft: string): number | null => {
    writeFileSync(limits, `${header}Max open files            ${soft.padEnd(20)} 4096                 files     \n`);
    return openFilesLimit(limits);
  };
  try {
    expect([read('1024'), read('unlimited'), openFilesLimit(join(folder, 'none'))]).toEqual([1_024, null, null]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('where few files may be open, connections give way before there are none left, and the log says so', async () => {
  const door = await openDoor({}, { openFiles: 16 });
  const clients: Client[] = [];
  for (let n = 0; n < 6; n += 1) {
    clients.push(await connectTo(door.url, `127.0.0.${n + 2}`));
  }
  await clients[0]?.ended;
  expect((await door.send({ payload: hangup('c1') })).status).toBe(200);
  expect(door.log.said.filter((line) => line.includes('LimitNOFILE'))).toHaveLength(1);
  clients.forEach(({ socket }) => socket.destroy());
});
