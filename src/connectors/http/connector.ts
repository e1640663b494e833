import { z } from 'zod';
import { hostList } from '../../net/host-list';
import { defineConnector } from '../connector';
import { HttpClient } from './client';
import { httpRequest } from './request';

const settings = z.strictObject({
  allow: hostList()
    .prefault('')
    .describe('Private hosts, addresses or CIDRs that requests may reach, comma-separated; public ones always may.'),
});

/** Requests to any HTTP server, for services without a connector of their own. */
export const http = defineConnector({
  name: 'http',
  summary: 'HTTP: requests to any server, for services without a connector of their own.',
  connection: {
    settings,
    environment: { allow: 'BRIDGE_HTTP_ALLOW' },
    credentials: [],
    allowedHosts: ({ allow }) => allow,
    open: ({ allow }: z.infer<typeof settings>) => new HttpClient(allow),
    close: (client) => client.close(),
  },
  actions: { request: httpRequest },
});
