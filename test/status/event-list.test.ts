import { Inbox } from '../../src/inbox/inbox';
import { searchEvents } from '../../src/status/event-list';
import { numberFilter } from '../../src/status/number-filter';
import { dataFolder, entryOf, inboxOptions, removeDataFolders } from '../inbox/entries';

afterEach(removeDataFolders);

test('a search for a number ends after so many events, says where, and goes on from there', async () => {
  const dataDir = dataFolder();
  const inbox = await Inbox.open(inboxOptions(dataDir));
  const peer = (number: string) => ({ peer: { type: 'tel', number, name: null } });
  await inbox.append(entryOf('call_hangup', 'wanted', null, peer('+15551234567')));
  for (const id of ['a', 'b', 'c']) {
    await inbox.append(entryOf('call_hangup', id, null, peer('+15557654321')));
  }
  await inbox.close();
  const number = numberFilter('+1 555 123-4567', []) ?? undefined;
  expect(number).toBeDefined();
  const filter = { limit: 10, ...(number === undefined ? {} : { number }) };
  const whole = searchEvents(dataDir, filter);
  expect([whole.events.map(({ event_id: id }) => id), whole.searched_to]).toEqual([['call_hangup/wanted'], null]);

  const first = searchEvents(dataDir, filter, { most: 2, window: 2 });
  expect(first).toMatchObject({ events: [], searched_to: { before: 3 } });
  const second = searchEvents(dataDir, { ...filter, before: 3 }, { most: 2, window: 2 });
  expect([second.events.map(({ event_id: id }) => id), second.searched_to]).toEqual([['call_hangup/wanted'], null]);
});
