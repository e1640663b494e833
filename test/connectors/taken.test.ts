import { latest } from '../../src/connectors/mailbox';
import { startSlackStandIn } from '../../src/connectors/slack/stand-in';
import { startHubSpotStandIn } from '../../src/connectors/hubspot/stand-in/server';
import { startVoipbinStandIn } from '../../src/connectors/voipbin/stand-in/server';

test('the stand-in of VoIPBIN shows the texts it took', async () => {
  const standIn = await startVoipbinStandIn();
  try {
    await fetch(`${standIn.url}/messages?accesskey=${JSON.stringify(standIn.settings['access_key']).slice(1, -1)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        source: { type: 'tel', target: '+15550001111' },
        destinations: [{ type: 'tel', target: '+15551234567' }],
        text: 'Hello\nAda',
      }),
    });
    expect(standIn.taken?.()).toEqual([
      {
        at: expect.stringMatching(/^20/) as string,
        what: 'text',
        to: '+15551234567',
        lines: ['from: +15550001111', 'Hello', 'Ada'],
      },
    ]);
  } finally {
    await standIn.stop();
  }
});

test('the stand-in of Slack shows the posts it took', async () => {
  const standIn = await startSlackStandIn();
  try {
    await fetch(`${standIn.url}chat.postMessage`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${JSON.stringify(standIn.settings['bot_token']).slice(1, -1)}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ channel: '#sales', text: 'A lead' }).toString(),
    });
    expect(standIn.taken?.()).toEqual([
      { at: expect.stringMatching(/^20/) as string, what: 'post', to: '#sales', lines: ['A lead'] },
    ]);
  } finally {
    await standIn.stop();
  }
});

test('the stand-in of HubSpot shows what was written, not the contacts it began with', async () => {
  const standIn = await startHubSpotStandIn();
  try {
    expect(standIn.taken?.()).toEqual([]);
    standIn.account.create('contacts', { firstname: 'Cy', phone: '+15557654321' });
    expect(standIn.taken?.()).toEqual([
      expect.objectContaining({
        what: 'contact',
        lines: expect.arrayContaining(['firstname: Cy', 'phone: +15557654321']) as string[],
      }),
    ]);
  } finally {
    await standIn.stop();
  }
});

test('the latest items are shown, the oldest first, cut to a bound', () => {
  const item = (at: string, line = '') => ({ at, what: 'mail', to: null, lines: [line] });
  expect(latest([item('3'), item('1'), item('2')], 2).map(({ at }) => at)).toEqual(['2', '3']);
  expect(latest([item('1', 'x'.repeat(9_000))], 1)[0]?.lines[0]).toHaveLength(2_000);
});
