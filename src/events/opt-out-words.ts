/**
 * The words by which a person asks for no more texts, or for texts again.
 *
 * English and languages with a script of their own everywhere: those of the carriers (STOP, STOPALL, UNSUBSCRIBE,
 * CANCEL, END, QUIT) and of the FCC's rule of 2025 (47 CFR 64.1200(a)(10): also REVOKE and OPT OUT, and other words
 * that a reasonable person understands so). Other languages where the calling code of the number suggests them. All
 * entries are in the form of `joined` in `text-kind.ts`: small letters, without accents, spaces and punctuation.
 */

/** A language with words of its own here, or a group of neighbours: `pl` also has the Czech ones, `id` the Malay. */
type Language =
  | ('en' | 'es' | 'fr' | 'de' | 'pt' | 'it' | 'nl' | 'nordic' | 'pl' | 'tr' | 'id')
  | ('ko' | 'ja' | 'zh' | 'ru' | 'he' | 'ar' | 'th');

/** The words of one language. */
export interface OptOutWords {
  /** Ask for no more texts, in a sentence of their own anywhere in the message. */
  stop: ReadonlySet<string>;
  /** Ask for no more texts as the whole message only; within one they mean other things ("Monday? Cancel."). */
  stopAlone: ReadonlySet<string>;
  /** Ask for texts again. */
  start: ReadonlySet<string>;
  /** Begin a sentence that asks for no more texts: "Remove me from this list". */
  beginnings: readonly string[];
  /** Change nothing beside the others: "stop, thank you". */
  courtesy: ReadonlySet<string>;
  /** As `courtesy`, at the end of a word in languages without spaces. */
  endings: readonly string[];
}

const words = (list: string): ReadonlySet<string> => new Set(list.split(/\s+/));

