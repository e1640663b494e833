/**
 * The page of a run in the Temporal UI.
 *
 * @param uiUrl base address of the UI, with or without a slash at its end: `http://127.0.0.1:8233`.
 * @param runId one particular run of that id; without it the UI goes to the latest.
 */
export function runLink(uiUrl: string, namespace: string, workflowId: string, runId?: string): string {
  // Ids hold slashes and `#`; the UI takes an id as one encoded segment of the path.
  const workflow = `${uiUrl.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  return runId === undefined ? workflow : `${workflow}/${encodeURIComponent(runId)}/history`;
}
