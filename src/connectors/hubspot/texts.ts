/** HubSpot takes at most this many characters of a text (documented for the bodies of activities). */
const MAX_CHARS = 65_536;
const CUT = '…';

/** A text as HubSpot takes it: without NUL and halves of surrogate pairs, and cut to its longest. */
export function fitText(text: string): string {
  const clean = wellFormed(text);
  return clean.length <= MAX_CHARS ? clean : `${wholeCharacters(clean.slice(0, MAX_CHARS - CUT.length))}${CUT}`;
}

/** Like {@link fitText}, for HTML: never cut within a tag or an entity. HubSpot closes what is open. */
export function fitHtml(html: string): string {
  const clean = wellFormed(html);
  if (clean.length <= MAX_CHARS) {
    return clean;
  }
  const cut = wholeCharacters(clean.slice(0, MAX_CHARS - CUT.length));
  return `${cut.replace(/<[^<>]*$/, '').replace(/&[#\w]{0,31}$/, '')}${CUT}`;
}

function wellFormed(text: string): string {
  return text.replaceAll('\0', '').replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Without the half of a surrogate pair that a cut left at the end. */
function wholeCharacters(text: string): string {
  return text.replace(/\p{Surrogate}$/u, '');
}
