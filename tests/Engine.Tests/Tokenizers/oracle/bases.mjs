// Small byte-pair vocabularies trained on the corpus, and tokenizer.json files made of them.
import { corpus } from './corpus.mjs';

const bytesToCharacters = (() => {
    const map = [];
    let next = 256;
    for (let value = 0; value < 256; value++)
        map[value] = String.fromCodePoint((value >= 0x21 && value <= 0x7e) || (value >= 0xa1 && value <= 0xac) || value >= 0xae ? value : next++);
    return map;
})();
const byteCharacters = text => [...Buffer.from(text, 'utf8')].map(value => bytesToCharacters[value]).join('');

// The most frequent pair again and again, ties by order of the pair's text.
function train(words, count) {
    const lines = words.map(word => [...word]);
    const alphabet = [...new Set(lines.flat())].sort();
    const merges = [];
    while (merges.length < count) {
        const pairs = new Map();
        for (const line of lines) {
            for (let i = 0; i + 1 < line.length; i++) {
                const key = JSON.stringify([line[i], line[i + 1]]);
                pairs.set(key, (pairs.get(key) ?? 0) + 1);
            }
        }
        const best = [...pairs].filter(pair => pair[1] > 1).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
        if (!best)
            break;
        const [left, right] = JSON.parse(best[0]);
        merges.push([left, right]);
        const union = left + right;
        for (const line of lines) {
            for (let i = 0; i + 1 < line.length; i++) {
                if (line[i] === left && line[i + 1] === right)
                    line.splice(i, 2, union);
            }
        }
    }
    return { alphabet, merges, tokens: [...new Set(merges.map(([left, right]) => left + right))] };
}

const number = tokens => Object.fromEntries([...new Set(tokens)].map((token, id) => [token, id]));
export const addedToken = (id, content, options = {}) =>
    ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...options });
const bpe = (vocab, merges, options = {}) => ({
    type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false,
    byte_fallback: false, ignore_merges: false, vocab, merges, ...options,
});
const file = (model, parts = {}) => ({
    version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null,
    ...parts, model,
});
const template = ([token, id]) => ({
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
});

const gpt2Words = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
export const llama3Regex = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

function gpt2() {
    const trained = train(corpus.match(gpt2Words).map(byteCharacters), 180);
    const vocab = number([...bytesToCharacters, ...trained.tokens]);
    const end = Object.keys(vocab).length;
    return file(bpe(vocab, trained.merges.map(pair => pair.join(' '))), {
        added_tokens: [addedToken(end, '<|endoftext|>')], pre_tokenizer: byteLevel, decoder: byteLevel,
    });
}

function llama3() {
    const words = corpus.match(new RegExp("'(?:[sdmtSDMT]|ll|ve|re)" + llama3Regex.slice(llama3Regex.indexOf('|[^')), 'gu'));
    const trained = train(words.map(byteCharacters), 180);
    // Two words that no merge leads to: only ignore_merges finds them.
    const vocab = number([...bytesToCharacters, ...trained.tokens, byteCharacters(' Mary'), byteCharacters('supercalifragilistic')]);
    const end = Object.keys(vocab).length;
    return file(bpe(vocab, trained.merges, { ignore_merges: true }), {
        added_tokens: [addedToken(end, '<|begin_of_text|>'), addedToken(end + 1, '<|end_of_text|>'), addedToken(end + 2, '<s>')],
        pre_tokenizer: {
            type: 'Sequence', pretokenizers: [
                { type: 'Split', pattern: { Regex: llama3Regex }, behavior: 'Isolated', invert: false },
                { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
            ],
        },
        post_processor: { type: 'Sequence', processors: [{ ...byteLevel, trim_offsets: false }, template(['<|begin_of_text|>', end])] },
        decoder: byteLevel,
    });
}

function sentencePiece() {
    const trained = train(corpus.split(/(?<=[.;:?!,\n])/u).map(line => ('▁' + line.trim()).replaceAll(' ', '▁')), 180);
    const bytes = Array.from({ length: 256 }, (_, value) => `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`);
    const characters = trained.alphabet.filter(character => (character.codePointAt(0) < 0x250 || character === '▁') && character >= ' ');
    const known = new Set(characters);
    const merges = trained.merges.filter(pair => [...pair.join('')].every(character => known.has(character)));
    const vocab = number(['<unk>', '<s>', '</s>', ...bytes, ...merges.map(pair => pair.join('')), ...characters]);
    return file(bpe(vocab, merges.map(pair => pair.join(' ')), { unk_token: '<unk>', fuse_unk: true, byte_fallback: true }), {
        added_tokens: [addedToken(0, '<unk>'), addedToken(1, '<s>'), addedToken(2, '</s>')],
        normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] },
        post_processor: template(['<s>', 1]),
        decoder: {
            type: 'Sequence', decoders: [
                { type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' },
                { type: 'Strip', content: ' ', start: 1, stop: 0 },
            ],
        },
    });
}

// Characters, no bytes: what is not in the corpus is unknown.
function characters() {
    const trained = train(corpus.split('\n').map(line => '▁' + line.replaceAll(' ', '▁')), 120);
    const vocab = number(['<unk>', '<s>', ...trained.alphabet, ' ', '\n', ...trained.tokens]);
    return file(bpe(vocab, trained.merges, { unk_token: '<unk>' }), {
        added_tokens: [addedToken(1, '<s>')],
        pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
        decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    });
}

// Byte pairs across everything: where a pre-tokenizer cuts shows in the ids.
function crossing() {
    const trained = train(corpus.split('\n').map(byteCharacters), 220);
    const vocab = number([...bytesToCharacters, ...trained.tokens]);
    return file(bpe(vocab, trained.merges), { decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true } });
}

export const bases = { gpt2: gpt2(), llama3: llama3(), sentencePiece: sentencePiece(), characters: characters(), crossing: crossing() };
