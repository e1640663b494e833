/**
 * The address of a run's page in the Temporal UI.
 *
 * @param uiUrl base address of the UI, with or without a slash at the end: `http://127.0.0.1:8233`.
 * @param runId selects one run of the workflow id; without it the UI shows the latest.
 */
export function runLink(uiUrl: string, namespace: string, workflowId: string, runId?: string): string {
  // Ids contain slashes and `#`. The UI expects an id as one encoded path segment.
  const workflow = `${uiUrl.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  return runId === undefined ? workflow : `${workflow}/${encodeURIComponent(runId)}/history`;
}
