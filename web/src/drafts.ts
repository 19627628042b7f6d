import type { ShownMessage } from './message-rows.ts';

/*
 * Texts that were written and not sent. They are kept until the page is closed, also while another conversation is open and
 * while the user signs in again. The keys identify the user and the conversation.
 */

/** Texts of new messages. */
export const drafts = new Map<string, string>();

/** Messages that are being edited. */
export const edits = new Map<string, { readonly message: ShownMessage; readonly text: string }>();
