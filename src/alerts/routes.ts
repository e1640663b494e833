import { z } from 'zod';
import { ApiError, type ApiRoute } from '../admin/api';
import { ALERT_KINDS, type AlertKind, type AlertRoute } from '../rules/alert-route';
import type { Alert } from './alert';
import type { AlertBook, Silence } from './book';
import type { Outcome, Teller } from './teller';

const MOST = 1_000;
const KINDS = ['all', ...Object.keys(ALERT_KINDS)] as ['all', ...AlertKind[]];
const silenceRequest = z.strictObject({ kind: z.enum(KINDS).default('all'), until: z.iso.datetime({ offset: true }) });
const testRequest = z.strictObject({ route: z.string().min(1).max(64).optional() });

/** What `GET /alerts` answers. */
export interface AlertsAnswer {
  alerts: Alert[];
  /** Tellings that did not get through: a code, by alert and route. */
  not_told: { alert: number; route: string; problem: string }[];
  silences: Silence[];
  /** The names of the entries of `alerts:` in force. */
  routes: string[];
}

/** How a test alert ended: the code of the failure by route, null where it was sent. */
export interface TestAnswer {
  /** By route: which way told it, and which failed. No name of a route begins with an underscore. */
  _ways: Record<string, Outcome>;
  [route: string]: string | null | Record<string, Outcome>;
}

/** The alerts as calls of the API. */
export function alertRoutes(options: {
  book: AlertBook;
  teller: Teller;
  routes: () => readonly AlertRoute[];
  /** Adds an entry to the audit log. */
  record: (who: string, operation: string, detail: object) => void;
}): ApiRoute[] {
  const { book, teller, routes, record } = options;
  return [
    {
      method: 'GET',
      path: '/alerts',
      run: ({ query }) => {
        const limit = Math.min(Math.max(Number(query['limit'] ?? 20) || 20, 1), MOST);
        const answer: AlertsAnswer = {
          alerts: book.list(limit),
          not_told: book.problems(),
          silences: book.silences(),
          routes: routes().map(({ name }) => name),
        };
        return Promise.resolve(answer);
      },
    },
    {
      method: 'POST',
      path: '/alerts/:id/ack',
      run: async ({ params, who }) => {
        const id = Number(params['id']);
        if (!Number.isInteger(id) || !book.ack(id, who)) {
          throw new ApiError(
            404,
            'unknown_alert',
            `no alert ${params['id'] ?? ''} lasts; bridge alerts list shows them`,
          );
        }
        record(who, 'alerts.ack', { alert: id });
        return Promise.resolve({ alert: id, acked_by: who });
      },
    },
    {
      method: 'POST',
      path: '/alerts/silence',
      run: async ({ body, who }) => {
        const request = silenceRequest.safeParse(body);
        if (!request.success) {
          throw new ApiError(400, 'wrong_request', `give a kind (${KINDS.join(', ')}) and until when`);
        }
        const { kind, until } = request.data;
        book.silence(kind, new Date(until), who);
        record(who, 'alerts.silence', { kind, until });
        return Promise.resolve({ kind, until });
      },
    },
    {
      method: 'POST',
      path: '/alerts/test',
      run: async ({ body, who }) => {
        const request = testRequest.safeParse(body ?? {});
        const name = request.success ? request.data.route : undefined;
        const known = routes();
        const chosen = known.filter((route) => name === undefined || route.name === name);
        if (!request.success || chosen.length === 0) {
          throw new ApiError(
            404,
            'unknown_route',
            known.length === 0
              ? 'the rule files have no alerts: see "An alert" in docs/rules.md'
              : `there is no alert ${name ?? ''}; there are ${known.map((route) => route.name).join(', ')}`,
          );
        }
        const answer: TestAnswer = { _ways: {} };
        for (const route of chosen) {
          const outcome = await teller.test(route, who);
          answer[route.name] = outcome.problem;
          answer._ways[route.name] = outcome;
        }
        record(who, 'alerts.test', { routes: Object.keys(answer._ways) });
        return answer;
      },
    },
  ];
}
