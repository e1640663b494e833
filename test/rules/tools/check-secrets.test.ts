import { formatFinding } from '../../../src/yaml/format-findings';
import { checkSecrets, type KnownSecrets } from '../../../src/rules/tools/check-secrets';
import { ruleSetOf } from '../load-text';

const { rules } = ruleSetOf(`version: 1
rules:
  - name: push
    on: message_created
    do: [{ http.request: { url: "https://crm.example/", headers: { Authorization: "Bearer \${env:CRM_TOKEN}" } } }]
`);

test.each<[of: KnownSecrets['of'], says: RegExp]>([
  ['worker', /CRM_TOKEN is not set for the running bridge; set it$/],
  ['machine', /CRM_TOKEN is not set for this command; the worker reads its own environment: .*; else set it$/],
  ['receiver', /CRM_TOKEN is not set for this receiver; the worker reads its own environment: .*; else set it$/],
])('a secret that is missing is missing for who looked: %s', (of, says) => {
  const lookUp: KnownSecrets['lookUp'] = () => ({
    ok: false,
    kind: 'missing',
    message: 'CRM_TOKEN is not set',
    hint: 'set it',
  });
  expect(checkSecrets(rules, { of, lookUp }).map(formatFinding)).toEqual([expect.stringMatching(says)]);
});
