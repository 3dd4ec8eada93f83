// The bases with other steps: each variant replaces whole parts of a base.
import { addedToken, bases, llama3Regex } from './bases.mjs';

const byteLevel = (add_prefix_space, use_regex) => ({ type: 'ByteLevel', add_prefix_space, trim_offsets: true, use_regex });
const split = (Regex, behavior = 'Isolated', invert = false) => ({ type: 'Split', pattern: { Regex }, behavior, invert });
const splitAt = (String, behavior) => ({ type: 'Split', pattern: { String }, behavior, invert: false });
const sequence = (...pretokenizers) => ({ type: 'Sequence', pretokenizers });
const normalizers = (...list) => ({ type: 'Sequence', normalizers: list });
const decoders = (...list) => ({ type: 'Sequence', decoders: list });
const metaspace = (prepend_scheme, cut) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme, split: cut });
const replace = (pattern, content) => ({ type: 'Replace', pattern, content });
const bytes = byteLevel(false, false);

export const variants = Object.keys(bases).map(name => ({ name, base: name, parts: {}, model: {} }));
const add = (name, base, parts = {}, model = {}) => variants.push({ name, base, parts, model });

add('prefix space', 'gpt2', { pre_tokenizer: byteLevel(true, true) });
add('no words', 'gpt2', { pre_tokenizer: byteLevel(true, false) });
add('bytes as normalizer', 'crossing', { normalizer: { type: 'ByteLevel' } });
add('bytes as normalizer, words after', 'crossing', { normalizer: { type: 'ByteLevel' }, pre_tokenizer: split('Ġ?[^Ġ]+') });
add('no decoder', 'gpt2', { decoder: null });

