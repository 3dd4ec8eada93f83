// Text to train small vocabularies on, and strings that are hard to tokenize. All of it written for these tests.

export const corpus = `
When the ferry left the harbour, Anna and Tom counted the gulls; there were 14 of them, or 15 if you count the one asleep.
Tom said that he'd rather walk. "We're late," Anna replied, "and it's raining." They'll take the 7:45 train, won't they?
The keeper's lamp burned from 1873 until 1921, then they've kept it dark. I'm told he didn't mind. SHE DIDN'T MIND EITHER.
In the workshop a machine prints 1,024 labels an hour; 3.14159 of them are round. def area(r):\n    return 3.14159 * r ** 2\n
for (int i = 0; i < 100; i++) { total += values[i]; }  // adds up\n\tif (total > 0xFF) return -1;\n
Der Müller fährt über die Brücke, während die Möwen schreien. Straße, Größe, schön. Où est l'été? À côté, près de la forêt.
El niño corrió; mañana será otro día. Łódź, Kraków, žluťoučký kůň. Съешь ещё этих мягких булок. Мы идём домой, а вы идёте в лес.
Το πλοίο φεύγει αύριο. 今日は天気がいいですね。東京から京都まで二時間です。我们明天去北京。한국어 문장도 하나 있습니다.
مرحبا بالعالم. שלום עולם. नमस्ते दुनिया, यह एक वाक्य है. สวัสดีชาวโลก 😀 😀 👍🏽 👩‍👩‍👧 🇩🇪 ½ ¾ ² Ⅷ ① ﬁne ﬂow
The train to the north, the boat to the south, the road to the east: the other one went nowhere. Nothing there, no one here.
They were walking, talking, singing and walking again; the walker talked and the talker walked.    Four spaces.\r\n\r\nEnd.
`;

export const strings = [
    '', ' ', '  ', '   ', '\n', '\r\n', '\n\n\n', '\t', ' \t \n ', '\n  a', 'a\n', 'a  ', '  a', ' a ', 'a  b', 'a   b', 'a \n b', 'a\n\n b', ' \n\n', 'x\r\n\r\ny',
    'Hello', ' Hello', 'Hello world', 'Hello  world', 'Hello, world!', 'hello WORLD', 'The quick brown fox', "it's", "IT'S", "It'S we'RE they'LL I'M",
    "he'd've", "'s 't 're 've 'm 'll 'd", "''''", "'", "s'", "don't won't can't", "'ſ x'ſ", "l'été", 'rock ’n’ roll', 'naïve café', 'nai\u0308ve cafe\u0301',
    '1', '12', '123', '1234', '12345', '1234567', '3.14159', '1,024', '0xFF', '-1', '1e-10', '２０２４', '١٢٣٤', '½ ¾ ²³', 'Ⅷ Ⅳ', '①②', 'a1b2c3', '7:45', '1873-1921',
    '!', '!!!', '?!?!', '...', '…', '--', '—', '(a)', '[b]', '{c}', '<d>', '"quoted"', '“quoted”', '«à»', '¿qué?', '$5 €6 £7', '+-*/=', '#tag @user', 'a_b_c', '__init__', 'C:\\dir',
    'http://example.org/a?b=c&d=%20', 'x = y+1;', 'if (a<b) { return; }', '    indented', '\tdef f(x):\n\t\treturn x', '// comment\n', '!\n', '! \n', ' !\n\n', '.\r\n', '))\n\n  x',
    'Müller', 'Straße', 'GRÖSSE', 'žluťoučký kůň', 'Съешь ещё', 'МОСКВА', 'ΣΑΣ σας', 'İstanbul ıI', 'ǅ ǆ Ǆ', 'ﬁne ﬂow', 'Ⓐⓑ', 'ª º', '𝒜𝓫𝔠', '𐐀𐐨', '𝟘𝟙𝟚',
    '日本語', '今日は天気がいいですね。', '东京 2024年', '한국어 문장', '\u1112\u1161\u11ab', 'ﾊﾝｶｸ', '𠮷野家', '々〆〇', '漢字kanji漢字',
    'مرحبا بالعالم', 'שָׁלוֹם', 'नमस्ते दुनिया', 'ภาษาไทย', 'தமிழ்', '\u0627\u0654', 'ﷺ', 'ﬀ ﬃ', 'ကမ္ဘာ',
    '😀', ' 😀', '😀😀', 'a😀b', '👍🏽', '👩‍👩‍👧', '🇩🇪', '☺️', '©®™', '🏴‍☠️', '1️⃣',
    'e\u0301', '\u0301', ' \u0301', 'a\u0301\u0327', 'a\u0327\u0301', '\u0344', 'q\u0307\u0323', '\u212b Å A\u030a', 'Z\u0351\u036b\u0343a\u0363l\u035e', '\u1e9b\u0323', '\u0f73\u0f71',
    '\0', 'a\0b', '\u0001\u0002', '\u007f', '\u0085', 'a\u0085b', '\u00a0', 'a\u00a0b', '\u00ad', 'a\u200bb', 'a\u200db', 'a\u200cb', '\u2028\u2029', '\u202f', 'a\u3000b', '\ufeffa', '\ufffd', '\ufffe', '\u{10ffff}', '\ue000', '\u180e', '\u2003x',
    '▁', '▁▁', ' ▁', '▁a', 'a▁b', 'a ▁ b', '_', '<0x41>', '<0x0A>', '<unk>', '<s>', '<s> a', 'a<s>', '<s><s>', ' <s> ', '<S>', 'a<|endoftext|>b', ' <|endoftext|> ', '<|endoftext|', 'Ġ', 'Ċ', 'Ġhello', 'Ã©',
    'Walking walked walker', 'talkertalker', 'walkingtalkingsinging', 'thethethe', 'THE THE', 'aaaaaaaaaaaaaaaaaaaa', 'abababababab', 'the the the the the', 'to the north, the south', 'zzzzqqqqxxxx', 'supercalifragilistic',
    'a b c d e f g', 'A-B-C', "O'Neil's", 'e.g. i.e. etc.', '50% off', 'v1.2.3-beta', 'foo.bar(baz)', 'camelCaseString', 'MiXeD', 'H2O CO2', '10km 5kg', 'No. 5',
    'ends with space ', 'ends with newline\n', 'ends with both  \n', '   starts with three', 'tabs\t\tbetween', 'mixed \t spaces', 'a\u00a0\u00a0b', 'a \u00a0 b', '1 2  3   4',
    'don’t 你好 😀 12', 'été1', '1été', '日1本', '😀1', 'a\u03011', '«1»', ' ½', 'x²', '^^', '~~', '``', '||', '\\\\', '&amp;', '← →', '∑∫', '℃', '№5', '•', 'ʰ',
    "The keeper's lamp burned from 1873 until 1921.", 'def area(r):\n    return 3.14159 * r ** 2\n', 'When Mary and John went to the store, John gave a drink to',
];
