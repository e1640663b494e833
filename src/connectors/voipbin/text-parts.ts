/** Most carriers take a text of at most ten parts (Telnyx, "SMS chunking"). */
export const MAX_PARTS = 10;

/** The characters of the carriers' 7-bit alphabet; those of the second group take two places. */
const GSM = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà^{}\\[~\]|€\f]*$/u;
const TWO_PLACES = /[\^{}\\[~\]|€\f]/gu;

/** In how many parts a text is sent: of 153 characters, or of 67 when one of them is outside the 7-bit alphabet. */
export function partsOf(text: string): number {
  const isGsm = GSM.test(text);
  const places = isGsm ? text.length + (text.match(TWO_PLACES)?.length ?? 0) : text.length;
  const [alone, each] = isGsm ? [160, 153] : [70, 67];
  return places <= alone ? 1 : Math.ceil(places / each);
}
