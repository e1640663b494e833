import type { StepErrorCode } from '../../errors/step-errors';
import { ActionError } from '../action-error';

/** A segment that climbs or stays in a path, also in percent notation. */
const DOT_SEGMENT = /(?:^|[/\\])(?:\.|%2e){1,2}(?=$|[/\\])/i;

/**
 * Reads the rendered URL of a request.
 * @throws ActionError `permanent` when it is not a URL, is not http(s), has a user or password, or has a `..` in its
 *   path: a value that a template inserts must not lead to another resource.
 */
export function readTarget(text: string): URL {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  if (url === null) {
    throw refused(
      'invalid_url',
      'the rendered url is not a URL',
      'Write out scheme and host in the rule (https://host/…): values that templates insert are encoded.',
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused('invalid_url', 'the url is neither http nor https', 'Look at `url` in the rule.');
  }
  if (url.username !== '' || url.password !== '') {
    throw refused(
      'credentials_in_url',
      'the url holds a user or password',
      'Put the credential into a header, such as Authorization.',
    );
  }
  if (
    DOT_SEGMENT.test(
      text
        .trim()
        .replace(/^[a-z]+:[/\\]*[^/\\?#]*/i, '')
        .replace(/[?#].*$/s, ''),
    )
  ) {
    throw refused(
      'invalid_url',
      'the path of the rendered url has a segment of dots',
      'Look at the templates in `url`: one of them rendered to dots.',
    );
  }
  url.hash = '';
  return url;
}

/**
 * Returns the URL that an answer redirects to; never from https to http.
 * @throws ActionError `permanent` when requests may not go there.
 */
export function readRedirect(location: string | null, from: URL): URL {
  const url = location !== null && URL.canParse(location, from.href) ? new URL(location, from) : null;
  const fine =
    url !== null &&
    url.username === '' &&
    url.password === '' &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && from.protocol === 'http:'));
  if (!fine) {
    throw refused(
      'invalid_redirect',
      `${from.hostname} redirects to a URL that the bridge does not follow`,
      'Set `url` in the rule to the final address.',
    );
  }
  url.hash = '';
  return url;
}

function refused(code: StepErrorCode, message: string, remedy: string): ActionError {
  return new ActionError('permanent', message, { connection: 'http', code, remedy });
}
