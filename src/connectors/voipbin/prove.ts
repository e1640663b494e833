import { setTimeout as delay } from 'node:timers/promises';
import type { ActionError } from '../action-error';
import type { Proof, ProofResult, ProofTools } from '../proof';
import { whyNoTexts } from './account';
import { epochMs } from './api-time';
import type { Page, VoipbinClient } from './client';
import type { SendAnswer, TextMessage } from './post-message';
import { findSentMessage, markList } from './sent-messages';

const NEEDS = {
  from: 'one of the account’s numbers, in E.164',
  to: 'the number of a phone of yours, in E.164',
};
/** An attempt looks a second after a lost answer, the next one ten seconds later. */
const LOOK_EVERY_MS = 1_000;
const LOOK_FOR_MS = 11_000;
/** Clocks that differ by less than this are taken as equal. */
const CLOCK_TOLERANCE_MS = 5_000;

type Run = (client: VoipbinClient, tools: ProofTools) => Promise<ProofResult>;

const pages: Run = async (client, { signal }) => {
  const first = await client.listMessages({ pageSize: 1 }, signal);
  const { tm_create } = first.items[0] ?? {};
  if (typeof tm_create !== 'string' || first.nextToken === null) {
    return {
      answer: 'the account has no messages to page through',
      verdict: 'unknown',
      means: 'Send or receive a text in this account, and ask again.',
    };
  }
  const isTime = epochMs(first.nextToken) === epochMs(tm_create);
  const second: Page = await client.listMessages({ pageSize: 1, pageToken: first.nextToken }, signal);
  const isOlder = second.items.every((item) => epochMs(text(item['tm_create'])) <= epochMs(tm_create));
  return isTime && isOlder
    ? {
        answer: 'the token of the next page is the time of the last item, and the next page is older',
        verdict: 'as_assumed',
        means: 'A text whose answer was lost is found, and missed events are.',
      }
    : {
        answer: `the next page ${isOlder ? 'is older' : 'is not older'}; its token ${isTime ? 'is' : 'is not'} the time of the last item`,
        verdict: 'differs',
        means: 'A lost text may be overlooked and sent again. Please report it.',
      };
};

const listedAtOnce: Run = async (client, tools) => {
  const message = messageOf(tools);
  const mark = await markList(client, message, tools.signal);
  const answer = await send(client, message, tools);
  if (answer.outcome !== 'accepted') {
    return notSent(answer.error);
  }
  for (let waitedMs = 0; waitedMs <= LOOK_FOR_MS; waitedMs += LOOK_EVERY_MS) {
    const found = await findSentMessage(client, message, { mark, beganAt: new Date() }, tools.signal);
    if (found?.id === answer.id) {
      return {
        answer: `the text is listed within ${waitedMs / 1_000 + 1} s, with the numbers and the text as sent`,
        verdict: 'as_assumed',
        means: 'A text whose answer was lost is found and not sent again.',
      };
    }
    await delay(LOOK_EVERY_MS, undefined, { signal: tools.signal });
  }
  return {
    answer: `the text is not in the list after ${LOOK_FOR_MS / 1_000} s, or with other numbers or another text`,
    verdict: 'differs',
    means: 'A text whose answer was lost may be sent twice. Please report it.',
  };
};

const clock: Run = async (client, tools) => {
  const message = messageOf(tools);
  const answer = await send(client, message, tools);
  if (answer.outcome !== 'accepted') {
    return notSent(answer.error);
  }
  const page = await client.listMessages({}, tools.signal);
  const listed = page.items.find(({ id }) => id === answer.id);
  if (listed === undefined || page.servedAt === null) {
    return {
      answer: listed === undefined ? 'the text is not listed yet' : 'the answers have no Date header',
      verdict: 'unknown',
      means: 'It is unknown whether VoIPBIN stamps messages by the clock of its Date header.',
    };
  }
  const offMs = epochMs(text(listed['tm_create'])) - page.servedAt;
  return Math.abs(offMs) <= CLOCK_TOLERANCE_MS
    ? {
        answer: 'messages are stamped by the clock of the Date header, within 5 s',
        verdict: 'as_assumed',
        means: 'A text is also found when the worker that sent it died.',
      }
    : {
        answer: `messages are stamped ${Math.round(offMs / 1_000)} s off the Date header`,
        verdict: 'differs',
        means: 'A text may be sent twice if the worker dies at the moment of sending it. Please report it.',
      };
};

const refusal: Run = async (client, tools) => {
  const cause = whyNoTexts(await client.getAccount(tools.signal));
  if (cause === null) {
    return {
      answer: 'this account may send texts',
      verdict: 'unknown',
      means: 'Ask an account without credit, or with an identity that is not verified.',
    };
  }
  const message = messageOf(tools);
  const mark = await markList(client, message, tools.signal);
  const answer = await send(client, message, tools);
  const found = await findSentMessage(client, message, { mark, beganAt: new Date() }, tools.signal);
  if (answer.outcome === 'failed' && found === null) {
    return {
      answer: `a text is answered with a bare 500 and not listed (${cause})`,
      verdict: 'as_assumed',
      means: 'The first such text parks the texts of the connection, and the cause is named.',
    };
  }
  const said = answer.outcome === 'accepted' ? 'accepted' : `${answer.outcome} (${answer.error.detail.code})`;
  return {
    answer: `a text is ${said} and ${found === null ? 'not listed' : 'listed'}, although ${cause}`,
    verdict: 'differs',
    means: 'The bridge may wait for an account that is in order, or retry for one that is not. Please report it.',
  };
};

function messageOf({ given, mark }: ProofTools): TextMessage {
  return { from: given['from'] ?? '', to: given['to'] ?? '', text: `${mark}: a test of the bridge` };
}

/** Sends a text, and has its record deleted. The text itself cannot be taken back. */
async function send(client: VoipbinClient, message: TextMessage, tools: ProofTools): Promise<SendAnswer> {
  const answer = await client.sendMessage(message, tools.signal);
  if (answer.outcome === 'accepted') {
    tools.cleanup(`the message ${answer.id}`, (signal) => client.deleteMessage(answer.id, signal));
  }
  return answer;
}

function notSent(error: ActionError): ProofResult {
  return {
    answer: `no text was sent: ${error.message}`,
    verdict: 'unknown',
    means: 'Ask an account that may send texts, with one of its own numbers.',
  };
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** What only an account can answer about VoIPBIN. */
export const voipbinProofs: readonly Proof<VoipbinClient>[] = [
  {
    name: 'pages-by-time',
    question: 'Is the token of the next page the time of the last item?',
    creates: 'nothing',
    run: pages,
  },
  {
    name: 'text-listed',
    question: 'Is a sent text listed at once, as it was sent?',
    creates: 'one text',
    needs: NEEDS,
    run: listedAtOnce,
  },
  {
    name: 'clock-of-messages',
    question: 'Does VoIPBIN stamp messages by the clock of its Date header?',
    creates: 'one text',
    needs: NEEDS,
    run: clock,
  },
  {
    name: 'text-without-credit',
    question: 'How does an account without credit or verified identity answer a text?',
    creates: 'one text at most',
    needs: NEEDS,
    run: refusal,
  },
];
