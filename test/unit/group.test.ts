import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { groupRequestBody } from '../../src/domain/group.ts';
import type { ConversationId, UserId } from '../../src/domain/ids.ts';
import { messageBody } from '../../src/domain/message.ts';

test('no message has the same body as a request for a group', () => {
  const participants = ['ada', 'bob', 'cy'] as UserId[];
  const conversationId = randomUUID() as string as ConversationId;
  for (const name of [null, 'Lunch']) {
    const content = `ada\nbob\ncy\n\n${name ?? ''}`;
    for (const receiverId of ['group' as UserId, null]) {
      expect(messageBody({ receiverId, conversationId, content })).not.toBe(
        groupRequestBody({ participants, name }),
      );
    }
  }
});