const WORDS: Readonly<Record<Language, OptOutWords>> = {
  en: {
    stop: words(
      `stop stopp stopall stopit unsubscribe unsub revoke optout stoptexting stopmessaging stopsending stoptexts
       stopmessages stopallmessages stopalltexts stopsms stopspam stopspamming removeme donttextme donttextmeagain
       donttextmeanymore donottext donottextme donottextmeagain dontmessageme donotmessageme dontcontactme
       donotcontactme donotcontact nomoretexts nomoremessages nomoresms cancelsubscription cancelmysubscription`,
    ),
    stopAlone: words('cancel cancelall end endall quit leavemealone'),
    start: words('start startall unstop yes subscribe resubscribe subscribeme optin optmein starttexting'),
    courtesy: words(
      `please pls plz kindly thanks thank you thankyou thx ty now immediately ok okay hi hello hey no so much very sir
       madam can could would just wrong number person`,
    ),
    beginnings: [
      'unsubscribeme',
      'optmeout',
      'stoptextingme',
      'stoptextingthis',
      'stopmessagingme',
      'stopmessagingthis',
      'stopsendingme',
      'stopsendingthese',
      'stopcontactingme',
      'stopspammingme',
      'removemefrom',
      'removemynumber',
      'takemeoffyour',
      'takemeoffthe',
      'takemeoffthis',
      'iwanttounsubscribe',
      'iwanttooptout',
      'idliketounsubscribe',
      'idliketooptout',
    ],
    endings: [],
  },
  es: {
    stop: words(
      'baja darmedebaja dadmedebaja darsedebaja demedebaja desuscribir desuscribirme nomas nomasmensajes nomassms',
    ),
    stopAlone: words('alto para pare parar parad detener basta cancelar salir fin terminar anular'),
    start: words('alta empezar comenzar iniciar reanudar inscribir suscribir suscribirme'),
    courtesy: words('por favor porfavor gracias muchas ya hola'),
    beginnings: [],
    endings: [],
  },
  fr: {
    stop: words(
      `arret arrett arrete arretez stopper desabonner desabonnement desabonnezmoi desinscrire desinscription
       desinscrivezmoi plusdesms plusdemessages stoppub`,
    ),
    stopAlone: words('arreter annuler fin terminer resilier'),
    start: words('reprendre demarrer commencer debut debuter abonner reabonner inscrire'),
    courtesy: words('svp stp merci beaucoup sil vous te plait s il bonjour maintenant'),
    beginnings: [],
    endings: [],
  },
  de: {
    stop: words(
      `stopp abmelden abbestellen austragen widerruf widerrufe keinesms keinesmsmehr keinenachrichten
       keinenachrichtenmehr`,
    ),
    stopAlone: words('ende beenden aufhoren aufhoeren kundigen kuendigen abbrechen widerrufen schluss'),
    start: words('starten anmelden wiederanmelden'),
    courtesy: words('bitte danke vielen dank sofort hallo'),
    beginnings: [],
    endings: [],
  },
  pt: {
    stop: words('descadastrar descadastrarme naoenviar naoenviemais pararsms nomais'),
    stopAlone: words('parar pare sair cancelar remover fim basta'),
    start: words('iniciar comecar voltar retomar cadastrar'),
    courtesy: words('por favor obrigado obrigada agora ola'),
    beginnings: [],
    endings: [],
  },
  it: {
    stop: words('disiscrivi disiscrivimi disiscriviti disiscrizione cancellami rimuovimi revoca nientesms'),
    stopAlone: words('basta annulla cancella ferma fermate fine interrompi rimuovi esci'),
    start: words('inizia avvia riprendi iscrivi iscrivimi riattiva'),
    courtesy: words('per favore perfavore grazie subito ciao'),
    beginnings: [],
    endings: [],
  },
  nl: {
    stop: words('afmelden uitschrijven stopzetten geensms geenberichten geensmsmeer'),
    stopAlone: words('stoppen einde beeindigen annuleren opzeggen intrekken'),
    start: words('aanmelden inschrijven hervatten beginnen'),
    courtesy: words('alstublieft alsjeblieft aub graag bedankt dank je u nu hallo'),
    beginnings: [],
    endings: [],
  },
  ko: {
    stop: words(
      `수신거부 수신거절 수신차단 문자거부 광고거부 무료수신거부 무료거부 구독취소 구독해지 그만보내세요 그만보내
       보내지마세요 보내지마 보내지마십시오 문자보내지마세요 문자보내지마 연락하지마세요`,
    ),
    stopAlone: words('거부 중지 중단 정지 그만 그만하세요 차단 해지 취소 해제 탈퇴 스톱'),
    start: words('수신동의 수신허용 수신재개 재개 시작 구독'),
    courtesy: words('감사합니다 부탁드립니다 부탁합니다 부탁드려요 좀 지금 바로'),
    beginnings: [],
    endings: ['부탁드립니다', '부탁드려요', '부탁합니다', '감사합니다', '해주세요', '합니다', '할게요', '요청', '요'],
  },
  ja: {
    stop: words(
      `配信停止 配信停止希望 受信拒否 登録解除 配信解除 送らないで 送らないでください
       メッセージ停止 購読解除`,
    ),
    stopAlone: words('停止 解除 退会 中止 拒否 ストップ やめて やめてください キャンセル 終了'),
    start: words('再開 開始 配信再開 登録 配信登録 スタート'),
    courtesy: words('お願いします おねがいします ありがとうございます'),
    beginnings: [],
    endings: [
      'をお願いします',
      'お願いします',
      'おねがいします',
      'ありがとうございます',
      'してください',
      '希望',
      'します',
      'です',
    ],
  },
  zh: {
    stop: words('退订 退訂 取消订阅 取消訂閱 拒收 拒收短信 不要再发 不要再發'),
    stopAlone: words('停止 取消 终止 終止'),
    start: words('订阅 訂閱 恢复 恢復 开始 開始'),
    courtesy: words('请 請 谢谢 謝謝'),
    beginnings: [],
    endings: ['谢谢', '謝謝'],
  },
  ru: {
    stop: words('стоп отписаться отписка отпишите отпишитеменя отписатьменя неписать непишите'),
    stopAlone: words('отмена отменить хватит прекратить'),
    start: words('старт подписаться возобновить'),
    courtesy: words('пожалуиста спасибо'),
    beginnings: [],
    endings: [],
  },
  he: {
    stop: words('הסר הסירו הסרה הסירואותי להסרה'),
    stopAlone: words('עצור הפסק ביטול בטל'),
    start: words('הצטרף התחל'),
    courtesy: words('בבקשה תודה'),
    beginnings: [],
    endings: [],
  },
  ar: {
    stop: words('إلغاءالاشتراك الغاءالاشتراك إلغاءالإشتراك'),
    stopAlone: words('إلغاء الغاء توقف قف إيقاف ايقاف'),
    start: words('اشتراك ابدأ'),
    courtesy: words('شكرا'),
    beginnings: [],
    endings: [],
  },
  th: {
    stop: words('ยกเลิกรับข้อความ หยุดส่งข้อความ'),
    stopAlone: words('ยกเลิก หยุด'),
    start: words('เริ่ม สมัคร'),
    courtesy: words('ครับ ค่ะ ขอบคุณ'),
    beginnings: [],
    endings: ['ครับ', 'ค่ะ'],
  },
  nordic: {
    stop: words('stopp avregistrera avprenumerera avmeld avmeldes afmeld frameld peruuta lopeta'),
    stopAlone: words('avsluta avbryt avslut afslut annuller ophor lopettaa peru'),
    start: words('starta starte tilmeld pamelding aloita'),
    courtesy: words('tack tak takk kiitos snalla vanligen venligst vennligst'),
    beginnings: [],
    endings: [],
  },
  pl: {
    stop: words('wypisz wypiszmnie rezygnuje rezygnacja odhlasit odhlaste'),
    stopAlone: words('koniec anuluj zakoncz zrusit konec'),
    start: words('wznow zapisz prihlasit'),
    courtesy: words('prosze dziekuje prosim dekuji'),
    beginnings: [],
    endings: [],
  },
  tr: {
    stop: words('iptal ret red abonelikiptal'),
    stopAlone: words('dur durdur'),
    start: words('basla onay'),
    courtesy: words('lutfen tesekkurler'),
    beginnings: [],
    endings: [],
  },
  id: {
    stop: words('berhenti berhentilangganan unreg'),
    stopAlone: words('batal henti'),
    start: words('mulai mula langganan'),
    courtesy: words('tolong terimakasih kasih terima'),
    beginnings: [],
    endings: [],
  },
};