// Patterns of well-known models.
add('llama-3', 'crossing', { pre_tokenizer: sequence(split(llama3Regex), bytes) });
add('qwen-2', 'crossing', { normalizer: { type: 'NFC' }, pre_tokenizer: sequence(split(llama3Regex.replace('{1,3}', '')), bytes) });
add('cl100k, possessive', 'crossing', {
    pre_tokenizer: sequence(split("'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s*[\\r\\n]|\\s+(?!\\S)|\\s"), bytes),
});
add('o200k', 'crossing', {
    pre_tokenizer: sequence(split([
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        '\\p{N}{1,3}', ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*', '\\s*[\\r\\n]+', '\\s+(?!\\S)', '\\s+'].join('|'), 'Removed', true), bytes),
});
add('deepseek', 'crossing', {
    pre_tokenizer: sequence(split('\\p{N}{1,3}'), split('[一-龥぀-ゟ゠-ヿ]+'), split(
        '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'), bytes),
});
add('starcoder', 'crossing', { pre_tokenizer: sequence({ type: 'Digits', individual_digits: true }, byteLevel(false, true)) });
add('falcon', 'crossing', {
    pre_tokenizer: sequence({ type: 'Punctuation', behavior: 'Contiguous' }, byteLevel(false, true), { type: 'Digits', individual_digits: false }, split('[0-9][0-9][0-9]')),
});

// Splitting.
for (const behavior of ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']) {
    add(`pattern, ${behavior}`, 'crossing', { pre_tokenizer: sequence(split('[aeiou ]|\\d\\d', behavior), bytes) });
    add(`inverted, ${behavior}`, 'crossing', { pre_tokenizer: sequence(split('[aeiou ]+|\\n', behavior, true), bytes) });
    add(`string, ${behavior}`, 'crossing', { pre_tokenizer: sequence(splitAt(' ', behavior), bytes) });
    add(`punctuation, ${behavior}`, 'crossing', { pre_tokenizer: sequence({ type: 'Punctuation', behavior }, bytes) });
}
add('empty matches', 'crossing', { pre_tokenizer: sequence(split('a*'), bytes) });
add('empty string', 'crossing', { pre_tokenizer: sequence(splitAt('', 'Isolated'), bytes) });
add('digit runs', 'crossing', { pre_tokenizer: sequence({ type: 'Digits', individual_digits: false }, bytes) });
add('lazy and nested', 'crossing', { pre_tokenizer: sequence(split('a.*?e|(?:[st]{1,2}h?)+|(?i:WALK)|[a-z]{5,}'), bytes) });

// Spaces as marks.
for (const scheme of ['always', 'first', 'never']) {
    for (const cut of [true, false])
        add(`metaspace ${scheme} ${cut}`, 'characters', { pre_tokenizer: metaspace(scheme, cut), decoder: metaspace(scheme, cut) });
}
const oldMetaspace = { type: 'Metaspace', replacement: '▁', add_prefix_space: true };
add('metaspace, old spelling', 'characters', { pre_tokenizer: oldMetaspace, decoder: oldMetaspace });
add('fused unknowns', 'characters', {}, { fuse_unk: true });
add('unknowns dropped', 'characters', {}, { unk_token: null });

// Byte fallback.
add('unknowns not fused', 'sentencePiece', {}, { fuse_unk: false });
add('no byte fallback', 'sentencePiece', {}, { byte_fallback: false });
add('no unknown token', 'sentencePiece', {}, { unk_token: null });
add('metaspace with bytes', 'sentencePiece', { normalizer: null, pre_tokenizer: metaspace('first', false) });
add('gemma-like', 'sentencePiece', {
    normalizer: replace({ String: ' ' }, '▁'), pre_tokenizer: splitAt(' ', 'MergedWithPrevious'),
    decoder: decoders(replace({ String: '▁' }, ' '), { type: 'ByteFallback' }, { type: 'Fuse' }),
});
// The original aborts where start and stop of Strip meet in one token, so the two are apart.
add('strip decoder, start', 'sentencePiece', {
    decoder: decoders(replace({ Regex: '▁+' }, ' '), { type: 'ByteFallback' }, { type: 'Strip', content: ' ', start: 2, stop: 0 }, { type: 'Fuse' }),
});
add('strip decoder, stop', 'sentencePiece', {
    decoder: decoders(replace({ String: '▁' }, ' '), { type: 'ByteFallback' }, { type: 'Strip', content: ' ', start: 0, stop: 1 }, { type: 'Fuse' }),
});

// Normalizers.
add('NFC', 'gpt2', { normalizer: { type: 'NFC' } });
add('replacements', 'gpt2', {
    normalizer: normalizers(replace({ Regex: '\\s+' }, ' '), replace({ String: "''" }, '"'), replace({ Regex: '(?<=a)b|x+' }, '-'), { type: 'NFC' }, { type: 'Prepend', prepend: '> ' }),
});

// Added tokens. Those of the vocabulary keep their ids, new ones follow it.
const tokens = (base, ...list) => {
    const { vocab } = bases[base].model;
    let next = Object.keys(vocab).length;
    return list.map(([content, options]) => addedToken(vocab[content] ?? next++, content, { special: false, ...options }));
};
const tokenLists = {
    plain: [['the', {}], ['walk', {}], ['walking', {}], [' ', {}], ['😀', {}], ['a b', {}]],
    'left strip': [['the', { lstrip: true }], ['a', { lstrip: true }], ['b', { lstrip: true }], ['<s>', { lstrip: true }]],
    'right strip': [['the', { rstrip: true }], ['a', { rstrip: true }], ['b', { rstrip: true }], ['<s>', { rstrip: true }]],
    'both strips': [['the', { lstrip: true, rstrip: true }], ['a', { lstrip: true, rstrip: true }], ['<s>', { lstrip: true, rstrip: true }]],
    'strips that overlap': [['the', { rstrip: true }], [' ', {}], ['a', { rstrip: true }], ['\n', { rstrip: true }]],
    'strips of white space': [['\n', { lstrip: true, rstrip: true }], ['a', { rstrip: true }]],
    normalized: [['The', { normalized: true }], ['WALK', { normalized: true }], ['é', { normalized: true }], ['<s>', {}], ['Hello', {}]],
};
for (const [name, list] of Object.entries(tokenLists)) {
    add(`added ${name}`, 'gpt2', { added_tokens: tokens('gpt2', ...list) });
    add(`added ${name}, normalizer`, 'gpt2', {
        added_tokens: tokens('gpt2', ...list), normalizer: normalizers({ type: 'NFC' }, replace({ String: 't' }, 'T')),
    });
}
add('added and marks', 'sentencePiece', { added_tokens: [...bases.sentencePiece.added_tokens, ...tokens('sentencePiece', ['the', { normalized: true }], ['walk', {}])] });
add('added and metaspace first', 'characters', { added_tokens: tokens('characters', ['the', {}], ['a', { normalized: true }]), pre_tokenizer: metaspace('first', true) });
add('added of the model', 'gpt2', { added_tokens: tokens('gpt2', ['a', { special: true }], ['<|endoftext|>', { special: true }]) });

// The tokenizer.json of a variant.
export const build = ({ base, parts, model }) => ({ ...bases[base], ...parts, model: { ...bases[base].model, ...model } });
