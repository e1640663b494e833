import { z } from 'zod';
import { ActionError, providerCode } from '../action-error';
import type { ActionUse } from '../connector';
import type { SlackClient } from './client';

/** The scopes that allow to post: today's, and those of tokens from before 2020. */
const POSTING: ReadonlySet<string> = new Set(['chat:write', 'chat:write:bot', 'chat:write:user', 'bot']);
const PAGE = 1_000;
/** Larger workspaces are not listed whole, so that a check stays within its ten seconds. */
const MOST_PAGES = 5;

const page = z.object({
  channels: z.array(z.object({ id: z.string(), name: z.string().default(''), is_member: z.boolean().default(false) })),
  response_metadata: z.object({ next_cursor: z.string().default('') }).default({ next_cursor: '' }),
});

type Channels = z.infer<typeof page>['channels'];

/**
 * Checks that the token works, that the app may post, and, as far as its scopes let it see, that the channels that rules
 * write out exist and have the bot in them. Posts nothing.
 *
 * @returns what is connected, and what could not be checked.
 * @throws ActionError `permanent` that names each channel and its rules; `credential` for the token and its scopes.
 */
export async function checkPosting(
  client: SlackClient,
  signal: AbortSignal,
  needs: readonly ActionUse[],
): Promise<string> {
  const { user, team, scopes } = await client.whoAmI(signal);
  const who = `${user} in ${team}`;
  if (scopes !== null && !scopes.some((scope) => POSTING.has(scope))) {
    throw new ActionError('credential', `${who} may not post messages`, {
      connection: 'slack',
      code: providerCode('missing_scope'),
      remedy: 'Give the Slack app the scope chat:write and install it again.',
    });
  }
  const written = channelsOf(needs);
  if (written.size === 0) {
    return who;
  }
  if (scopes === null || !scopes.includes('channels:read')) {
    return `${who}; the channels of the rules are not checked, which takes the scope channels:read`;
  }
  const seesPrivate = scopes.includes('groups:read');
  const existing = await listChannels(client, seesPrivate, signal);
  if (existing === null) {
    return `${who}; the channels of the rules are not checked: the workspace has too many`;
  }
  const findings = [...written].flatMap(([channel, rules]) => {
    const finding = findingOf(channel, existing, { seesPrivate, joins: scopes.includes('chat:write.public') });
    return finding === null
      ? []
      : [`${channel} ${finding} (${rules.size === 1 ? 'rule' : 'rules'} ${[...rules].join(', ')})`];
  });
  if (findings.length > 0) {
    throw new ActionError('permanent', `${who} cannot post to every channel of the rules: ${findings.join('; ')}.`, {
      connection: 'slack',
      code: providerCode('channel_not_found'),
      remedy: 'Correct `channel` in the rule, or invite the bot there: /invite @bot in the channel.',
    });
  }
  return `${who}; it can post to the channels of the rules`;
}

/** The channels that rules write out, with the rules: those of templates are known only when an event comes. */
function channelsOf(needs: readonly ActionUse[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { input, rules } of needs) {
    const channel = input['channel'];
    if (typeof channel === 'string' && /^\s*(?:#\S+|[CG][A-Z0-9]{6,})\s*$/.test(channel) && !/\{[{%]/.test(channel)) {
      const known = found.get(channel.trim()) ?? new Set();
      found.set(channel.trim(), known);
      rules.forEach((rule) => known.add(rule));
    }
  }
  return found;
}

/** All channels that the token sees; null when there are too many to list. */
async function listChannels(client: SlackClient, seesPrivate: boolean, signal: AbortSignal): Promise<Channels | null> {
  const found: Channels = [];
  let cursor = '';
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const types = seesPrivate ? 'public_channel,private_channel' : 'public_channel';
    const args = { types, exclude_archived: true, limit: PAGE, ...(cursor === '' ? {} : { cursor }) };
    const { channels, response_metadata } = page.parse(await client.call('conversations.list', args, signal));
    found.push(...channels);
    cursor = response_metadata.next_cursor;
    if (cursor === '') {
      return found;
    }
  }
  return null;
}

/** Why the bot cannot post to a channel; null when it can, or when that cannot be seen. */
function findingOf(
  channel: string,
  existing: Channels,
  { seesPrivate, joins }: { seesPrivate: boolean; joins: boolean },
): string | null {
  const isName = channel.startsWith('#');
  const found = existing.find(({ id, name }) => (isName ? `#${name}` === channel : id === channel));
  if (found !== undefined) {
    return found.is_member || joins ? null : 'does not have the bot in it';
  }
  if (isName) {
    return 'is no public channel, or is archived: write the id of a private one';
  }
  // An id that is not listed may be that of a private channel.
  return seesPrivate ? 'is no channel that the bot sees, or is archived' : null;
}
