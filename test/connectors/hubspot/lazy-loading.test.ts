import { connectors } from '../../../src/connectors/registry';

jest.mock('@hubspot/api-client/lib/codegen/crm/objects/index', () => {
  throw new Error('the generated code of HubSpot’s SDK was loaded');
});

jest.mock('undici', () => {
  throw new Error('the HTTP client was loaded');
});

test('neither the SDK’s generated code nor the HTTP client is loaded with the connectors, which every command reads', () => {
  expect(connectors.map(({ name }) => name)).toContain('hubspot');
});
