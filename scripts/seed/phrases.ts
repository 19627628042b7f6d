import { oneOf, type Random } from './random.ts';
import type { Part } from './message-times.ts';

/** Makes the content of message `index` of a conversation, in the given part of an exchange. */
export type TextGenerator = (context: {
  readonly index: number;
  readonly part: Part;
  readonly random: Random;
}) => string;

type Phrases = Readonly<Record<Part, readonly string[]>>;

const ENGLISH: Phrases = {
  opening: [
    'Hey, are you around?',
    'Good morning! Did you sleep well?',
    'Are we still on for tonight?',
    'Quick question: do you have the address?',
    'You won’t believe what just happened 😂',
    'Happy birthday!! 🎂🎉',
    'Did you see the match last night?',
    'Can you pick up some milk on your way home?',
    'I just landed ✈️',
    'Hi Ben,\nthe invoice is in your inbox.\nLet me know if anything is missing.',
    'So, about the trip: the early train is cheaper but leaves at six, the late one has a change in the middle of nowhere, and driving means that one of us stays sober on Saturday. What do you prefer?',
  ],
  answer: [
    'Yes!',
    'No idea, let me check',
    'Give me five minutes',
    'Sounds good 👍',
    'On my way',
    'I’d rather do Thursday, if that works for you',
    'Haha, of course',
    'Really? Since when?',
    'I sent it to you by mail',
    'Sorry, was in a meeting',
    '👀',
    'Let’s ask the others as well',
    'https://example.com/tickets?seats=2&row=K#plan',
    'That’s 12.50 each, I think',
    'ok',
  ],
  closing: ['See you then!', 'Perfect, thanks ❤️', 'Talk later 👋', 'Good night 🌙', '👍🏽', 'Done ✅'],
};

const OTHER_LANGUAGES: readonly Phrases[] = [
  {
    opening: [
      '¿Qué tal todo?',
      '¿Quedamos mañana para tomar un café?',
      'Oye, ¿tienes el número de Lucía?',
      '¡Feliz cumpleaños! 🥳',
      '¿A qué hora sale el autobús?',
      'He encontrado tus gafas 👓',
      '¿Viste lo de Marta?',
      'Ya estoy en casa',
      '¿Me pasas la receta?',
    ],
    answer: ['Sí, claro', 'Todavía no', 'Jajaja 😂', 'Espera, te llamo', 'Más o menos', '¿En serio?', 'Vale'],
    closing: ['¡Hasta luego!', 'Un beso 😘', 'Nos vemos el sábado', 'Gracias 🙏'],
  },
  {
    opening: [
      'Kommst du heute später?',
      'Weißt du, wo der Schlüssel liegt?',
      'Schönes Wochenende gehabt?',
      'Wollen wir am Sonntag an den See? 🏊',
      'Das Paket ist da',
      'Hast du kurz Zeit?',
      'Rate mal, wen ich getroffen habe',
      'Brauchen wir noch Brot?',
    ],
    answer: ['Ja, gerne', 'Bin gleich da', 'Keine Ahnung 🤷', 'Geht auch halb acht?', 'Äh, nein', 'Mach ich'],
    closing: ['Bis später!', 'Danke dir 😊', 'Tschüss', 'Schlaf gut 😴'],
  },
  {
    opening: [
      'Tu es où ?',
      'On se voit ce soir ?',
      'T’as vu le dernier épisode ?',
      'Devine où je suis',
      'Tu as cinq minutes ?',
      'Il reste du pain ?',
      'Bien arrivée 🚄',
    ],
    answer: ['J’arrive', 'Bof…', 'Pas de souci', 'Ça marche', 'Mdr 😆', 'Demain plutôt, ça t’irait ?'],
    closing: ['À tout à l’heure', 'Bisous', 'Merci beaucoup 🙏'],
  },
  {
    opening: [
      'Oi, tudo bem?',
      'Vamos à praia no domingo? 🏖️',
      'Você já almoçou?',
      'Chegou a encomenda 📦',
      'Viu a minha mensagem?',
      'Que horas é o jogo? ⚽',
      'Estou no ônibus',
    ],
    answer: ['Tudo ótimo', 'Kkkkk', 'Já vou', 'Não sei ainda', 'Pode ser às três?', 'Que bom!'],
    closing: ['Até amanhã', 'Beijo 💚', 'Valeu!'],
  },
  {
    opening: [
      'Привет! Как дела?',
      'Ты сегодня дома?',
      'Ты видел новости?',
      'Где ты?',
      'Купи, пожалуйста, хлеба',
      'Я уже дома',
      'Во сколько встречаемся?',
    ],
    answer: ['Нормально, а у тебя?', 'Да', 'Сейчас посмотрю', 'Ого 😮', 'Через час буду', 'Конечно'],
    closing: ['До завтра', 'Спасибо!', 'Спокойной ночи ✨'],
  },
  {
    opening: [
      'كيف حالك؟',
      'هل وصلت إلى البيت؟',
      'متى نلتقي غدًا؟',
      'صباح الخير ☀️',
      'أين أنت الآن؟',
      'هل أنت مشغول؟',
      'وصلتني الصور، شكرًا',
    ],
    answer: ['الحمد لله، وأنت؟', 'نعم', 'لا أعرف بعد', 'انتظرني خمس دقائق', 'هههه 😂', 'إن شاء الله'],
    closing: ['مع السلامة', 'شكرًا جزيلًا', 'تصبح على خير 🌙'],
  },
  {
    opening: [
      'नमस्ते, कैसे हो?',
      'आज शाम मिलें?',
      'खाना खा लिया?',
      'कहाँ हो?',
      'ट्रेन छूट गई 😩',
      'कल छुट्टी है क्या?',
      'फ़ोटो भेज दो',
    ],
    answer: ['ठीक हूँ', 'हाँ', 'अभी नहीं', 'पाँच मिनट में आता हूँ', 'सच में? 😄', 'चलो ठीक है'],
    closing: ['फिर मिलेंगे', 'धन्यवाद 🙏', 'शुभ रात्रि'],
  },
  {
    opening: [
      '今どこ？',
      '明日の会議、何時からだっけ？',
      '写真送ったよ📷',
      '電車遅れてる',
      '今日は寒いね',
      '週末、空いてる？',
    ],
    answer: ['駅に着いたところ', 'いいね！', '了解です🙇‍♀️', 'ちょっと待って', '笑', 'たぶん大丈夫'],
    closing: ['またね👋', 'ありがとう！', 'おやすみ😴'],
  },
  {
    opening: [
      '在吗？',
      '你吃饭了吗？',
      '周末一起去爬山吧⛰️',
      '到家了吗？',
      '明天几点开会？',
      '看，下雪了❄️',
      '文件发给你了',
    ],
    answer: ['好的', '马上到', '哈哈哈😂', '不太清楚', '我问一下', '几点？', '没问题'],
    closing: ['明天见', '谢谢🙏', '晚安🌙'],
  },
  {
    opening: [
      '뭐 해?',
      '오늘 저녁에 시간 있어?',
      '잘 도착했어?',
      '사진 봤어?',
      '내일 몇 시에 만날까?',
      '비 온다 ☔',
      '나 지금 버스야',
    ],
    answer: ['응, 괜찮아', '잠깐만', 'ㅋㅋㅋㅋ', '진짜? 😳', '아직 몰라', '지금 가는 중이야'],
    closing: ['내일 봐', '고마워 💛', '잘 자'],
  },
];

