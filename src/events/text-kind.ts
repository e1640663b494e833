import { optOutWordsFor, type OptOutWords } from './opt-out-words';

/**
 * What an inbound text is, as far as it decides whether it may be answered.
 * - `stop`: its sender wants no more texts; `start`: wants them again.
 * - `reaction`: a phone wrote it for a tap on a message ("Liked “…”").
 * - `automatic`: a machine wrote it (an absence note, a delivery report).
 * - `message`: anything else.
 */
export type TextKind = 'stop' | 'start' | 'reaction' | 'automatic' | 'message';

/** Longer texts are messages: no opt-out word, reaction or absence note needs more. */
const MAX_CHARS = 1_600;
/** Of one sentence that asks for something. */
const MAX_WORDS = 24;

/**
 * Tells what an inbound text is. Any letter case, punctuation, spacing and accents count as the same.
 *
 * `stop` is a text of stop words with nothing but courtesies ("stop, thank you"), or with a sentence of its own that
 * asks for no more texts ("Who is this? Stop texting me."). "Please stop by tomorrow" is a message. When a text says both,
 * it is `stop`.
 *
 * Not guaranteed: that every wording of a person or machine is recognised.
 *
 * @param sender its number in E.164: the calling code decides which languages count.
 */
export function textKindOf(text: string, sender: string): TextKind {
  if (text.length > MAX_CHARS) {
    return 'message';
  }
  if (isReaction(text)) {
    return 'reaction';
  }
  if (isAutomatic(text)) {
    return 'automatic';
  }
  const languages = optOutWordsFor(sender);
  if (
    STOP_SIGN.test(text) ||
    says(text, languages, isStop) ||
    sentencesOf(text).some((sentence) => says(sentence, languages, isStopSentence))
  ) {
    return 'stop';
  }
  return says(text, languages, isStart) ? 'start' : 'message';
}

/** Only stop signs. */
const STOP_SIGN = /^[\s\uFE0F]*(?:🛑[\s\uFE0F]*)+$/u;

type Meaning = (words: OptOutWords, joined: string) => boolean;

const isStop: Meaning = ({ stop, stopAlone }, joined) => stop.has(joined) || stopAlone.has(joined);
const isStopSentence: Meaning = ({ stop, beginnings }, joined) =>
  stop.has(joined) || beginnings.some((beginning) => joined.startsWith(beginning));
const isStart: Meaning = ({ start }, joined) => start.has(joined);

function sentencesOf(text: string): string[] {
  return text.split(/[.!?;…。！？\n\r]+/u);
}

/** Whether a text consists of words with this meaning, one or several, and of courtesies. */
function says(text: string, languages: readonly OptOutWords[], means: Meaning): boolean {
  const has = (joined: string): boolean => languages.some((language) => means(language, joined));
  const isCourtesy = (word: string): boolean => languages.some(({ courtesy }) => courtesy.has(word));
  const all = wordsOf(text);
  const first = all.findIndex((word) => !isCourtesy(word));
  const last = all.findLastIndex((word) => !isCourtesy(word));
  if (all.length > MAX_WORDS || has(all.join(''))) {
    return all.length <= MAX_WORDS;
  }
  if (first < 0) {
    return false;
  }
  // "no more texts please" begins with a word that is a courtesy elsewhere.
  const core = all.slice(first, last + 1);
  return (
    [all.slice(0, last + 1), all.slice(first), core].some(
      (some) => has(some.join('')) || has(withoutEndings(some.join(''), languages)),
    ) ||
    (core.some(has) && core.every((word) => has(word) || isCourtesy(word)))
  );
}

function withoutEndings(joined: string, languages: readonly OptOutWords[]): string {
  const endings = languages.flatMap(({ endings: some }) => some);
  const ending = endings.find((one) => joined.length > one.length && joined.endsWith(one));
  return ending === undefined ? joined : withoutEndings(joined.slice(0, -ending.length), languages);
}

/** A text's words as the tables have them: small letters, without accents, apostrophes and punctuation. */
export function wordsOf(text: string): string[] {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/['’‘`´\u200d]|[\ufe0e\ufe0f]/gu, '')
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/gu, '')
    .normalize('NFC')
    .split(/[^\p{L}\p{N}\p{M}]+/u)
    .filter((word) => word !== '');
}

/** Opening quotes, straight or typographic. */
const QUOTE = '["“”„«‹‚‘\'’「『]';
const PICTURE =
  '(?:an?|\\d+) (?:image|photo|picture|movie|video|attachment|audio message|voice message|sticker|link)s?';

