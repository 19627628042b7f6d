import { memoryStorage } from '../support/memory-storage.ts';
import type {
  AppendResult,
  MessageRepository,
  AppendRequest,
} from '../../src/application/ports/message-repository.ts';
import { methodsOf, wrapStorage, type Storage } from '../../src/application/ports/storage.ts';
import type { SentMessage } from '../../src/domain/message.ts';
import type { StorageSubject } from './contract.ts';

/** A mutant: a subject, by default a storage, that breaks a clause, and a description of its fault. */
export interface Mutant<Subject = StorageSubject> {
  readonly how: string;
  readonly makeSubject: () => Subject;
}

/** At least one mutant for each clause of a contract, which proves that the check can fail. */
export type Mutants<Clauses, Subject = StorageSubject> = {
  readonly [Clause in keyof Clauses]: readonly [Mutant<Subject>, ...Mutant<Subject>[]];
};

/** The replaced methods of a mutant: of its repositories or of the storage itself. */
type Breakage = {
  readonly [Part in keyof Storage]?: Storage[Part] extends (...given: never[]) => unknown
    ? Storage[Part]
    : Partial<Storage[Part]>;
};

/** A mutant of the memory storage, with the methods in `breakage` replaced. */
export function broken(how: string, breakage: (correct: Storage) => Breakage): Mutant {
  return {
    how,
    makeSubject: () => {
      const correct = memoryStorage();
      const storage = withBreakage(correct, breakage(correct));
      return { processes: [storage, storage], open: () => Promise.resolve(storage) };
    },
  };
}

/** The same, with the fault in each process over one correct store. */
export function brokenInEachProcess(how: string, breakage: (correct: Storage) => Breakage): Mutant {
  return {
    how,
    makeSubject: () => {
      const correct = memoryStorage();
      const process = () => withBreakage(correct, breakage(correct));
      return { processes: [process(), process()], open: () => Promise.resolve(process()) };
    },
  };
}

/** `storage` with the methods in `breakage` replaced. */
export function withBreakage(storage: Storage, breakage: Breakage): Storage {
  const parts = Object.entries(storage).map(([name, part]: [string, object]) => {
    const own: object | undefined = breakage[name as keyof Storage];
    if (typeof part === 'function') return [name, own ?? part];
    return [name, { ...methodsOf(part), ...own }];
  });
  return Object.fromEntries(parts) as Storage;
}

/** A storage whose methods, including those of its repositories, are all `method`, except `close`. */
export function storageThat(method: () => Promise<never>): Storage {
  const correct = memoryStorage();
  return { ...wrapStorage(correct, () => method), readinessProblems: method, close: () => correct.close() };
}

/** Caches the first result of each call forever. */
export function cached<Question extends readonly unknown[], Answer>(
  method: (...question: Question) => Promise<Answer>,
): (...question: Question) => Promise<Answer> {
  const answers = new Map<string, Promise<Answer>>();
  return (...question) => {
    const name = JSON.stringify(question);
    const answer = answers.get(name) ?? method(...question);
    answers.set(name, answer);
    return answer;
  };
}

/** Implements idempotency keys correctly, except for the overrides in `wrong`. */
export function keepingKeys(
  { messages }: Storage,
  wrong: {
    readonly nameOf?: (message: SentMessage, key: string) => string;
    readonly isRepeat?: (first: SentMessage, message: SentMessage) => boolean;
    readonly isForgotten?: (first: SentMessage, message: SentMessage) => boolean;
    readonly pause?: () => Promise<void>;
    readonly onRepeat?: (first: SentMessage, appendRequest: AppendRequest) => Promise<AppendResult>;
    readonly onRefusal?: (appendRequest: AppendRequest) => Promise<unknown>;
  },
): Pick<MessageRepository, 'append'> {
  const {
    nameOf = ({ senderId }, key) => `${senderId} ${key}`,
    isRepeat = (first, { receiverId, content }) =>
      first.receiverId === receiverId && first.content === content,
    isForgotten = () => false,
    pause,
    onRepeat = (message) => Promise.resolve({ outcome: 'repeated', message }),
    onRefusal = () => Promise.resolve(),
  } = wrong;
  const claims = new Map<string, SentMessage>();
  return {
    async append(appendRequest) {
      const { message, idempotencyKey } = appendRequest;
      const unnamed = { ...appendRequest, idempotencyKey: null };
      if (idempotencyKey === null) return messages.append(unnamed);
      const name = nameOf(message, idempotencyKey);
      const first = claims.get(name);
      if (first !== undefined && !isForgotten(first, message)) {
        if (isRepeat(first, message)) return onRepeat(first, unnamed);
        await onRefusal(unnamed);
        return { outcome: 'key_reused' };
      }
      // Even an await of nothing would add a gap.
      if (pause !== undefined) await pause();
      claims.set(name, message);
      return messages.append(unnamed);
    },
  };
}