/** Most of these have more than one code point: a family, flags, a skin tone, a profession. */
const EMOJI = ['🙂', '😅', '🔥', '💪🏿', '👨‍👩‍👧‍👦', '🏳️‍🌈', '🇧🇷', '👩🏽‍🚀', '❤️‍🔥'];

const NOTES = [
  'Milk, eggs, coriander, light bulbs (E27)',
  'Call the dentist ☎️',
  'Wi-Fi at the cabin: forest-guest / blueberry-47',
  'Idea: postcards, but with a map on the back 💡',
  'https://example.com/recipes/shakshuka',
  'Flat 3B, code 0412#, second bell',
];

const INTRODUCTION =
  'Hello, we don’t know each other, but I live next door, and a parcel of yours was left with me this morning. ' +
  'It’s the size of a cello 🎻 and blocks my hallway, so I’d be glad if you could come by any time after six. ' +
  'No hurry if today is bad; I have begun to climb over it quite elegantly.';

/** Makes the texts of a chat in one language. */
export function chatText(languageRandom: Random): TextGenerator {
  const phrases = languageRandom() < 0.4 ? ENGLISH : oneOf(OTHER_LANGUAGES, languageRandom);
  return ({ part, random }) => {
    const phrase = oneOf(phrases[part], random);
    return random() < 0.1 ? `${phrase} ${oneOf(EMOJI, random)}` : phrase;
  };
}

/** Makes the texts of notes to oneself. */
export const noteText: TextGenerator = ({ index }) => NOTES[index % NOTES.length] ?? '';

/** Makes the text of a first message, longer than an inbox preview. */
export const introductionText: TextGenerator = () => INTRODUCTION;

const GIVEN_NAMES =
  'Ada Mateo Yuki Fatima Jonas Priya Chidi Zoë Дмитрий 小雨 Léa Omar Ji-woo Ingrid Tomás Nia أمينة Kofi Ngọc Sam'.split(
    ' ',
  );

const FAMILY_NAMES =
  'Okafor García Tanaka Haddad Lindqvist Sharma Eze Müller Ivanov Chen Dubois Rahman Park Nyström O’Brien Mwangi Cohen Mensah Trần Kowalski'.split(
    ' ',
  );

/** The name of the user with this `number`, from 1. The names of the first 400 users are unique. */
export function usernameOf(number: number): string {
  const index = number - 1;
  const given = GIVEN_NAMES[index % GIVEN_NAMES.length] ?? '';
  const round = Math.floor(index / GIVEN_NAMES.length);
  const family = FAMILY_NAMES[(index + round) % FAMILY_NAMES.length] ?? '';
  return `${given} ${family}`;
}