/** Verbs before the quoted message, by language. `#` stands for a name or emoji of at most 40 characters. */
const REACTION_VERBS: readonly string[] = [
  `liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted #to|reacted with #to|removed #from`,
  // German
  `gefällt(?: mir)?(?: nicht)?:?|mag(?: nicht)?|liebt|lacht über|hat gelacht über|betont|hervorgehoben:?|hinterfragt|
   hat #auf|hat #zu|reagierte #auf|reagiert #auf|mit #auf|hat #von|hat #bei`,
  // French
  `a aimé|a adoré|a ri (?:de|à)|a mis en évidence|a souligné|a insisté sur|a posé une question sur|a mis en doute|
   n['’]a pas aimé|s['’]est interrogée?(?:\\(e\\))? sur|a réagi #à|a retiré #de|a supprimé #de|a ajouté #à|a attribué #à`,
  // Spanish
  `(?:no )?le (?:ha )?(?:gust(?:ó|ado|a)|encant(?:ó|ado|a))|le dio risa|se rió (?:de|con)|enfatizó|destacó|exclamó por|
   dudó (?:sobre|de)|cuestionó|puso en duda|reaccionó #a|reaccionó a|eliminó #de|quitó #(?:de|a)`,
  // Portuguese
  `(?:não )?gostou de|amou|adorou|riu de|enfatizou|questionou|reagiu #a|removeu #de`,
  // Italian
  `ha messo #a|ha aggiunto #a|(?:non )?ha apprezzato|ha adorato|ha riso (?:di|a|per)|ha enfatizzato|ha evidenziato|
   ha messo in dubbio|ha reagito #a|ha rimosso #da|(?:non )?(?:gli|le) è piaciuto`,
  // Dutch
  `vond #leuk:?|vindt #leuk:?|vond leuk:?|vindt leuk:?|lachte om|heeft gelachen om|benadrukte|heeft benadrukt|
   heeft #gereageerd op|reageerde #op|heeft #verwijderd van`,
];

/**
 * How phones write a tap on a message to those who cannot show it: "Liked “See you”", "Removed a heart from “See you”",
 * "👍 to “See you”", "Loved an image". The verb and the quote together make it; "Liked it a lot" is a message.
 */
const REACTIONS: readonly RegExp[] = [
  ...REACTION_VERBS.map(
    (verbs) => new RegExp(`^(?:${verbs.replace(/\|\s+/gu, '|').replaceAll('#', '.{1,40}? ?')}) ?${QUOTE}`, 'iu'),
  ),
  new RegExp(`^(?:liked|loved|disliked|laughed at|emphasi[sz]ed|questioned|reacted .{1,30}? to) ${PICTURE}$`, 'iu'),
  /^reacted with a sticker/iu,
  new RegExp(
    `^\\p{Extended_Pictographic}[\\p{Extended_Pictographic}\\p{M}\\p{Emoji_Modifier}\\u200d ]*(?:to|zu|à|a|op|on) ${QUOTE}`,
    'iu',
  ),
  // Korean and Japanese: the quote comes first.
  /^["“”„«‹‘'’「『].*["“”»›’'」』] ?[^"“”]{0,24}(?:좋아|하트|사랑|웃|강조|물음표|느낌표|싫어|반응|공감|ハート|いいね|好き|笑|強調|疑問|はてな|リアクション)[^"“”]{0,24}$/u,
];

function isReaction(text: string): boolean {
  const line = text
    .normalize('NFC')
    .replace(/[\u200a-\u200c\u200e\u200f\u2060\ufeff]/gu, '')
    .replace(/[\s\u00a0\u202f]+/gu, ' ')
    .trim();
  return REACTIONS.some((reaction) => reaction.test(line));
}

/**
 * What machines write: absence notes of phones and mailboxes, notes of driving and focus modes, delivery reports. Each
 * begins the text, or says of itself that it is automatic.
 */
const AUTOMATIC: readonly RegExp[] = [
  /^\W*(?:re: *)?(?:out of (?:the )?office|automatic (?:reply|response|message)|auto(?:mated|matic)?[- ]?(?:reply|response|responder|responded)|away message|vacation (?:reply|responder|message)|i am (?:currently )?out of (?:the )?office|i['’]?m (?:currently )?out of (?:the )?office)\b/iu,
  /\bthis is an? (?:auto(?:mated|matic)?|auto[- ]generated) (?:message|reply|response|text|sms)\b/iu,
  /\b(?:do not|don['’]t|please do not) reply to this (?:automated )?(?:message|text|sms|number)\b/iu,
  /i['’]?m not receiving notifications\b/iu,
  /^\W*i['’]?m (?:driving|(?:busy )?driving right now) (?:with|and can['’]?t)\b/iu,
  /^\W*(?:delivery (?:status )?(?:notification|report|receipt|failed|failure)|(?:message|text|sms) (?:delivered|not delivered|undeliverable|could not be delivered|delivery failed|failed to deliver|blocked)|undeliverable|your (?:message|text) (?:was|has been|could not be|was not|cannot be) (?:not )?(?:delivered|sent|received)|mailbox (?:is )?full|free ?msg: ?unable to (?:send|deliver)|(?:error|err): ?\d+|id:\S+ sub:\d+ dlvrd:)/iu,
  /^\W*(?:abwesenheitsnotiz|automatische (?:antwort|nachricht)|(?:dies|das) ist eine automatische|ich bin (?:derzeit |aktuell )?(?:nicht im büro|außer haus)|zustellbericht)/iu,
  /^\W*(?:réponse automatique|message automatique|ceci est un (?:message|texte) automatique|absent du bureau|accusé de réception)/iu,
  /^\W*(?:respuesta autom[aá]tica|mensaje autom[aá]tico|este es un mensaje autom[aá]tico|fuera de (?:la )?oficina|resposta autom[aá]tica|mensagem autom[aá]tica|risposta automatica|messaggio automatico|fuori ufficio|automatisch(?:e)? (?:antwoord|bericht)|afwezigheidsbericht)/iu,
  /^\W*(?:\[?자동 ?(?:응답|회신|답장)|부재중 ?(?:자동)?|\[?自動(?:返信|応答)|不在通知)/u,
];

function isAutomatic(text: string): boolean {
  const line = text.normalize('NFC').trim();
  return AUTOMATIC.some((machine) => machine.test(line));
}
