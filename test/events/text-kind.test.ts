import { allOptOutWords } from '../../src/events/opt-out-words';
import { textKindOf, wordsOf } from '../../src/events/text-kind';

const US = '+15551234567';

test.each([
  'STOP',
  'stop',
  ' Stop. ',
  'STOP!!!',
  'Stop ❤️',
  '"Stop"',
  'ＳＴＯＰ',
  'stop, thank you',
  'Stop. Thank you',
  'please stop',
  'Stop stop STOP',
  'STOP ALL',
  'stopall',
  'Unsubscribe',
  'unsubscribe please',
  'CANCEL',
  'End',
  'quit',
  'Revoke',
  'OPT-OUT',
  'opt out',
  'OptOut.',
  'Stop texting me',
  'Who is this? Stop texting me!',
  'please remove me from this list',
  'Don’t text me',
  'do not text me again.',
  'No more texts please',
  'stop, wrong number',
  'Can you please stop texting me',
  'ARRET',
  'Arrêt',
  'no más',
  'Baja, por favor',
  '🛑',
])('%j from a phone in North America asks for no more texts', (text) => {
  expect(textKindOf(text, US)).toBe('stop');
});

test.each<[string, string]>([
  ['+34600000000', 'BAJA'],
  ['+5215512345678', 'Alto'],
  ['+33612345678', 'Arrêtez svp'],
  ['+33612345678', 'stop merci'],
  ['+33612345678', 'Désabonnement'],
  ['+4915112345678', 'Stopp!'],
  ['+4915112345678', 'bitte abmelden'],
  ['+4915112345678', 'Kündigen'],
  ['+41791234567', 'Abmelden, danke'],
  ['+5511987654321', 'Sair'],
  ['+351912345678', 'PARAR obrigado'],
  ['+393331234567', 'Annulla'],
  ['+31612345678', 'Afmelden aub'],
  ['+821012345678', '수신거부'],
  ['+821012345678', '수신 거부 해주세요'],
  ['+821012345678', '그만 보내세요'],
  [US, '수신거부'],
  [US, '退订'],
  ['+79161234567', 'СТОП'],
  ['+972501234567', 'הסר'],
  ['+971501234567', 'إلغاء الاشتراك'],
  ['+66812345678', 'ยกเลิก'],
  ['+46701234567', 'Avsluta tack'],
  ['+905321234567', 'İPTAL'],
  ['+48501234567', 'Rezygnuję'],
  ['+628123456789', 'berhenti'],
  ['+819012345678', '配信停止'],
  ['+819012345678', '配信停止してください'],
  ['+819012345678', 'ＳＴＯＰ'],
])('%s may ask in its own language: %j', (number, text) => {
  expect(textKindOf(text, number)).toBe('stop');
});

test.each([
  'Please stop by tomorrow',
  'Where is the bus stop?',
  'Next stop: Berlin',
  "Don't stop",
  'I want to cancel my appointment on Monday',
  'Is that the end?',
  'Monday? Cancel. Tuesday is better.',
  'thank you',
  'No',
  'wrong number',
  'Liked it a lot',
  'I loved “The Wire”',
  'He said “stop”',
  'Are you out of the office today?',
  'Was my message delivered?',
  'Abmelden',
  '',
  '   ',
  '👍',
  '?',
])('%j is a message', (text) => {
  expect(textKindOf(text, US)).toBe('message');
});

test.each<[string, string]>([
  [US, 'START'],
  [US, 'Unstop'],
  [US, 'yes'],
  [US, 'Yes please!'],
  [US, 'subscribe'],
  [US, 'opt in'],
  ['+34600000000', 'Alta'],
  ['+821012345678', '수신동의'],
  ['+819012345678', '再開'],
])('%s asks for texts again: %j', (number, text) => {
  expect(textKindOf(text, number)).toBe('start');
});

test('a text that says both asks for no more texts', () => {
  expect(textKindOf('Yes. Stop.', US)).toBe('stop');
});

test.each([
  'Liked “Thanks for your message!”',
  'Loved "See you at 5"',
  'Disliked “meh”',
  'Laughed at “ha”',
  'Emphasized “Call me”',
  'Emphasised ‘Call me’',
  'Questioned “5 pm?”',
  'Removed a heart from “See you”',
  'Removed a like from “See you”',
  'Liked an image',
  'Loved 2 photos',
  'Reacted 👍 to “See you”',
  'Reacted 😂 to “STOP”',
  'Reacted with a sticker to “See you”',
  '👍 to “See you”',
  '👍🏽 to “See you”',
  '\u200a👍\u200a to “ See you ”',
  'Liked “Reply STOP to end”',
  'Gefällt „Bis morgen“',
  'Mag „Bis morgen“',
  'Hat mit 👍 auf „Bis morgen“ reagiert',
  'A aimé « à demain »',
  'A adoré « à demain »',
  'N’a pas aimé « bof »',
  'A réagi avec 😂 à « lol »',
  'A retiré un J’aime de « à demain »',
  'Le gustó “hola”',
  'Le encantó “hola”',
  'Le dio risa “hola”',
  'Reaccionó con 👍 a “hola”',
  'Gostou de “olá”',
  'Ha messo mi piace a “ciao”',
  '“내일 봐요”에 하트를 표시함',
  '“내일 봐요”을(를) 좋아함',
  '“また明日”にハートを付けました',
  '“また明日”に「いいね」と反応しました',
])('%j is a reaction', (text) => {
  expect(textKindOf(text, US)).toBe('reaction');
});

test.each([
  'Out of office: I am back on Monday',
  'Automatic reply: I am away.',
  'Auto-reply: in a meeting',
  '[Auto Reply] Busy',
  'Autoreply: busy',
  'Hi! This is an automated message from Acme.',
  'I’m driving with Do Not Disturb While Driving turned on. I’ll see your message when I get where I’m going.',
  '(I’m not receiving notifications. If this is urgent, reply “urgent” to send a notification through with your original message.)',
  'Delivery Status Notification (Failure)',
  'Message not delivered',
  'Your message could not be delivered',
  'Abwesenheitsnotiz: bin im Urlaub',
  'Réponse automatique : je suis absent',
  'Respuesta automática: vuelvo el lunes',
  '[자동응답] 운전 중입니다',
  '自動返信：外出中です',
])('%j was written by a machine', (text) => {
  expect(textKindOf(text, US)).toBe('automatic');
});

test('a long text takes no time', () => {
  const quotes = '“'.repeat(1_600);
  const emoji = '👍 '.repeat(530);

  expect(textKindOf('stop '.repeat(10_000), US)).toBe('message');
  expect([textKindOf(quotes, US), textKindOf(emoji, US)]).toEqual(['message', 'message']);
});

test('every word of the tables can be met', () => {
  const unreachable = allOptOutWords().filter((word) => wordsOf(word).join('') !== word);

  expect(unreachable).toEqual([]);
});
