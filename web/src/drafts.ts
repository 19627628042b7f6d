import type { ShownMessage } from './message-rows.ts';

/*
 * What was written and is not sent, until the page is closed: also while another conversation is open, and while one signs in
 * again. The keys identify the user and the conversation.
 */

/** Texts of new messages. */
export const drafts = new Map<string, string>();

/** Messages that are being edited. */
export const edits = new Map<string, { readonly message: ShownMessage; readonly text: string }>();
