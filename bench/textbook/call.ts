/** The textbook program's input for an ended call: what the bridge's rule writes into the CRM. */
export interface EndedCall {
  id: string;
  peer: string;
  occurred_at: string;
  reason: string;
}

/** The task queue of the textbook program. */
export const TEXTBOOK_QUEUE = 'textbook';