/** Written in a script of their own, these cannot be mistaken for words of another language, so they count everywhere. */
const OF_ANY_COUNTRY: readonly Language[] = ['en', 'ko', 'ja', 'zh', 'ru', 'he', 'ar', 'th'];

/** Calling codes, which are free of prefixes of one another, with the languages beside those that count everywhere. */
const LANGUAGES: readonly (readonly [languages: readonly Language[], callingCodes: string])[] = [
  [['es', 'fr'], '1'],
  [['es'], '34 51 52 53 54 56 57 58 240 502 503 504 505 506 507 591 593 595 598'],
  [
    ['fr'],
    '33 212 213 216 221 222 223 224 225 226 227 228 229 235 236 237 241 242 243 253 257 261 262 269 377 509 590 594 596 687 689',
  ],
  [['de', 'fr', 'it'], '41'],
  [['de', 'fr'], '352'],
  [['fr', 'nl', 'de'], '32'],
  [['de'], '43 49 423'],
  [['pt'], '55 238 239 244 245 258 351 670'],
  [['it', 'de'], '39'],
  [['it'], '378 379'],
  [['nl'], '31 297 597 599'],
  [['nordic'], '45 46 47 358'],
  [['pl'], '48 420'],
  [['tr'], '90'],
  [['id'], '60 62'],
];

const LANGUAGES_BY_CODE: ReadonlyMap<string, readonly Language[]> = new Map(
  LANGUAGES.flatMap(([languages, codes]) => codes.split(' ').map((code) => [code, languages] as const)),
);

/** The words that count for a number. @param number in E.164; any other text gets those that count everywhere. */
export function optOutWordsFor(number: string): readonly OptOutWords[] {
  const digits = /^\+(\d{1,3})/.exec(number)?.[1] ?? '';
  const languages = [1, 2, 3].map((length) => LANGUAGES_BY_CODE.get(digits.slice(0, length))).find((found) => found);
  return [...OF_ANY_COUNTRY, ...(languages ?? [])].map((language) => WORDS[language]);
}

/** Every entry of the tables, for their test. */
export function allOptOutWords(): string[] {
  return Object.values(WORDS).flatMap(({ stop, stopAlone, start, beginnings, courtesy, endings }) => [
    ...stop,
    ...stopAlone,
    ...start,
    ...beginnings,
    ...courtesy,
    ...endings,
  ]);
}
